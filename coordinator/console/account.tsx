/** Who is logged in, their own password, and logging out. */
import { useState } from 'react';
import { Button } from '../../shared/ui/button.tsx';
import { useAct } from '../../shared/ui/data.tsx';
import { Dialog } from '../../shared/ui/dialog.tsx';
import { Form, TextField } from '../../shared/ui/form.tsx';
import { MIN_PASSWORD_CHARS, passwordProblem } from './password-rule.ts';
import { LOGOUT, OWN_PASSWORD } from './paths.ts';
import { useSession } from './session.tsx';

export function Account() {
  const { session, forget } = useSession();
  const [isChanging, setChanging] = useState(false);
  const logout = useAct((api) => api.send('post', LOGOUT), {
    then: () => {
      forget();
    },
  });
  return (
    <div className="stack dense">
      <div className="small">
        <div className="strong wrap-anywhere">{session.user}</div>
        <div className="quiet">{session.role}</div>
      </div>
      <div className="cluster">
        <Button
          size="small"
          onPress={() => {
            setChanging(true);
          }}
        >
          Password
        </Button>
        <Button
          size="small"
          isBusy={logout.isBusy}
          onPress={() => {
            logout.start();
          }}
        >
          Log out
        </Button>
      </div>
      {isChanging && (
        <PasswordDialog
          onClose={() => {
            setChanging(false);
          }}
        />
      )}
    </div>
  );
}

function PasswordDialog({ onClose }: { readonly onClose: () => void }) {
  const { forget } = useSession();
  const [present, setPresent] = useState('');
  const [next, setNext] = useState('');
  const [repeated, setRepeated] = useState('');
  const change = useAct((api) => api.send('put', OWN_PASSWORD, { present, next }), {
    then: () => {
      forget('Your password is changed. Log in with the new one.');
    },
  });
  const problem = passwordProblem(next, repeated);
  const isIncomplete = present === '' || next === '' || repeated === '';
  return (
    <Dialog title="Change your password" onClose={onClose}>
      <p className="quiet">Afterwards you log in again, here and wherever else you are logged in.</p>
      <Form
        error={change.error}
        onSubmit={() => {
          change.run().catch(() => undefined);
        }}
      >
        <TextField
          label="Present password"
          type="password"
          value={present}
          onChange={setPresent}
          autoComplete="current-password"
        />
        <TextField
          label="New password"
          hint={`${String(MIN_PASSWORD_CHARS)} characters or more; length is what counts.`}
          type="password"
          value={next}
          onChange={setNext}
          autoComplete="new-password"
        />
        <TextField
          label="New password again"
          type="password"
          value={repeated}
          onChange={setRepeated}
          problem={problem}
          autoComplete="new-password"
        />
        <div className="dialog-foot">
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            isBusy={change.isBusy}
            disabledReason={isIncomplete ? 'Fill in all three fields first' : problem}
          >
            Change password
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
