/** Login, logout and the own password. */
import { z } from 'zod';
import type { LoginRefusal } from '../../people/logins.ts';
import { InputError } from '../../../shared/errors.ts';
import { MAX_PASSWORD_CHARS, PasswordsBusyError, type Passwords } from '../../people/password.ts';
import type { Session } from '../../storage/user-store.ts';
import { HttpRefusal } from '../refusal.ts';
import { sessionSchema } from './people-views.ts';
import { emptyRoute, jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

/** What may be typed; whether it is one is not told here. */
const typedName = z.string().min(1).max(64);
export const passwordSchema = z.string().min(1).max(MAX_PASSWORD_CHARS);

const REFUSALS: Readonly<Record<LoginRefusal, readonly [status: number, code: string, message: string]>> = {
  wrong: [401, 'login-refused', 'name or password is wrong'],
  'too-many': [429, 'too-many-requests', 'too many tries: wait a quarter of an hour'],
  busy: [503, 'busy', 'too many logins at once: try again in a moment'],
};

/** @throws HttpRefusal for a password that is too short or too long */
export async function hashOrRefuse(passwords: Passwords, password: string): Promise<string> {
  try {
    return await passwords.hash(password);
  } catch (error) {
    if (error instanceof InputError) throw new HttpRefusal(422, 'password-invalid', error.message);
    if (error instanceof PasswordsBusyError) throw new HttpRefusal(...REFUSALS.busy);
    throw error;
  }
}

const view = ({ user, role, expiresAt, csrfToken }: Session) => ({ user, role, expiresAt, csrfToken });

export function sessionRoutes({ users, logins, passwords, administration, loggedIn }: ApiServices): Route[] {
  return [
    jsonRoute({
      ...{ operation: 'login', method: 'post', path: '/api/v1/login' },
      summary: 'Open a session; its cookie is set',
      ...{ params: NONE, query: NONE, answer: sessionSchema },
      body: z.strictObject({ name: typedName, password: passwordSchema }),
      handle: async ({ body, caller }) => {
        const outcome = await logins.login({ ...body, address: caller.address });
        loggedIn(outcome, caller.address);
        if (outcome.kind === 'refused') throw new HttpRefusal(...REFUSALS[outcome.reason]);
        const { user } = outcome.session;
        await administration.note({ actor: user, act: 'login', subject: user });
        caller.setSession(outcome.token);
        return view(outcome.session);
      },
    }),
    emptyRoute({
      ...{ operation: 'logout', method: 'post', path: '/api/v1/logout' },
      summary: 'End the session',
      ...{ params: NONE, query: NONE, body: NONE },
      handle: async ({ caller }) => {
        const { user } = sessionOf(caller);
        if (caller.token !== undefined) await users.endSession(caller.token);
        caller.setSession(undefined);
        await administration.note({ actor: user, act: 'logout', subject: user });
      },
    }),
    jsonRoute({
      ...{ operation: 'showSession', method: 'get', path: '/api/v1/session' },
      summary: 'Who is logged in',
      ...{ params: NONE, query: NONE, body: NONE, answer: sessionSchema },
      handle: ({ caller }) => view(sessionOf(caller)),
    }),
    emptyRoute({
      ...{ operation: 'changeOwnPassword', method: 'put', path: '/api/v1/session/password' },
      summary: 'Change the own password; all sessions of the user end',
      ...{ params: NONE, query: NONE },
      body: z.strictObject({ present: passwordSchema, next: passwordSchema }),
      handle: async ({ body, caller }) => {
        const { user } = sessionOf(caller);
        const { present, next } = body;
        // A stolen session must not be enough to guess the password without end.
        const outcome = await logins.confirm({ name: user, password: present, address: caller.address });
        if (outcome !== undefined) throw new HttpRefusal(...REFUSALS[outcome]);
        await administration.setPassword(user, user, await hashOrRefuse(passwords, next));
        caller.setSession(undefined);
      },
    }),
  ];
}
