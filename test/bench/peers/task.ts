/** What every peer of the speed comparison does, and what it says on standard output while it does it. */
import { z } from 'zod';

export const taskSchema = z.strictObject({
  sites: z.int().min(1),
  rounds: z.int().min(1),
  epochs: z.int().min(1),
  batchSize: z.int().min(1),
  imagesPerSite: z.int().min(1),
  /** Threads or processes that train. */
  workers: z.int().min(1),
  learningRate: z.number().positive(),
  momentum: z.number().min(0),
  /** How PyTorch lays out images and filters; nothing to ours. */
  memoryFormat: z.enum(['contiguous', 'channels_last']),
  /** How ours hides updates; nothing to the peers, who do not. */
  protection: z.enum(['plain', 'box']),
});
export type Task = z.infer<typeof taskSchema>;

/** Steps of SGD at all sites in all rounds. */
export const stepsOf = ({ sites, rounds, epochs, batchSize, imagesPerSite }: Task): number =>
  sites * rounds * epochs * Math.ceil(imagesPerSite / batchSize);

/** In front of each event's JSON, because frameworks write to standard output too. */
export const EVENT_MARK = '@peer ';

export const eventSchema = z.discriminatedUnion('event', [
  /** The first round is about to begin. */
  z.strictObject({ event: z.literal('ready'), parameters: z.int() }),
  /** The last round's model is there. */
  z.strictObject({
    event: z.literal('done'),
    /** Steps of SGD that were made at all sites in all rounds. */
    steps: z.int(),
    versions: z.record(z.string(), z.string()),
  }),
]);
export type PeerEvent = z.infer<typeof eventSchema>;
