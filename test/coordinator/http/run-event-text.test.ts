import { describe, expect, it } from 'vitest';
import { runEventView } from '../../../coordinator/http/api/run-event-text.ts';
import { runEventSchema as viewSchema } from '../../../coordinator/http/api/run-views.ts';
import { runEventSchema, type StoredRunEvent } from '../../../coordinator/storage/stored-run-event.ts';
import { site, sites } from '../fixtures.ts';

const place = { round: 2, attempt: 1 };

describe('what happened in a run', () => {
  it.each<[StoredRunEvent, string, string]>([
    [{ kind: 'started' }, 'info', 'The run began.'],
    [{ kind: 'failed' }, 'error', 'The run has failed.'],
    [{ kind: 'began', ...place, cohortSize: 3 }, 'info', 'Round 2 began with 3 sites.'],
    [
      { kind: 'began', ...place, attempt: 2, cohortSize: 1 },
      'info',
      'Round 2, attempt 2, began with one site.',
    ],
    [
      { kind: 'dropped', ...place, siteId: site('a'), phase: 'training', reason: 'deadline' },
      'warning',
      'a takes part no more in round 2: nothing complete came before the deadline.',
    ],
    [
      { kind: 'culprit', ...place, siteId: site('a'), reason: 'bad-share' },
      'error',
      'a has been shown to cheat: it sent a share that is not the one that was committed to. It takes part in no further round of this run.',
    ],
    [
      { kind: 'extended', ...place, sites: sites('a', 'b'), delayMs: 5 },
      'warning',
      'The deadline has passed; a, b still advance and are waited for.',
    ],
    [{ kind: 'counted', round: 0, attempt: 1, survivors: 1 }, 'info', 'The images of one site were counted.'],
    [
      { kind: 'published', ...place, survivors: 3, score: null },
      'info',
      'Round 2 published a model of 3 sites.',
    ],
    [
      { kind: 'aborted', round: 0, attempt: 1, reason: 'cohort-below-minimum' },
      'warning',
      'The round of counts ended without a model: too few sites were there.',
    ],
  ])('%j is told as %s', (event, severity, text) => {
    runEventSchema.parse(event);
    const view = runEventView({ sequence: 1, at: '2026-01-01T00:00:00.000Z', event });
    expect(viewSchema.parse(view)).toMatchObject({ severity, text });
  });
});
