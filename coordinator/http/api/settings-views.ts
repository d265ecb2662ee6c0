/** What people are shown of the coordinator itself: how it is set up, without secrets. */
import { z } from 'zod';

const bytes = z.int().min(0);

export const certificateSchema = z.strictObject({
  subject: z.string(),
  issuer: z.string(),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  /** Negative: it has expired. */
  daysLeft: z.int(),
});

export const loginAttemptSchema = z.strictObject({
  at: z.iso.datetime(),
  outcome: z.enum(['open', 'wrong', 'too-many', 'busy']),
  address: z.string(),
  /** Null where there is no such user: what was typed is not kept. */
  user: z.string().nullable(),
});
export type LoginAttemptView = z.infer<typeof loginAttemptSchema>;

export const settingsSchema = z.strictObject({
  configuration: z.strictObject({
    host: z.string(),
    port: z.int(),
    url: z.string(),
    transport: z.enum(['tls', 'plain-loopback', 'behind-tls-proxy']),
    database: z.enum(['sqlite', 'postgresql']),
    /** Whether it holds images that models are judged with. */
    hasValidationImages: z.boolean(),
    federationId: z.string(),
    fingerprint: z.string(),
  }),
  /** Null where it does no TLS of its own. */
  certificate: certificateSchema.nullable(),
  versions: z.strictObject({ program: z.string(), protocol: z.int(), node: z.string() }),
  storage: z.strictObject({
    /** Null for a database server. */
    databaseBytes: bytes.nullable(),
    modelsBytes: bytes,
    modelFiles: z.int().min(0),
    runsBytes: bytes,
    /** Of the disk that the folder is on. */
    freeBytes: bytes,
    totalBytes: bytes,
  }),
  /** Since this program was started, newest first, 200 at most. */
  logins: z.strictObject({ since: z.iso.datetime(), attempts: z.array(loginAttemptSchema) }),
});
export type SettingsView = z.infer<typeof settingsSchema>;
