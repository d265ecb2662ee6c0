/** What an administrator can do with a run, each asked before it is done. */
import { useState } from 'react';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct } from '../../../../shared/ui/data.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import type { RunView } from '../../../http/api/run-views.ts';
import { wishPath } from '../../run-paths.ts';
import { useRefusal } from '../../session.tsx';

type Wish = 'pause' | 'resume' | 'stop';

interface WishWords {
  readonly action: string;
  readonly text: string;
  readonly done: string;
}

const WISHES: Readonly<Record<Wish, WishWords>> = {
  pause: {
    action: 'Pause',
    text: 'The round that is under way is finished first. Nothing is lost: the run goes on from there when it is resumed.',
    done: 'pauses after its round',
  },
  resume: {
    action: 'Resume',
    text: 'The run goes on with its next round as soon as the coordinator is free for it.',
    done: 'goes on',
  },
  stop: {
    action: 'Stop',
    text: 'The round that is under way is aborted and the run ends for good. Models that it has published stay.',
    done: 'is stopped',
  },
};

const POSSIBLE: Readonly<Record<RunView['status'], readonly Wish[]>> = {
  queued: ['stop'],
  running: ['pause', 'stop'],
  paused: ['resume', 'stop'],
  stopped: [],
  finished: [],
  failed: [],
};

interface RunControlsProps {
  readonly run: Pick<RunView, 'runId' | 'status'>;
  readonly size?: 'usual' | 'small';
}

export function RunControls({ run: { runId, status }, size = 'usual' }: RunControlsProps) {
  const [asked, setAsked] = useState<Wish>();
  const refusal = useRefusal('wishRun');
  const act = useAct((api, wish: Wish) => api.send('post', wishPath(runId), { wish }), {
    done: (_, wish) => `The run ${runId} ${WISHES[wish].done}`,
  });
  return (
    <>
      {POSSIBLE[status].map((wish) => (
        <Button
          key={wish}
          size={size}
          kind={wish === 'stop' ? 'danger' : 'plain'}
          label={`${WISHES[wish].action} run ${runId}`}
          disabledReason={refusal}
          onPress={() => {
            setAsked(wish);
          }}
        >
          {WISHES[wish].action}
        </Button>
      ))}
      {asked !== undefined && (
        <Confirm
          title={`${WISHES[asked].action} the run ${runId}?`}
          action={`${WISHES[asked].action} run`}
          isDangerous={asked === 'stop'}
          onConfirm={() => act.run(asked)}
          onClose={() => {
            setAsked(undefined);
          }}
        >
          <p>{WISHES[asked].text}</p>
        </Confirm>
      )}
    </>
  );
}
