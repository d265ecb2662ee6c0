/** What a probe of one engine found, as it comes from the child process that tried it. */
import { z } from 'zod';
import { ENGINE_NAMES } from './engine.ts';

const engineName = z.enum(ENGINE_NAMES);

const workingEngineSchema = z.strictObject({
  name: engineName,
  available: z.literal(true),
  device: z.string(),
  /** Largest relative error of the self-check. */
  relativeError: z.number(),
  imagesPerSecond: z.number(),
  stepMs: z.number(),
  batchSize: z.int(),
  /** Time to load the library and open the engine. */
  openMs: z.number(),
  /** Channels in a block of the blocked CPU kernels in use; engine `onnx` only. */
  blockSize: z.union([z.literal(8), z.literal(16)]).optional(),
});

const missingEngineSchema = z.strictObject({
  name: engineName,
  available: z.literal(false),
  /** Why, in a sentence for people. */
  reason: z.string(),
});

export const probeReportSchema = z.discriminatedUnion('available', [
  workingEngineSchema,
  missingEngineSchema,
]);
export type ProbeReport = z.infer<typeof probeReportSchema>;
export type WorkingEngine = z.infer<typeof workingEngineSchema>;
