/**
 * A round as a pure function: the same state and event always give the same next state and effects. This is federated
 * averaging's server loop (McMahan et al. 2017, Algorithm 1) seen from one round, with everything that can go wrong.
 *
 * Completeness is looked at again after every answer, every loss of a site and every deadline (`settle`), so that no
 * round waits for a site that will not come. A site's bad message costs that site its place, never the round.
 */
import type { SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import {
  compareAttempts,
  sameContext,
  type AckResult,
  type AnswerType,
  type RoundContext,
} from '../../shared/protocol/messages.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { Answer, Effect, RoundEvent, RoundStart, Transition, UpdateFigures } from './events.ts';
import { endMessage } from './ending.ts';
import {
  answerFault,
  cameBack,
  isBound,
  maskingAfter,
  nameCulprits,
  repairOf,
  wentAway,
} from './masking-step.ts';
import { resumed } from './resuming.ts';
import type { PlannedRepair, Published, Round, Selecting, Waiting } from './state.ts';
import {
  abort,
  after,
  drop,
  dropIfWaiting,
  dropSilent,
  requests,
  send,
  settle,
  settleSelection,
  sorted,
  stay,
  without,
} from './transitions.ts';

type EventOf<K extends RoundEvent['kind']> = Extract<RoundEvent, { kind: K }>;

const ack = (siteId: SiteId, context: RoundContext, of: Answer['type'], result: AckResult): Effect =>
  send(siteId, context, { type: 'ack', of, result });

/** A round at its beginning; it announces itself at once when enough sites are there. */
export function beginRound(start: RoundStart): Transition {
  const { context, rules } = start;
  const round: Selecting = {
    phase: 'selecting',
    context,
    rules,
    dropped: [],
    available: sorted(start.available),
  };
  const waiting: Effect[] = [
    { kind: 'persist', entry: start },
    { kind: 'setDeadline', phase: 'selecting', delayMs: rules.deadlinesMs.selecting },
    {
      kind: 'emit',
      report: { kind: 'phaseEntered', phase: 'selecting', cohortSize: round.available.length },
    },
  ];
  return after(waiting, settleSelection(round));
}

/** The round after an event. Events that change nothing have no effects. */
export function step(round: Round, event: RoundEvent): Transition {
  const transition = react(round, event);
  if (transition.next === round && transition.effects.length === 0) return transition;
  return after([{ kind: 'persist', entry: event }], transition);
}

function react(round: Round, event: RoundEvent): Transition {
  switch (event.kind) {
    case 'connected':
      return connected(round, event.siteId);
    case 'disconnected':
      return disconnected(round, event.siteId);
    case 'answered':
      return answered(round, event);
    case 'transferring':
      return advancing(round, event.siteId);
    case 'stepsDone':
      return stepsDone(round, event);
    case 'anchored':
      return anchored(round, event);
    case 'rejected':
      return rejected(round, event);
    case 'deadline':
      return deadline(round, event);
    case 'aggregated':
    case 'aggregationFailed':
      return aggregated(round, event);
    case 'counted':
      return counted(round, event);
    case 'evaluated':
    case 'evaluationFailed':
      return evaluated(round, event);
    case 'stop':
      return round.phase === 'published' || round.phase === 'aborted' ? stay(round) : abort(round, 'stopped');
    case 'resumed':
      return resumed(round, event);
  }
}

// Sites that come and go

function connected(round: Round, siteId: SiteId): Transition {
  switch (round.phase) {
    case 'selecting': {
      if (round.available.includes(siteId)) return stay(round);
      return settleSelection({ ...round, available: sorted([...round.available, siteId]) });
    }
    case 'advertising':
    case 'sharingKeys':
    case 'training':
    case 'consistency':
    case 'unmasking': {
      // A site that comes back within the transport's grace may have missed the request.
      const owes = round.cohort.includes(siteId) && !round.answered.includes(siteId);
      return owes ? { next: round, effects: requests(round, siteId) } : cameBack(round, siteId);
    }
    case 'aggregating':
    case 'evaluating':
    case 'published':
    case 'aborted':
      return stay(round);
  }
}

function disconnected(round: Round, siteId: SiteId): Transition {
  switch (round.phase) {
    case 'selecting':
      return round.available.includes(siteId)
        ? { next: { ...round, available: without(round.available, siteId) }, effects: [] }
        : stay(round);
    case 'advertising':
    case 'sharingKeys':
    case 'consistency':
      return drop(round, siteId, 'disconnected');
    case 'training':
    case 'unmasking':
      // What has arrived counts, whether its sender is still there or not.
      return round.answered.includes(siteId) ? wentAway(round, siteId) : drop(round, siteId, 'disconnected');
    case 'aggregating':
    case 'evaluating':
    case 'published':
    case 'aborted':
      return stay(round);
  }
}

// Answers

function answered(round: Round, event: EventOf<'answered'>): Transition {
  const { siteId, context, answer } = event;
  if (!sameContext(context, round.context)) return outOfContext(round, event);
  if (!isBound(round, answer)) return outOfContext(round, event);
  switch (round.phase) {
    case 'selecting':
      return stay(round);
    case 'advertising':
    case 'sharingKeys':
    case 'training':
    case 'consistency':
    case 'unmasking':
      return answeredInTime(round, siteId, answer);
    case 'aggregating':
    case 'evaluating':
    case 'published': {
      const status = round.survivors.includes(siteId) ? 'duplicate' : 'late';
      return { next: round, effects: [ack(siteId, context, answer.type, { status })] };
    }
    case 'aborted':
      return { next: round, effects: [ack(siteId, context, answer.type, { status: 'late' })] };
  }
}

const isEarlier = (context: RoundContext, current: RoundContext): boolean =>
  context.runId === current.runId && compareAttempts(context, current) < 0;

/** Of an earlier attempt: late. Of a later one, or about another plan or model: nobody honest sends that. */
function outOfContext(round: Round, event: EventOf<'answered'>): Transition {
  const { siteId, context, answer } = event;
  if (isEarlier(context, round.context))
    return { next: round, effects: [ack(siteId, context, answer.type, { status: 'late' })] };
  const refusal = ack(siteId, context, answer.type, { status: 'rejected', reason: 'wrong-context' });
  return after([refusal], dropIfWaiting(round, siteId, 'wrong-context'));
}

function answeredInTime(round: Waiting, siteId: SiteId, answer: Answer): Transition {
  const reply = (result: AckResult): Effect => ack(siteId, round.context, answer.type, result);
  if (!round.cohort.includes(siteId)) return { next: round, effects: [reply({ status: 'late' })] };
  if (answer.type === 'refuse') {
    return after([reply({ status: 'accepted' })], dropIfWaiting(round, siteId, 'refused'));
  }
  const place = ANSWER_ORDER.indexOf(answer.type) - ANSWER_ORDER.indexOf(ANSWER_OF[round.phase]);
  // Whoever is in the cohort has given the answers of the phases before.
  const isRepeated = place === 0 ? round.answered.includes(siteId) : place < 0;
  if (isRepeated) return { next: round, effects: [reply({ status: 'duplicate' })] };
  const fault = place > 0 ? 'malformed' : answerFault(round, siteId, answer);
  if (fault !== undefined)
    return after([reply({ status: 'rejected', reason: fault })], drop(round, siteId, fault));
  return accept(round, siteId, answer, reply({ status: 'accepted' }));
}

const ANSWER_OF = {
  advertising: 'advertise',
  sharingKeys: 'shares',
  training: 'update',
  consistency: 'consistent',
  unmasking: 'unmasked',
} as const satisfies Record<Waiting['phase'], AnswerType>;
const ANSWER_ORDER: readonly AnswerType[] = Object.values(ANSWER_OF);

/** Noted once between two deadlines: a site that sends much does not fill the journal. */
function advancing(round: Round, siteId: SiteId): Transition {
  if (round.phase !== 'training' || !round.cohort.includes(siteId)) return stay(round);
  if (round.answered.includes(siteId) || round.advancing.includes(siteId)) return stay(round);
  return { next: { ...round, advancing: [...round.advancing, siteId] }, effects: [] };
}

/** The same number of steps again is no advance. */
function stepsDone(round: Round, { siteId, context, steps }: EventOf<'stepsDone'>): Transition {
  if (round.phase !== 'training' || !sameContext(context, round.context)) return stay(round);
  if (steps <= (round.steps[siteId] ?? 0)) return stay(round);
  const transition = advancing(round, siteId);
  const { next } = transition;
  if (next === round || next.phase !== 'training') return transition;
  return { ...transition, next: { ...next, steps: { ...next.steps, [siteId]: steps } } };
}

/** Whatever the phase: the record of the attempt is made at its end. */
function anchored(round: Round, { siteId, context, ledger }: EventOf<'anchored'>): Transition {
  const isOfRound =
    sameContext(context, round.context) && 'invited' in round && round.invited.includes(siteId);
  return isOfRound ? { next: round, effects: [{ kind: 'noteAnchor', siteId, ledger }] } : stay(round);
}

function accept(round: Waiting, siteId: SiteId, answer: Answer, reply: Effect): Transition {
  const effects: Effect[] = [];
  if (answer.type === 'update') {
    if ('vector' in answer) effects.push({ kind: 'addVector', siteId, vector: answer.vector });
    else effects.push({ kind: 'accumulate', siteId, update: answer.update });
    const figures = 'update' in answer && { figures: figuresOf(answer.update) };
    effects.push({ kind: 'emit', report: { kind: 'updateAccepted', siteId, ...figures } });
  }
  effects.push(reply);
  const masking = round.masking && maskingAfter(round.masking, siteId, answer);
  const masked = masking && { masking };
  return after(effects, settle({ ...round, answered: [...round.answered, siteId], ...masked }));
}

function figuresOf({ exampleCount, meanLoss, validation }: UpdatePayload): UpdateFigures {
  return { exampleCount, meanLoss, ...(validation && { validation }) };
}

function rejected(round: Round, event: EventOf<'rejected'>): Transition {
  const { siteId, about } = event;
  // What is still under way from an earlier attempt has the form of that one: its sender is late and no more.
  if (about && isEarlier(about.context, round.context))
    return { next: round, effects: [ack(siteId, about.context, about.of, { status: 'late' })] };
  const of = 'cohort' in round ? ANSWER_OF[round.phase] : 'update';
  const result: AckResult = { status: 'rejected', reason: event.reason };
  const refusal = ack(event.siteId, round.context, of, result);
  return after([refusal], dropIfWaiting(round, event.siteId, event.reason));
}

// Time and the coordinator's own work

function deadline(round: Round, event: EventOf<'deadline'>): Transition {
  const isStale = event.phase !== round.phase || compareAttempts(event, round.context) !== 0;
  if (isStale) return stay(round);
  switch (round.phase) {
    case 'selecting':
      return abort(round, 'cohort-below-minimum');
    case 'advertising':
    case 'sharingKeys':
    case 'training':
    case 'consistency':
    case 'unmasking':
      return dropSilent(round);
    case 'aggregating':
    case 'evaluating':
    case 'published':
    case 'aborted':
      return stay(round);
  }
}

function aggregated(round: Round, event: EventOf<'aggregated' | 'aggregationFailed'>): Transition {
  if (round.phase !== 'aggregating') return stay(round);
  const named = nameCulprits(round, event.culprits ?? []);
  if (event.kind === 'aggregationFailed') {
    const aborted = abort(named.round, event.reason ?? 'aggregation-failed');
    return after(named.effects, withRepair(aborted, repairOf(round, event.culprits ?? [])));
  }
  const { newModelHash, unmasked } = event;
  const { context, rules, dropped, invited, survivors } = named.round;
  const sites = { context, rules, dropped, invited, survivors };
  return {
    next: { ...sites, phase: 'evaluating', newModelHash, ...(unmasked && { unmasked }) },
    effects: [
      ...named.effects,
      {
        kind: 'emit',
        report: { kind: 'phaseEntered', phase: 'evaluating', cohortSize: survivors.length },
      },
      { kind: 'evaluate', modelHash: newModelHash },
    ],
  };
}

function withRepair({ next, effects }: Transition, repair: PlannedRepair | undefined): Transition {
  return next.phase === 'aborted' && repair ? { next: { ...next, repair }, effects } : { next, effects };
}

/** There is no new model, and nothing to evaluate. */
function counted(round: Round, event: EventOf<'counted'>): Transition {
  if (round.phase !== 'aggregating' || !isCountsRound(round.context)) return stay(round);
  const named = nameCulprits(round, event.culprits ?? []);
  const { context, rules, dropped, survivors, invited } = named.round;
  const { classCounts, unmasked } = event;
  const newModelHash = context.modelHash;
  const sites = { context, rules, dropped, survivors };
  const next: Published = {
    ...{ phase: 'published', ...sites, newModelHash, classCounts },
    ...(unmasked && { unmasked }),
  };
  const report = { kind: 'counted', classCounts, survivorCount: survivors.length } as const;
  return after([...named.effects, { kind: 'emit', report }], published(next, invited));
}

function evaluated(round: Round, event: EventOf<'evaluated' | 'evaluationFailed'>): Transition {
  if (round.phase !== 'evaluating') return stay(round);
  if (event.kind === 'evaluationFailed') return abort(round, 'evaluation-failed');
  const { context, rules, dropped, survivors, newModelHash, invited, unmasked } = round;
  const transcript = unmasked && { unmasked };
  const sites = { context, rules, dropped, survivors };
  return published({ phase: 'published', ...sites, newModelHash, ...transcript }, invited);
}

/** The end of a round that has come to something. */
function published(next: Published, invited: readonly SiteId[]): Transition {
  const { context, survivors } = next;
  const message = endMessage(next);
  return {
    next,
    effects: [
      { kind: 'emit', report: { kind: 'phaseEntered', phase: 'published', cohortSize: survivors.length } },
      ...invited.map((siteId) => send(siteId, context, message)),
    ],
  };
}
