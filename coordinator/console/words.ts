/** The protocol's words as people read them: phases, states, and why a site was dropped with what to do about it. */
import type { Tone } from '../../shared/ui/panels.tsx';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import type { PhaseName, SiteState } from '../http/api/round-views.ts';
import type { RunView } from '../http/api/run-views.ts';
import type { SiteView } from '../http/api/site-views.ts';

interface Word {
  readonly label: string;
  readonly tone: Tone;
}

export const PHASE_WORDS: Readonly<Record<PhaseName, string>> = {
  selecting: 'Choosing sites',
  advertising: 'Exchanging keys',
  sharingKeys: 'Sharing secrets',
  training: 'Training',
  consistency: 'Agreeing on survivors',
  unmasking: 'Unmasking the sum',
  aggregating: 'Aggregating',
  evaluating: 'Evaluating',
  published: 'Published',
  aborted: 'Aborted',
};

export const RUN_STATUS_WORDS: Readonly<Record<RunView['status'], Word>> = {
  queued: { label: 'Queued', tone: 'neutral' },
  running: { label: 'Running', tone: 'info' },
  paused: { label: 'Paused', tone: 'warn' },
  stopped: { label: 'Stopped', tone: 'neutral' },
  finished: { label: 'Finished', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
};

export const SITE_STATUS_WORDS: Readonly<Record<SiteView['status'], Word>> = {
  pending: { label: 'Asks to join', tone: 'warn' },
  active: { label: 'Active', tone: 'good' },
  suspended: { label: 'Suspended', tone: 'warn' },
  removed: { label: 'Removed', tone: 'neutral' },
};

export const SITE_STATE_WORDS: Readonly<Record<SiteState, Word>> = {
  invited: { label: 'Invited', tone: 'neutral' },
  waiting: { label: 'Done, waits', tone: 'neutral' },
  working: { label: 'Working', tone: 'info' },
  survived: { label: 'In the model', tone: 'good' },
  dropped: { label: 'Dropped', tone: 'bad' },
  ended: { label: 'Round aborted', tone: 'neutral' },
};

interface DropWords {
  readonly label: string;
  readonly advice: string;
}

const LOOK_AT_LOG = 'Its program or its connection changes what it sends: look at the log of the site.';

export const DROP_WORDS: Readonly<Record<DropReason, DropWords>> = {
  disconnected: {
    label: 'Connection lost',
    advice: 'Ask the site whether its agent and its network are up.',
  },
  deadline: { label: 'Too late', advice: 'Give the phase more time in the plan, or fewer local steps.' },
  refused: {
    label: 'Declined',
    advice: 'Ask the site: its policy or its training said no; its page says why.',
  },
  malformed: { label: 'Unreadable message', advice: LOOK_AT_LOG },
  oversize: { label: 'Message too long', advice: LOOK_AT_LOG },
  'bad-signature': {
    label: 'Wrong signature',
    advice: 'Somebody else may speak for this site: compare its key.',
  },
  undecryptable: { label: 'Cannot be decrypted', advice: LOOK_AT_LOG },
  'wrong-shape': { label: 'Update of another model', advice: LOOK_AT_LOG },
  'non-finite': {
    label: 'Update is not a number',
    advice: 'Its training diverged: lower the learning rate.',
  },
  'out-of-range': { label: 'Update out of range', advice: 'Its training diverged: lower the learning rate.' },
  'over-norm': { label: 'Update above the bound', advice: 'It did not clip its update as the plan says.' },
  'wrong-context': { label: 'Answer to another round', advice: LOOK_AT_LOG },
  'bad-share': {
    label: 'Wrong share of a secret',
    advice: 'It does not follow the protocol: suspend it and ask.',
  },
  'bad-secret': {
    label: 'Shares make no secret',
    advice: 'It does not follow the protocol: suspend it and ask.',
  },
};
