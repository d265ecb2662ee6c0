/** What the process that ran the contract on one engine sends back. */
import { z } from 'zod';

export const contractReportSchema = z.discriminatedUnion('available', [
  z.strictObject({
    available: z.literal(true),
    device: z.string(),
    /** Message of each check that failed; null where it passed. */
    results: z.record(z.string(), z.string().nullable()),
    /** Tensors that TensorFlow.js held before and after; null for other engines. */
    tensors: z.strictObject({ before: z.number(), after: z.number() }).nullable(),
  }),
  z.strictObject({ available: z.literal(false), reason: z.string() }),
]);
export type ContractReport = z.infer<typeof contractReportSchema>;
