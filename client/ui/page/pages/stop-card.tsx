/** The way to stop: after the round, or at once; both are asked about first. */
import { useState } from 'react';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct } from '../../../../shared/ui/data.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import type { StateView, StopWhen } from '../../views.ts';
import { STOP } from '../paths.ts';
import { useRefusal } from '../session.tsx';

export function StopCard({ state }: { readonly state: StateView }) {
  const [asked, setAsked] = useState<StopWhen>();
  const refusal = useRefusal();
  const stop = useAct((api, when: StopWhen) => api.send('post', STOP, { when }));
  const notHere = state.agent === 'not-running' ? 'No agent is running.' : undefined;
  const elsewhere =
    state.agent === 'elsewhere'
      ? 'The agent runs in another process: its own page can wait for the round.'
      : undefined;
  const under = state.stopping === 'at-once' ? 'The agent is stopping.' : undefined;
  return (
    <Card title="Stop" detail="You may stop at any time; nobody has to be asked.">
      <div className="stack tight">
        {state.stopping === 'after-round' && (
          <Note tone="warn" title="Stops after this round" isLive>
            <p>It can still be stopped at once.</p>
          </Note>
        )}
        <div className="cluster">
          <Button
            disabledReason={refusal ?? notHere ?? elsewhere ?? under}
            onPress={() => {
              setAsked('after-round');
            }}
          >
            Stop after this round
          </Button>
          <Button
            kind="danger"
            disabledReason={refusal ?? notHere ?? under}
            onPress={() => {
              setAsked('at-once');
            }}
          >
            Stop at once
          </Button>
        </div>
        <p className="quiet small">
          Stopping is not leaving: this site stays a member, and its approvals stay. To allow a plan no
          longer, withdraw it under Plans.
        </p>
      </div>
      {asked !== undefined && (
        <Confirm
          title={asked === 'at-once' ? 'Stop at once?' : 'Stop after this round?'}
          action={asked === 'at-once' ? 'Stop at once' : 'Stop after this round'}
          isDangerous={asked === 'at-once'}
          onConfirm={() => stop.run(asked)}
          onClose={() => {
            setAsked(undefined);
          }}
        >
          <Consequences when={asked} />
        </Confirm>
      )}
    </Card>
  );
}

function Consequences({ when }: { readonly when: StopWhen }) {
  return (
    <div className="stack dense">
      {when === 'at-once' ? (
        <p>
          Training ends after the step in progress. If our update has not been sent yet it is not sent, and
          the round goes on without us.
        </p>
      ) : (
        <p>The round in progress is finished and counts. Then the agent ends; without a round it ends now.</p>
      )}
      <p>What earlier rounds have learned with us stays in the published models.</p>
      <p>
        This page ends with the agent. <code>consilium site start</code> starts it again.
      </p>
    </div>
  );
}
