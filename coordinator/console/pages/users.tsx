/** Who may log in, with which role, and who is logged in now. */
import { useState } from 'react';
import { Page } from '../../../shared/ui/app-shell.tsx';
import { Button } from '../../../shared/ui/button.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { Badge, Card, KeyValues } from '../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import { Time } from '../../../shared/ui/values.tsx';
import type { UserView } from '../../http/api/people-views.ts';
import { USERS } from '../paths.ts';
import { useRefusal, useSession } from '../session.tsx';
import {
  AddUserDialog,
  ChangeRoleDialog,
  RemoveUserDialog,
  ResetPasswordDialog,
} from '../users/user-dialogs.tsx';
import { OpenSessions } from '../users/open-sessions.tsx';
import { ROLE_WORDS } from '../users/role-words.ts';

type Asked =
  { readonly kind: 'add' } | { readonly kind: 'role' | 'password' | 'remove'; readonly user: UserView };

export function UsersPage() {
  const users = useGet(USERS, ['users']);
  const [asked, setAsked] = useState<Asked>();
  const close = (): void => {
    setAsked(undefined);
  };
  const refusal = useRefusal('addUser');
  return (
    <Page
      title="Users"
      lead="The people who may log in to this coordinator."
      actions={
        <Button
          kind="primary"
          disabledReason={refusal}
          onPress={() => {
            setAsked({ kind: 'add' });
          }}
        >
          Add a user
        </Button>
      }
    >
      <Card title="Users" isFlush>
        <Loaded query={users} what="The users" rows={3} rowHeight={44}>
          {({ users: all }) => <UserTable users={all} onAsk={setAsked} />}
        </Loaded>
      </Card>
      <OpenSessions />
      <Card title="Roles">
        <KeyValues pairs={Object.entries(ROLE_WORDS).map(([role, words]) => [role, words])} />
      </Card>
      {asked?.kind === 'add' && <AddUserDialog onClose={close} />}
      {asked?.kind === 'role' && <ChangeRoleDialog user={asked.user} onClose={close} />}
      {asked?.kind === 'password' && <ResetPasswordDialog user={asked.user} onClose={close} />}
      {asked?.kind === 'remove' && <RemoveUserDialog user={asked.user} onClose={close} />}
    </Page>
  );
}

interface UserTableProps {
  readonly users: readonly UserView[];
  readonly onAsk: (asked: Asked) => void;
}

function UserTable({ users, onAsk }: UserTableProps) {
  const { session } = useSession();
  const refusal = useRefusal('changeUser');
  const columns: readonly Column<UserView>[] = [
    {
      ...{ key: 'name', header: 'Name', isRowHeader: true },
      sortBy: ({ name }) => name,
      cell: ({ name }) => (
        <>
          {name} {name === session.user && <Badge>you</Badge>}
        </>
      ),
    },
    {
      ...{ key: 'role', header: 'Role', width: 150 },
      sortBy: ({ role }) => role,
      cell: ({ role }) => <Badge tone={role === 'administrator' ? 'info' : 'neutral'}>{role}</Badge>,
    },
    {
      ...{ key: 'since', header: 'Since', width: 220 },
      sortBy: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      ...{ key: 'acts', header: 'Change', width: 300 },
      cell: (user) => (
        <div className="row-actions">
          {(['role', 'password', 'remove'] as const).map((kind) => (
            <Button
              key={kind}
              size="small"
              kind={kind === 'remove' ? 'danger' : 'plain'}
              disabledReason={refusal}
              label={`${LABELS[kind]} of ${user.name}`}
              onPress={() => {
                onAsk({ kind, user });
              }}
            >
              {LABELS[kind]}…
            </Button>
          ))}
        </div>
      ),
    },
  ];
  return (
    <DataTable
      caption="Users"
      rows={users}
      columns={columns}
      rowKey={({ name }) => name}
      initialSorting={{ key: 'name', isDescending: false }}
      empty={<Empty title="There is no user">Add one at the command line with coordinator user add.</Empty>}
    />
  );
}

const LABELS = { role: 'Role', password: 'Password', remove: 'Remove' } as const;
