/** Who is logged in now, from when, and until when at most. */
import { Button } from '../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { Badge, Card } from '../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import { RelativeTime, Time } from '../../../shared/ui/values.tsx';
import type { OpenSession } from '../../http/api/people-views.ts';
import { SESSIONS, sessionPath } from '../paths.ts';
import { useRefusal } from '../session.tsx';

export function OpenSessions() {
  const sessions = useGet(SESSIONS, ['users']);
  const refusal = useRefusal('endSession');
  const end = useAct((api, { id }: OpenSession) => api.send('delete', sessionPath(id)), {
    done: (_answer, { user }) => `A session of ${user} is ended.`,
  });
  const columns: readonly Column<OpenSession>[] = [
    {
      ...{ key: 'user', header: 'User', isRowHeader: true },
      sortBy: ({ user }) => user,
      cell: ({ user, isOwn }) => (
        <>
          {user} {isOwn && <Badge>you</Badge>}
        </>
      ),
    },
    { key: 'role', header: 'Role', width: 150, cell: ({ role }) => role },
    {
      ...{ key: 'opened', header: 'Logged in', width: 220 },
      sortBy: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      ...{ key: 'seen', header: 'Last seen', width: 150 },
      sortBy: ({ seenAt }) => seenAt,
      cell: ({ seenAt }) => <RelativeTime at={seenAt} />,
    },
    {
      ...{ key: 'expires', header: 'Ends', width: 150 },
      cell: ({ expiresAt }) => <RelativeTime at={expiresAt} />,
    },
    {
      ...{ key: 'act', header: 'End', width: 110 },
      cell: (session) => (
        <Button
          size="small"
          disabledReason={session.isOwn ? 'Log out to end your own session' : refusal}
          isBusy={end.isBusy}
          label={`End the session of ${session.user}`}
          onPress={() => {
            end.start(session);
          }}
        >
          End
        </Button>
      ),
    },
  ];
  return (
    <Card
      title="Open sessions"
      detail="A session ends half an hour after its last use, and after twelve hours."
      isFlush
    >
      <Loaded query={sessions} what="The sessions" rows={2} rowHeight={44}>
        {({ sessions: all }) => (
          <DataTable
            caption="Open sessions"
            rows={all}
            columns={columns}
            rowKey={({ id }) => id}
            initialSorting={{ key: 'user', isDescending: false }}
            empty={<Empty title="Nobody is logged in">Sessions are opened by logging in.</Empty>}
          />
        )}
      </Loaded>
    </Card>
  );
}
