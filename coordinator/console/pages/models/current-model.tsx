/** The version that is in use, how it came to be that, and the way back. */
import { useState } from 'react';
import { Link } from 'wouter';
import { formatMetric } from '../../../../shared/format.ts';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import { Badge, Card, KeyValues } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Hash, Time } from '../../../../shared/ui/values.tsx';
import type { CurrentModel, ModelVersion } from '../../../http/api/model-views.ts';
import { CURRENT_MODEL, ROLL_BACK } from '../../run-paths.ts';
import { useRefusal } from '../../session.tsx';
import { versionName, versionPath } from './model-name.ts';

export function CurrentModelCard() {
  const current = useGet(CURRENT_MODEL, ['models']);
  return (
    <Card
      title="In use"
      actions={
        current.data?.current ? (
          <RollBack current={current.data.current} previous={current.data.previous} />
        ) : undefined
      }
    >
      <Loaded query={current} what="The model in use" rows={2} rowHeight={40}>
        {(answer) => <Current answer={answer} />}
      </Loaded>
    </Card>
  );
}

function Current({ answer: { current, history } }: { readonly answer: CurrentModel }) {
  if (!current)
    return (
      <Empty title="No model is in use">
        Choose a version below, look at its figures, and promote it. Until then there is none to be handed
        out.
      </Empty>
    );
  const since = history[0];
  return (
    <div className="stack tight">
      <KeyValues
        pairs={[
          [
            'Version',
            <Link key="version" href={versionPath(current)}>
              {versionName(current)}
            </Link>,
          ],
          ['Plan', current.planName],
          ['ROC AUC', current.score === null ? 'not judged' : formatMetric(current.score)],
          ['Weights (SHA-512)', <Hash key="hash" value={current.modelHash} what="digest of the weights" />],
          [
            'Since',
            since && (
              <span key="since">
                <Time at={since.at} />
                {` by ${since.actor}`}
              </span>
            ),
          ],
        ]}
      />
      {history.length > 1 && <History history={history} />}
    </div>
  );
}

function History({ history }: Pick<CurrentModel, 'history'>) {
  return (
    <details>
      <summary>{`History (${String(history.length)})`}</summary>
      <DataTable
        caption="History of the model in use"
        rows={history}
        rowKey={({ sequence }) => String(sequence)}
        columns={[
          { ...{ key: 'at', header: 'Time', width: 224 }, cell: ({ at }) => <Time at={at} /> },
          {
            ...{ key: 'act', header: 'Act', width: 130 },
            cell: ({ act }) => (
              <Badge tone={act === 'promoted' ? 'good' : 'warn'}>
                {act === 'promoted' ? 'promoted' : 'rolled back'}
              </Badge>
            ),
          },
          {
            ...{ key: 'version', header: 'To', isRowHeader: true },
            cell: (promotion) => <Link href={versionPath(promotion)}>{versionName(promotion)}</Link>,
          },
          { ...{ key: 'actor', header: 'By', width: 160 }, cell: ({ actor }) => actor },
        ]}
        empty={null}
      />
    </details>
  );
}

interface RollBackProps {
  readonly current: ModelVersion;
  readonly previous: ModelVersion | null;
}

function RollBack({ current, previous }: RollBackProps) {
  const [isAsked, setAsked] = useState(false);
  const refusal = useRefusal('rollBackModel');
  const act = useAct((api) => api.send('post', ROLL_BACK, {}), {
    done: ({ current: now }) => (now ? `${versionName(now)} is in use again` : undefined),
  });
  return (
    <>
      <Button
        kind="danger"
        disabledReason={refusal ?? (previous ? undefined : 'No other version was in use before')}
        onPress={() => {
          setAsked(true);
        }}
      >
        Roll back
      </Button>
      {isAsked && previous && (
        <Confirm
          title="Roll the model back?"
          action={`Use ${versionName(previous)} again`}
          isDangerous
          onConfirm={() => act.run()}
          onClose={() => {
            setAsked(false);
          }}
        >
          <p>
            {`${versionName(current)} is no longer in use; ${versionName(previous)}, which was in use before it, is again. Nothing is deleted, and the ledger records it.`}
          </p>
        </Confirm>
      )}
    </>
  );
}

/** Makes a version the one in use. */
export function Promote({ version }: { readonly version: ModelVersion }) {
  const [isAsked, setAsked] = useState(false);
  const refusal = useRefusal('promoteModel');
  const current = useGet(CURRENT_MODEL, ['models']);
  const act = useAct(
    (api) => api.send('put', CURRENT_MODEL, { runId: version.runId, round: version.round }),
    { done: () => `${versionName(version)} is in use` },
  );
  const before = current.data?.current;
  return (
    <>
      <Button
        kind="primary"
        disabledReason={refusal ?? (version.isCurrent ? 'It is in use already' : undefined)}
        onPress={() => {
          setAsked(true);
        }}
      >
        Promote
      </Button>
      {isAsked && (
        <Confirm
          title={`Promote ${versionName(version)}?`}
          action="Promote"
          onConfirm={() => act.run()}
          onClose={() => {
            setAsked(false);
          }}
        >
          <p>
            {before
              ? `It takes the place of ${versionName(before)} as the model in use. You can roll back.`
              : 'It becomes the model in use.'}
          </p>
          {version.score === null && (
            <p>This version has not been judged: the coordinator held no validation images.</p>
          )}
        </Confirm>
      )}
    </>
  );
}
