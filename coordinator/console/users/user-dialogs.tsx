/** Adding a user; giving one another role or password; removing one. */
import { useState } from 'react';
import { Button } from '../../../shared/ui/button.tsx';
import { useAct } from '../../../shared/ui/data.tsx';
import { Confirm, Dialog } from '../../../shared/ui/dialog.tsx';
import { Form, Select, TextField } from '../../../shared/ui/form.tsx';
import type { UserView } from '../../http/api/people-views.ts';
import { MIN_PASSWORD_CHARS, passwordProblem } from '../password-rule.ts';
import { NEW_USER, userPath } from '../paths.ts';
import { ROLE_OPTIONS, ROLE_WORDS } from './role-words.ts';

interface DialogProps {
  readonly onClose: () => void;
}
interface UserDialogProps extends DialogProps {
  readonly user: UserView;
}

const PASSWORD_HINT = `${String(MIN_PASSWORD_CHARS)} characters or more. Hand it over in a way that you trust; it can be changed after logging in.`;

export function AddUserDialog({ onClose }: DialogProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<UserView['role']>('researcher');
  const [password, setPassword] = useState('');
  const add = useAct((api) => api.send('post', NEW_USER, { name, role, password }), {
    done: () => `${name} may log in.`,
    then: onClose,
  });
  const problem = passwordProblem(password);
  return (
    <Dialog title="Add a user" onClose={onClose}>
      <Form
        error={add.error}
        onSubmit={() => {
          add.run().catch(() => undefined);
        }}
      >
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          hint="Lower-case letters, digits, and inner . _ -"
        />
        <Select label="Role" value={role} options={ROLE_OPTIONS} onChange={setRole} hint={ROLE_WORDS[role]} />
        <TextField
          label="First password"
          type="password"
          value={password}
          onChange={setPassword}
          hint={PASSWORD_HINT}
          problem={problem}
          autoComplete="new-password"
        />
        <Foot
          action="Add user"
          isBusy={add.isBusy}
          disabledReason={name === '' || password === '' ? 'Enter name and password first' : problem}
          onClose={onClose}
        />
      </Form>
    </Dialog>
  );
}

export function ChangeRoleDialog({ user, onClose }: UserDialogProps) {
  const [role, setRole] = useState(user.role);
  const change = useAct((api) => api.send('put', userPath(user.name), { role }), {
    done: () => `${user.name} is ${role} now.`,
    then: onClose,
  });
  return (
    <Dialog title={`Role of ${user.name}`} onClose={onClose}>
      <p className="quiet">All sessions of {user.name} end; the new role counts from the next login.</p>
      <Form
        error={change.error}
        onSubmit={() => {
          change.run().catch(() => undefined);
        }}
      >
        <Select label="Role" value={role} options={ROLE_OPTIONS} onChange={setRole} hint={ROLE_WORDS[role]} />
        <Foot
          action="Change role"
          isBusy={change.isBusy}
          disabledReason={role === user.role ? 'Choose another role first' : undefined}
          onClose={onClose}
        />
      </Form>
    </Dialog>
  );
}

export function ResetPasswordDialog({ user, onClose }: UserDialogProps) {
  const [password, setPassword] = useState('');
  const reset = useAct((api) => api.send('put', userPath(user.name), { password }), {
    done: () => `${user.name} has a new password.`,
    then: onClose,
  });
  const problem = passwordProblem(password);
  return (
    <Dialog title={`New password for ${user.name}`} onClose={onClose}>
      <p className="quiet">All sessions of {user.name} end.</p>
      <Form
        error={reset.error}
        onSubmit={() => {
          reset.run().catch(() => undefined);
        }}
      >
        <TextField
          label="New password"
          type="password"
          value={password}
          onChange={setPassword}
          hint={PASSWORD_HINT}
          problem={problem}
          autoComplete="new-password"
        />
        <Foot
          action="Set password"
          isBusy={reset.isBusy}
          disabledReason={password === '' ? 'Enter a password first' : problem}
          onClose={onClose}
        />
      </Form>
    </Dialog>
  );
}

export function RemoveUserDialog({ user, onClose }: UserDialogProps) {
  const remove = useAct((api) => api.send('delete', userPath(user.name)), {
    done: () => `${user.name} may not log in any more.`,
  });
  return (
    <Confirm
      title={`Remove ${user.name}?`}
      action="Remove user"
      isDangerous
      onConfirm={() => remove.run()}
      onClose={onClose}
    >
      <p>All sessions of {user.name} end at once. What they did stays in the ledger.</p>
    </Confirm>
  );
}

interface FootProps extends DialogProps {
  readonly action: string;
  readonly isBusy: boolean;
  readonly disabledReason: string | undefined;
}

function Foot({ action, isBusy, disabledReason, onClose }: FootProps) {
  return (
    <div className="dialog-foot">
      <Button onPress={onClose}>Cancel</Button>
      <Button kind="primary" type="submit" isBusy={isBusy} disabledReason={disabledReason}>
        {action}
      </Button>
    </div>
  );
}
