/** What happened in a run, in words. */
import type { AbortReason, DropReason } from '../../../shared/protocol/reasons.ts';
import type { StoredRunEvent, TimedRunEvent } from '../../storage/stored-run-event.ts';
import type { RunEvent } from './run-views.ts';

export const DROP_TEXTS: Readonly<Record<DropReason, string>> = {
  disconnected: 'its connection was lost',
  deadline: 'nothing complete came before the deadline',
  refused: 'it declined: its policy, or its training failed',
  malformed: 'it sent something that the round does not allow',
  oversize: 'it sent more than the plan allows',
  'bad-signature': 'its signature is not its own',
  undecryptable: 'its update could not be decrypted',
  'wrong-shape': 'its update does not have the shape of the model, or counts no image',
  'non-finite': 'its update holds values that are no numbers',
  'out-of-range': 'its update holds values that are too large',
  'over-norm': 'its update is larger than the plan allows',
  'wrong-context': 'it answered for another plan, model or round',
  'bad-share': 'it sent a share that is not the one that was committed to',
  'bad-secret': 'its shares do not make the secret that it advertised',
};

const ABORT_TEXTS: Readonly<Record<AbortReason, string>> = {
  'cohort-below-minimum': 'too few sites were there',
  'survivors-below-minimum': 'too many sites were dropped',
  'below-threshold': 'so many sites are gone that the masks of the others cannot be taken off',
  'unmasking-failed': 'the masks could not be taken off',
  'ring-overflow': 'more sites than the plan’s ring has room for',
  'aggregation-failed': 'the updates could not be turned into a model',
  'evaluation-failed': 'the new model could not be judged',
  stopped: 'somebody stopped the run',
  'coordinator-restarted': 'the coordinator was restarted',
};

export const abortText = (reason: AbortReason): string => ABORT_TEXTS[reason];

/** `one site`, `3 sites` */
export const sitesText = (count: number): string => (count === 1 ? 'one site' : `${String(count)} sites`);

/** Round 0 counts images; it is not one of training. */
const roundName = (round: number): string => (round === 0 ? 'The round of counts' : `Round ${String(round)}`);

function attemptName({ round, attempt }: { readonly round: number; readonly attempt: number }): string {
  return attempt === 1 ? roundName(round) : `${roundName(round)}, attempt ${String(attempt)},`;
}

export function eventText(event: StoredRunEvent): string {
  switch (event.kind) {
    case 'started':
      return 'The run began.';
    case 'resumed':
      return 'The coordinator was restarted, and the run goes on.';
    case 'paused':
      return 'The run waits after its round.';
    case 'stopped':
      return 'Somebody stopped the run.';
    case 'finished':
      return 'The run has finished.';
    case 'failed':
      return 'The run has failed.';
    case 'began':
      return `${attemptName(event)} began with ${sitesText(event.cohortSize)}.`;
    case 'dropped':
      return `${event.siteId} takes part no more in ${roundName(event.round).toLowerCase()}: ${DROP_TEXTS[event.reason]}.`;
    case 'culprit':
      return `${event.siteId} has been shown to cheat: ${DROP_TEXTS[event.reason]}. It takes part in no further round of this run.`;
    case 'extended':
      return `The deadline has passed; ${event.sites.join(', ')} still ${event.sites.length === 1 ? 'advances and is' : 'advance and are'} waited for.`;
    case 'counted':
      return `The images of ${sitesText(event.survivors)} were counted.`;
    case 'published':
      return `${attemptName(event)} published a model of ${sitesText(event.survivors)}.`;
    case 'aborted':
      return `${attemptName(event)} ended without a model: ${abortText(event.reason)}.`;
  }
}

function severityOf(event: StoredRunEvent): RunEvent['severity'] {
  switch (event.kind) {
    case 'failed':
    case 'culprit':
      return 'error';
    case 'dropped':
    case 'aborted':
    case 'extended':
      return 'warning';
    case 'started':
    case 'resumed':
    case 'paused':
    case 'stopped':
    case 'finished':
    case 'began':
    case 'counted':
    case 'published':
      return 'info';
  }
}

export function runEventView({ sequence, at, event }: TimedRunEvent): RunEvent {
  return {
    ...{ sequence, at, severity: severityOf(event), text: eventText(event) },
    round: 'round' in event ? event.round : null,
    attempt: 'attempt' in event ? event.attempt : null,
    siteId: 'siteId' in event ? event.siteId : null,
  };
}
