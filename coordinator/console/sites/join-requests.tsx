/** Sites that ask to join. Approving one means that somebody has compared its fingerprint with the hospital. */
import { useState } from 'react';
import { Button } from '../../../shared/ui/button.tsx';
import { useAct } from '../../../shared/ui/data.tsx';
import { Confirm, Dialog } from '../../../shared/ui/dialog.tsx';
import { Checkbox } from '../../../shared/ui/form.tsx';
import { Badge, Card, Note } from '../../../shared/ui/panels.tsx';
import { explain } from '../../../shared/ui/query.ts';
import { CopyText, Time } from '../../../shared/ui/values.tsx';
import type { SiteView } from '../../http/api/site-views.ts';
import { siteStatusPath } from '../paths.ts';
import { useRefusal } from '../session.tsx';
import './sites.css';

type Question = { readonly kind: 'approve' | 'refuse'; readonly site: SiteView };

export function JoinRequests({ sites }: { readonly sites: readonly SiteView[] }) {
  const [question, setQuestion] = useState<Question>();
  const refusal = useRefusal('changeSite');
  const refuse = useAct(
    (api, siteId: string) => api.send('put', siteStatusPath(siteId), { status: 'removed' }),
    {
      done: (_answer, siteId) => `${siteId} is refused.`,
    },
  );
  const close = (): void => {
    setQuestion(undefined);
  };
  if (sites.length === 0) return null;
  return (
    <Card
      title="Waiting for approval"
      actions={<Badge tone="warn">{String(sites.length)}</Badge>}
      detail="Call the hospital on a number that you know, and compare the fingerprint with the one that its agent shows."
    >
      <ul className="requests">
        {sites.map((site) => (
          <li key={site.siteId}>
            <div>
              <h3>{site.siteId}</h3>
              <p className="small quiet">
                Asked <Time at={site.enrolledAt} />
              </p>
            </div>
            <div className="request-fingerprint">
              <span className="small quiet">Fingerprint</span>
              <CopyText text={site.fingerprint} what={`fingerprint of ${site.siteId}`} />
            </div>
            <div className="cluster">
              <Button
                kind="primary"
                disabledReason={refusal}
                label={`Approve ${site.siteId}`}
                onPress={() => {
                  setQuestion({ kind: 'approve', site });
                }}
              >
                Approve…
              </Button>
              <Button
                disabledReason={refusal}
                label={`Refuse ${site.siteId}`}
                onPress={() => {
                  setQuestion({ kind: 'refuse', site });
                }}
              >
                Refuse…
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {question?.kind === 'approve' && <ApproveDialog site={question.site} onClose={close} />}
      {question?.kind === 'refuse' && (
        <Confirm
          title={`Refuse ${question.site.siteId}?`}
          action="Refuse site"
          isDangerous
          onConfirm={() => refuse.run(question.site.siteId)}
          onClose={close}
        >
          <p>
            The site is removed, and its key stays known. It can only come back under another name, with a new
            invitation.
          </p>
        </Confirm>
      )}
    </Card>
  );
}

export interface ApproveDialogProps {
  readonly site: SiteView;
  readonly onClose: () => void;
}

export function ApproveDialog({ site: { siteId, fingerprint }, onClose }: ApproveDialogProps) {
  const [isCompared, setCompared] = useState(false);
  const approve = useAct((api) => api.send('put', siteStatusPath(siteId), { status: 'active' }), {
    done: () => `${siteId} is approved.`,
    then: onClose,
  });
  return (
    <Dialog title={`Approve ${siteId}`} onClose={onClose}>
      <p>The hospital reads this fingerprint to you, from its own screen:</p>
      <p className="fingerprint">{fingerprint}</p>
      <Note>
        <p>
          If a single digit differs, somebody else holds the key. Afterwards every site of the federation
          approves the new list of sites before it takes part in a masked round.
        </p>
      </Note>
      <Checkbox
        isChecked={isCompared}
        onChange={setCompared}
        label="I have compared all 32 digits with the hospital."
      />
      {approve.error !== null && (
        <Note tone="bad" isLive>
          <p>{explain(approve.error).message}</p>
        </Note>
      )}
      <div className="dialog-foot">
        <Button onPress={onClose}>Cancel</Button>
        <Button
          kind="primary"
          isBusy={approve.isBusy}
          disabledReason={isCompared ? undefined : 'Compare the fingerprint first'}
          onPress={() => {
            approve.run().catch(() => undefined);
          }}
        >
          Approve site
        </Button>
      </div>
    </Dialog>
  );
}
