/** Approving, suspending, reinstating and removing a site. */
import { useState, type ReactNode } from 'react';
import { Button } from '../../../shared/ui/button.tsx';
import { useAct } from '../../../shared/ui/data.tsx';
import { Confirm } from '../../../shared/ui/dialog.tsx';
import type { SiteView } from '../../http/api/site-views.ts';
import { siteStatusPath } from '../paths.ts';
import { useRefusal } from '../session.tsx';
import { ApproveDialog } from './join-requests.tsx';

type NewStatus = 'active' | 'suspended' | 'removed';
type Asked = NewStatus | 'approve';

const DONE: Readonly<Record<NewStatus, string>> = {
  active: 'takes part again',
  suspended: 'is suspended',
  removed: 'is removed',
};

export function SiteActions({ site }: { readonly site: SiteView }) {
  const { siteId, status } = site;
  const [asked, setAsked] = useState<Asked>();
  const refusal = useRefusal('changeSite');
  const change = useAct((api, next: NewStatus) => api.send('put', siteStatusPath(siteId), { status: next }), {
    done: (_answer, next) => `${siteId} ${DONE[next]}.`,
  });
  const button = (next: Asked, words: string, kind: 'primary' | 'plain' | 'danger'): ReactNode => (
    <Button
      key={next}
      kind={kind}
      disabledReason={refusal}
      onPress={() => {
        setAsked(next);
      }}
    >
      {words}
    </Button>
  );
  const close = (): void => {
    setAsked(undefined);
  };
  return (
    <>
      {status === 'pending' && button('approve', 'Approve…', 'primary')}
      {status === 'suspended' && button('active', 'Reinstate…', 'primary')}
      {status === 'active' && button('suspended', 'Suspend…', 'plain')}
      {status !== 'removed' && button('removed', 'Remove…', 'danger')}
      {asked === 'approve' && <ApproveDialog site={site} onClose={close} />}
      {asked === 'active' && (
        <Confirm
          title={`Reinstate ${siteId}?`}
          action="Reinstate site"
          onConfirm={() => change.run('active')}
          onClose={close}
        >
          <p>The site takes part in rounds again. All sites approve the new list of sites first.</p>
        </Confirm>
      )}
      {asked === 'suspended' && (
        <Confirm
          title={`Suspend ${siteId}?`}
          action="Suspend site"
          isDangerous
          onConfirm={() => change.run('suspended')}
          onClose={close}
        >
          <p>
            It is disconnected at once and dropped from the round in progress. You can reinstate it at any
            time.
          </p>
        </Confirm>
      )}
      {asked === 'removed' && (
        <Confirm
          title={`Remove ${siteId}?`}
          action="Remove site"
          isDangerous
          typed={siteId}
          onConfirm={() => change.run('removed')}
          onClose={close}
        >
          <p>
            It is disconnected at once and never comes back under this name or key. What earlier rounds have
            learned from it stays in the published models.
          </p>
        </Confirm>
      )}
    </>
  );
}
