/** The people who may log in. */
import { z } from 'zod';
import { roleSchema, sessionIdOf, userNameSchema, type UserName } from '../../storage/user-store.ts';
import { found } from '../refusal.ts';
import { openSessionListSchema, sessionIdSchema, userSchema } from './people-views.ts';
import { emptyRoute, jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';
import { hashOrRefuse, passwordSchema } from './session-routes.ts';

const params = z.strictObject({ user: userNameSchema });

export function userRoutes({ users, passwords, administration }: ApiServices): Route[] {
  const find = async (name: UserName): Promise<z.output<typeof userSchema>> =>
    found(
      (await users.list()).find((user) => user.name === name),
      `user ${name}`,
    );
  return [
    jsonRoute({
      ...{ operation: 'listUsers', method: 'get', path: '/api/v1/users' },
      summary: 'Who may log in',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({ users: z.array(userSchema) }),
      handle: async () => ({ users: [...(await users.list())] }),
    }),
    jsonRoute({
      ...{ operation: 'addUser', method: 'post', path: '/api/v1/users' },
      summary: 'Add a user',
      ...{ params: NONE, query: NONE, status: 201, answer: userSchema },
      body: z.strictObject({ name: userNameSchema, role: roleSchema, password: passwordSchema }),
      handle: async ({ body: { name, role, password }, caller }) => {
        const encoded = await hashOrRefuse(passwords, password);
        await administration.addUser(sessionOf(caller).user, { name, role, password: encoded });
        return find(name);
      },
    }),
    jsonRoute({
      ...{ operation: 'changeUser', method: 'put', path: '/api/v1/users/:user' },
      summary: 'Give a user another role or password; all sessions of the user end',
      ...{ params, query: NONE, answer: userSchema },
      body: z.union([z.strictObject({ role: roleSchema }), z.strictObject({ password: passwordSchema })]),
      handle: async ({ params: { user }, body, caller }) => {
        await find(user);
        const actor = sessionOf(caller).user;
        if ('role' in body) await administration.setRole(actor, user, body.role);
        else await administration.setPassword(actor, user, await hashOrRefuse(passwords, body.password));
        return find(user);
      },
    }),
    emptyRoute({
      ...{ operation: 'removeUser', method: 'delete', path: '/api/v1/users/:user' },
      summary: 'Remove a user; all sessions of the user end',
      ...{ params, query: NONE, body: NONE },
      handle: async ({ params: { user }, caller }) => {
        await find(user);
        await administration.removeUser(sessionOf(caller).user, user);
      },
    }),
    jsonRoute({
      ...{ operation: 'listSessions', method: 'get', path: '/api/v1/sessions' },
      summary: 'Who is logged in, the newest first',
      ...{ params: NONE, query: NONE, body: NONE, answer: openSessionListSchema },
      handle: async ({ caller: { token } }) => {
        const own = token === undefined ? undefined : sessionIdOf(token);
        return { sessions: (await users.sessions()).map((one) => ({ ...one, isOwn: one.id === own })) };
      },
    }),
    emptyRoute({
      ...{ operation: 'endSession', method: 'delete', path: '/api/v1/sessions/:session' },
      summary: 'End a session',
      ...{ params: z.strictObject({ session: sessionIdSchema }), query: NONE, body: NONE },
      handle: ({ params: { session }, caller }) => administration.endSession(sessionOf(caller).user, session),
    }),
  ];
}
