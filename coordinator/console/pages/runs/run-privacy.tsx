/** How the updates of a run are protected, and how much privacy it has spent. */
import { useGet } from '../../../../shared/ui/data.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Card, KeyValues, Note } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import type { PrivacyView } from '../../../http/api/run-views.ts';
import { privacyPath } from '../../run-paths.ts';
import { protectionBadge } from '../plans/plan-words.tsx';

export function RunPrivacy({ runId }: { readonly runId: string }) {
  const privacy = useGet(privacyPath(runId), [`run:${runId}`]);
  return (
    <Loaded query={privacy} what="The protection of the run" rows={2} rowHeight={160}>
      {(answer) => <Privacy privacy={answer} />}
    </Loaded>
  );
}

function Privacy({ privacy }: { readonly privacy: PrivacyView }) {
  const { mode, threshold, ringBits, clipL2Norm, epsilon, delta, summary } = privacy;
  return (
    <div className="stack">
      {mode === 'plain' && (
        <Note tone="bad" title="Updates of this run are not encrypted">
          <p>Only ever use this with public data.</p>
        </Note>
      )}
      <div className="columns-main">
        <Card title="In plain language">
          <ul className="stack dense">
            {summary.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Card>
        <Card title="Facts">
          <KeyValues
            pairs={[
              ['Protection', protectionBadge(mode)],
              ['Minimum cohort', counted(privacy.minimumCohort, 'site')],
              ['Minimum survivors', counted(privacy.minimumSurvivors, 'site')],
              [
                'Sites that unmask together',
                threshold === null ? undefined : `at least ${counted(threshold, 'site')}`,
              ],
              ['Ring', ringBits === null ? undefined : counted(ringBits, 'bit')],
              ['Bound on an update', clipL2Norm === null ? undefined : `L2 norm ${String(clipL2Norm)}`],
              [
                'Differential privacy',
                epsilon === null
                  ? 'none asked for by the plan'
                  : `ε = ${epsilon.toPrecision(3)}${delta === null ? '' : `, δ = ${delta.toExponential(1)}`}`,
              ],
            ]}
          />
        </Card>
      </div>
    </div>
  );
}
