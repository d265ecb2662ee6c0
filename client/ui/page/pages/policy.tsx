/** The hospital's own rules, which win over every plan: in sentences, as they stand on disk, and how they are changed. */
import { Link } from 'wouter';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { CopyText } from '../../../../shared/ui/values.tsx';
import type { PolicyView } from '../../views.ts';
import { POLICY } from '../paths.ts';

export function PolicyPage() {
  const query = useGet(POLICY, ['policy']);
  return (
    <Page
      title="Policy"
      lead="What this hospital allows. It wins over every plan; what is not allowed here does not happen."
    >
      <Loaded query={query} what="The policy" rows={8} rowHeight={32}>
        {(policy) => <Policy policy={policy} />}
      </Loaded>
    </Page>
  );
}

function Policy({ policy: { file, text, problem, sentences } }: { readonly policy: PolicyView }) {
  return (
    <>
      {problem !== null && (
        <Note tone="bad" title="The policy cannot be used" isLive>
          <p>{problem}</p>
        </Note>
      )}
      <Card title="In sentences">
        <ul className="sentences">
          {sentences.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </Card>
      <div className="grid">
        <Card title="How to change it">
          <div className="stack tight">
            <p>
              The policy is a text file, which belongs to the account of the agent. Whoever runs the agent
              changes it with an editor; the comments in it say what each field means. The agent reads it
              again before every round.
            </p>
            <CopyText text={file} what="path of the policy" />
            <p className="quiet">
              This page writes only the list of approved plans. A file that cannot be read, has an unknown
              field or may be changed by other accounts allows nothing.
            </p>
          </div>
        </Card>
        <Card title="Leaving">
          <div className="stack tight">
            <p>
              To take part in a training no longer, withdraw its plan under <Link href="/plans">Plans</Link>.
              To leave the federation, stop the agent and ask the coordinator's administrator to remove this
              site from its list.
            </p>
            <p>
              Past contributions are not unlearned: what earlier rounds have learned with this site stays in
              the published models. <Link href="/receipts">What left us</Link> says which rounds these are.
            </p>
          </div>
        </Card>
      </div>
      {text !== null && (
        <Card title="As it stands on disk">
          <pre tabIndex={0} aria-label="policy.yaml">
            {text}
          </pre>
        </Card>
      )}
    </>
  );
}
