/** What an attempt at a round came to, as it is kept for people: without weights, and with numbers that JSON can hold. */
import { z } from 'zod';
import { modelHashSchema, siteIdSchema } from '../../shared/ids.ts';
import { abortReasonSchema, dropReasonSchema } from '../../shared/protocol/reasons.ts';
import type { AttemptRecord } from '../run/progress.ts';

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

const placeSchema = {
  round: z.int().min(0),
  attempt: z.int().min(1),
  dropped: z.array(z.strictObject({ siteId: siteIdSchema, reason: dropReasonSchema })),
};

export const attemptViewSchema = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('published'),
    ...placeSchema,
    modelHash: modelHashSchema,
    survivors: z.array(siteIdSchema),
    /** On the coordinator's validation images; null where there are none. */
    loss: z.number().nullable(),
    score: z.number().nullable(),
    metrics: z.record(z.string(), z.number()),
    /** Of the survivors' training. */
    meanLoss: z.number().nullable(),
  }),
  z.strictObject({
    outcome: z.literal('counted'),
    ...placeSchema,
    survivors: z.array(siteIdSchema),
    /** Training images of each class, of the survivors together. */
    classCounts: z.array(z.number().min(0)),
  }),
  z.strictObject({ outcome: z.literal('aborted'), ...placeSchema, reason: abortReasonSchema }),
]);
export type AttemptView = z.infer<typeof attemptViewSchema>;

export function attemptView(record: AttemptRecord): AttemptView {
  const { round, attempt } = record;
  const place = { round, attempt, dropped: record.dropped.map(({ siteId, reason }) => ({ siteId, reason })) };
  switch (record.outcome) {
    case 'aborted':
      return { outcome: 'aborted', ...place, reason: record.reason };
    case 'counted':
      return {
        outcome: 'counted',
        ...place,
        survivors: [...record.survivors],
        classCounts: [...record.classCounts],
      };
    case 'published':
      return publishedView(record, place);
  }
}

type Place = Pick<AttemptView, 'round' | 'attempt' | 'dropped'>;

function publishedView(
  { modelHash, survivors, validation, meanLoss }: Extract<AttemptRecord, { outcome: 'published' }>,
  place: Place,
): AttemptView {
  const metrics = Object.entries(validation.metrics).filter(([, value]) => Number.isFinite(value));
  const isJudged = validation.score !== undefined || metrics.length > 0;
  return {
    outcome: 'published',
    ...place,
    modelHash,
    survivors: [...survivors],
    loss: isJudged ? finite(validation.loss) : null,
    score: finite(validation.score),
    metrics: Object.fromEntries(metrics),
    meanLoss: finite(meanLoss),
  };
}
