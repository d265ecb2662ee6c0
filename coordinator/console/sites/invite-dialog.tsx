/** Inviting a site: a text that is shown once, to be handed to the hospital. */
import { useState } from 'react';
import { siteIdSchema } from '../../../shared/ids.ts';
import { Button } from '../../../shared/ui/button.tsx';
import { useAct } from '../../../shared/ui/data.tsx';
import { Dialog } from '../../../shared/ui/dialog.tsx';
import { Form, Select, TextField } from '../../../shared/ui/form.tsx';
import { Note } from '../../../shared/ui/panels.tsx';
import { CopyText } from '../../../shared/ui/values.tsx';
import { NEW_INVITATION } from '../paths.ts';

const LASTS = [
  { value: '24', label: '1 day' },
  { value: '72', label: '3 days' },
  { value: '168', label: '1 week' },
  { value: '720', label: '30 days' },
] as const;
type Hours = (typeof LASTS)[number]['value'];

export function InviteDialog({ onClose }: { readonly onClose: () => void }) {
  const [siteId, setSiteId] = useState('');
  const [hours, setHours] = useState<Hours>('72');
  const [invitation, setInvitation] = useState<string>();
  const invite = useAct((api) => api.send('post', NEW_INVITATION, { siteId, hours: Number(hours) }), {
    then: (answer) => {
      setInvitation(answer.invitation);
    },
  });
  if (invitation !== undefined)
    return (
      <Dialog title={`Invitation for ${siteId}`} onClose={onClose} isWide>
        <p>Hand this text to the hospital in a way that you trust. It is shown only now, and works once.</p>
        <div className="invitation">
          <CopyText text={invitation} what="invitation" />
        </div>
        <p>There it joins with:</p>
        <pre>site enroll &lt;invitation&gt; --data folder:/data/x-ray</pre>
        <Note>
          <p>Afterwards the site waits here for your approval.</p>
        </Note>
        <div className="dialog-foot">
          <Button kind="primary" onPress={onClose}>
            I have handed it over
          </Button>
        </div>
      </Dialog>
    );
  const isName = siteIdSchema.safeParse(siteId).success;
  return (
    <Dialog title="Invite a site" onClose={onClose}>
      <Form
        error={invite.error}
        onSubmit={() => {
          invite.run().catch(() => undefined);
        }}
      >
        <TextField
          label="Name of the site"
          value={siteId}
          onChange={setSiteId}
          placeholder="st-mary"
          hint="Everybody in the federation sees it; it cannot be changed later."
          problem={siteId === '' || isName ? undefined : 'Use 1 to 63 of a–z, 0–9 and inner hyphens.'}
        />
        <Select label="Works for" value={hours} options={LASTS} onChange={setHours} />
        <div className="dialog-foot">
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            isBusy={invite.isBusy}
            disabledReason={isName ? undefined : 'Enter a name first'}
          >
            Make invitation
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
