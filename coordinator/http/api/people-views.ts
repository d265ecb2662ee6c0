/** What people are shown of those who may log in, and of who is logged in. */
import { z } from 'zod';
import { roleSchema, userNameSchema } from '../../storage/user-store.ts';

export const sessionSchema = z.strictObject({
  user: userNameSchema,
  role: roleSchema,
  expiresAt: z.iso.datetime(),
  /** To be sent as the header `x-csrf-token` with every request that changes something. */
  csrfToken: z.string(),
});
export type SessionView = z.infer<typeof sessionSchema>;

export const userSchema = z.strictObject({
  name: userNameSchema,
  role: roleSchema,
  createdAt: z.iso.datetime(),
});
export type UserView = z.infer<typeof userSchema>;

/** Names a session without opening it. */
export const sessionIdSchema = z.string().regex(/^[0-9a-f]{32}$/);

export const openSessionSchema = z.strictObject({
  id: sessionIdSchema,
  user: userNameSchema,
  role: roleSchema,
  createdAt: z.iso.datetime(),
  /** To the minute. */
  seenAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  /** The one that asks. */
  isOwn: z.boolean(),
});
export type OpenSession = z.infer<typeof openSessionSchema>;
export const openSessionListSchema = z.strictObject({ sessions: z.array(openSessionSchema) });
