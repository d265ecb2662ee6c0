/** One version of a model: figures, where it comes from, its card, its files. */
import { Link, useLocation } from 'wouter';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Badge, Card, KeyValues, Note } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { Tabs } from '../../../../shared/ui/tabs.tsx';
import { Bytes, Hash, Time } from '../../../../shared/ui/values.tsx';
import type { ModelDetail, ModelVersion } from '../../../http/api/model-views.ts';
import { modelFilePath, modelPath } from '../../run-paths.ts';
import { EvaluationCharts } from '../runs/run-evaluation.tsx';
import { Promote } from './current-model.tsx';
import { MarkdownText } from './markdown-text.tsx';
import { MetricsTable } from './metrics-table.tsx';
import { versionKey } from './model-name.ts';
import '../runs/runs.css';

const PARENT = { path: '/models', label: 'Models' };

interface ModelPageProps {
  readonly runId: string;
  readonly round: number;
}

export function ModelPage({ runId, round }: ModelPageProps) {
  const detail = useGet(modelPath(runId, round), ['models', `run:${runId}`]);
  const model = detail.data?.model;
  return (
    <Page
      title={`${runId}, round ${String(round)}`}
      parent={PARENT}
      lead={
        model && (
          <span className="cluster">
            {model.planName}
            {model.isCurrent && <Badge tone="good">in use</Badge>}
            {model.isBest && <Badge tone="info">best of its run</Badge>}
          </span>
        )
      }
      actions={model && <Actions model={model} />}
    >
      <Loaded query={detail} what="The model" rows={6} rowHeight={80}>
        {(answer) => <Content detail={answer} />}
      </Loaded>
    </Page>
  );
}

function Actions({ model }: { readonly model: ModelVersion }) {
  const [, navigate] = useLocation();
  return (
    <>
      <Button
        onPress={() => {
          navigate(`/models/compare/${versionKey(model)}`);
        }}
      >
        Compare
      </Button>
      <Promote version={model} />
    </>
  );
}

function Content({ detail }: { readonly detail: ModelDetail }) {
  const { model, file, evaluation, metrics, card } = detail;
  return (
    <>
      {file.state === 'missing' && (
        <Note tone="bad" title="The weights of this version are missing or damaged">
          <p>It cannot be downloaded. Restore the models folder of the coordinator from its backup.</p>
        </Note>
      )}
      <div className="columns-main">
        <Provenance detail={detail} />
        <Downloads detail={detail} />
      </div>
      <Tabs
        label="Parts of the model"
        tabs={[
          {
            ...{ key: 'figures', label: 'Figures' },
            content: () =>
              evaluation ? (
                <EvaluationCharts
                  evaluation={evaluation}
                  fileName={`${model.runId}-round-${String(model.round)}`}
                />
              ) : (
                <Card title="Figures" isFlush>
                  <MetricsTable metrics={metrics} />
                </Card>
              ),
          },
          {
            ...{ key: 'card', label: 'Model card' },
            content: () => (
              <Card title="Model card" detail="What whoever uses the model has to know.">
                <MarkdownText text={card} />
              </Card>
            ),
          },
        ]}
      />
    </>
  );
}

function Provenance({ detail: { provenance, model, parameterCount } }: { readonly detail: ModelDetail }) {
  return (
    <Card title="Provenance" detail="Signed by the federation's key when the version was published.">
      <KeyValues
        pairs={[
          [
            'Run',
            <span key="run">
              <Link href={`/runs/${model.runId}`}>{model.runId}</Link>
              {`, round ${String(model.round)}`}
            </span>,
          ],
          [
            'Plan',
            <Link key="plan" href={`/plans/${model.planHash}`}>
              {model.planName}
            </Link>,
          ],
          ['Published', <Time key="at" at={provenance.publishedAt} />],
          ['Parameters', counted(parameterCount, 'weight')],
          ['Weights (SHA-512)', <Hash key="weights" value={model.modelHash} what="digest of the weights" />],
          [
            'Parent (SHA-512)',
            provenance.parentHash === null ? (
              'none: the first version of its run'
            ) : (
              <Hash key="parent" value={provenance.parentHash} what="digest of the parent" />
            ),
          ],
          [
            'Sites in it',
            provenance.sites.length === 0
              ? 'none'
              : `${counted(provenance.sites.length, 'site')}: ${provenance.sites.join(', ')}`,
          ],
          ['Federation', <span key="federation">{provenance.federationId}</span>],
          ['Signature', <Hash key="signature" value={provenance.signature} what="signature" />],
          ['Key', <Hash key="key" value={provenance.fingerprint} what="fingerprint of the key" chars={23} />],
        ]}
      />
    </Card>
  );
}

function Downloads({ detail: { model, file } }: { readonly detail: ModelDetail }) {
  const { runId, round } = model;
  const isThere = file.state === 'whole';
  return (
    <Card title="Download">
      <div className="stack tight">
        <KeyValues pairs={[['Weights', isThere ? <Bytes key="bytes" value={file.bytes} /> : 'missing']]} />
        {isThere && (
          <>
            <a className="button" href={modelFilePath(runId, round, 'onnx')} download>
              ONNX file
            </a>
            <a className="button" href={modelFilePath(runId, round, 'layers-model')} download>
              LayersModel (TensorFlow.js, zip)
            </a>
          </>
        )}
        <a className="button" href={modelFilePath(runId, round, 'card')} download>
          Model card (Markdown)
        </a>
        <p className="small quiet">
          A research model: it is no medical device and must not decide about patients.
        </p>
      </div>
    </Card>
  );
}
