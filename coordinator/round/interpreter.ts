/**
 * The one place where a round's effects are carried out. Events are handled one at a time; of each step the entries
 * for the journal are kept before anything else happens, so that nothing is sent that could be forgotten.
 */
import type { Clock } from '../../shared/clock.ts';
import { InvariantError } from '../../shared/errors.ts';
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { RingFigures } from '../../shared/protocol/ring-update.ts';
import type { MaskPool } from '../../shared/secagg/parallel-masks.ts';
import { addInto, newRingVector, ringBitsOf, type RingVector } from '../../shared/secagg/ring.ts';
import {
  addToRound,
  applyMean,
  applyRound,
  newRoundSum,
  serverControlOf,
  type RoundSum,
  type ServerRules,
  type ServerState,
} from '../aggregation/server.ts';
import { mergeValidation, type FederatedValidation } from '../aggregation/local-validation.ts';
import type { LocalValidation } from '../../shared/protocol/update-payload.ts';
import type { Effect, RoundEvent, RoundReport, RoundStart, Transition } from './events.ts';
import { endMessage, isEnded, type RoundEnd } from './ending.ts';
import type { Journal } from './journal.ts';
import { OutgoingFrames, type FrameSource } from './outgoing-frames.ts';
import type { Aborted, Aggregating, Published, Round } from './state.ts';
import { beginRound, step } from './step.ts';
import { readCounts, readRing, transcriptOf, unmask } from './unmasking.ts';

export interface RoundServices extends FrameSource {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly serverRules: ServerRules;
  /** Makes the masks that are taken off. */
  readonly masks: MaskPool;
  /** Told of work that goes on while no event is handled: a simulation holds its clock meanwhile. */
  readonly track?: <T>(work: Promise<T>) => Promise<T>;
  /** The name of what the next round starts from: a state that was aggregated here. */
  nameOf(state: ServerState): ModelHash;
  send(to: SiteId, frame: Frame): void;
  /** Judges the new weights on the validation set; a rejection aborts the round. */
  evaluate(weights: Float32Array): Promise<void>;
  report(report: RoundReport): void;
}

export interface RoundOutcome {
  readonly round: Published | Aborted;
  /** The new global weights, and what the strategy carries with them, of a published round. */
  readonly state?: ServerState;
  /** The old global model at the sites, of a published round whose survivors have validation images. */
  readonly localValidation?: FederatedValidation;
  /** Of a published round whose updates came in a ring: the mean training loss of the survivors. */
  readonly meanLoss?: number;
  readonly end: RoundEnd;
  /** Where the ledgers of its sites stood, as far as they have told. */
  readonly anchors: ReadonlyMap<SiteId, LedgerAnchor>;
}

export interface RunningRound {
  /** Events are handled in the order of their posting; after the end they still get their `late` or `duplicate`. */
  post(event: RoundEvent): void;
  /** Resolves once all that was posted by now is written down and done. */
  handled(): Promise<void>;
  /** Rejects only when the journal or an invariant fails. */
  readonly finished: Promise<RoundOutcome>;
  /** Nothing is heard, said or written any more; `resumeRound` goes on. Resolves once what was begun is done. */
  suspend(): Promise<void>;
}

export function startRound(services: RoundServices, start: RoundStart): RunningRound {
  return new RoundInterpreter(services, start);
}

/** A round that was begun in an earlier life of the program. */
export interface BegunRound {
  readonly start: RoundStart;
  /** All that was journalled since, in order and whole. */
  events(): AsyncIterable<RoundEvent>;
  /** The sites that are connected now. */
  readonly available: readonly SiteId[];
  /** By then all sites of the round are back. */
  readonly graceMs: number;
}

/**
 * Goes on where the journal ends: the state and the sum are those of the life before, so that what comes of them is the
 * same to the last bit. Nothing that was said before is unsaid; what may not have been heard is said again, in the same words.
 */
export function resumeRound(services: RoundServices, begun: BegunRound): RunningRound {
  return new RoundInterpreter(services, begun.start, begun);
}

class RoundInterpreter implements RunningRound {
  readonly finished: Promise<RoundOutcome>;
  readonly #services: RoundServices;
  readonly #sum: RoundSum;
  /** Of the plans with a ring. */
  #vectors: RingVector | undefined;
  #figures: RingFigures | undefined;
  readonly #frames: OutgoingFrames;
  readonly #anchors = new Map<SiteId, LedgerAnchor>();
  readonly #validations = new Map<SiteId, LocalValidation>();
  #round: Round;
  #work: Promise<void>;
  #newState: ServerState | undefined;
  /** As it was when the last update had come: what the model is made from. */
  #complete: Aggregating | undefined;
  #invited: readonly SiteId[] = [];
  #isSuspended = false;
  #cancelDeadline: () => void = () => undefined;
  #resolve: (outcome: RoundOutcome) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(services: RoundServices, start: RoundStart, begun?: BegunRound) {
    this.#services = services;
    this.#frames = new OutgoingFrames(services);
    this.#sum = newRoundSum(services.state.weights.length, services.serverRules.strategy);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const transition = beginRound(start);
    this.#round = transition.next;
    this.#work = (begun ? this.#resume(begun) : this.#carryOut(transition)).catch(this.#fail);
  }

  post(event: RoundEvent): void {
    this.#work = this.#work
      .then(() => (this.#isIgnored(event) ? undefined : this.#carryOut(step(this.#round, event))))
      .catch(this.#fail);
  }

  handled(): Promise<void> {
    return this.#work;
  }

  #isIgnored(event: RoundEvent): boolean {
    // The first word of a site about its ledger counts: whoever repeats it must not fill the journal.
    return this.#isSuspended || (event.kind === 'anchored' && this.#anchors.has(event.siteId));
  }

  suspend(): Promise<void> {
    this.#isSuspended = true;
    this.#cancelDeadline();
    return this.#work;
  }

  readonly #fail = (error: unknown): void => {
    this.#cancelDeadline();
    this.#reject(error);
  };

  async #carryOut(transition: Transition): Promise<void> {
    for (const effect of transition.effects)
      if (effect.kind === 'persist') await this.#services.journal.append(effect.entry);
    this.#enter(transition.next);
    for (const effect of transition.effects) this.#perform(effect);
    if (this.#isSuspended) this.#cancelDeadline();
    this.#settle();
  }

  #enter(round: Round): void {
    if ('invited' in round) this.#invited = round.invited;
    if (round.phase === 'aggregating') this.#complete = round;
    this.#round = round;
  }

  /** A round that has ended comes to its outcome; more than once is once. */
  #settle(): void {
    const round = this.#round;
    if (!isEnded(round)) return;
    const common = {
      end: { context: round.context, invited: this.#invited, message: endMessage(round) },
      anchors: this.#anchors,
    };
    if (round.phase === 'aborted' || round.classCounts) {
      this.#resolve({ round, ...common });
      return;
    }
    if (!this.#newState) return;
    const localValidation = this.#mergedValidation(round.survivors);
    const loss = this.#figures && { meanLoss: this.#figures.meanLoss };
    const validated = localValidation && { localValidation };
    this.#resolve({ round, ...common, state: this.#newState, ...validated, ...loss });
  }

  /** The events again, of which only what they add to the sum is done again. */
  async #resume(begun: BegunRound): Promise<void> {
    for await (const event of begun.events()) {
      const { next, effects } = step(this.#round, event);
      this.#enter(next);
      for (const effect of effects) if (isGathering(effect)) this.#perform(effect);
    }
    const round = this.#round;
    if ('newModelHash' in round && !('classCounts' in round))
      await this.#track(this.#makeModelAgain(round.newModelHash));
    if (!isEnded(round)) {
      await this.#carryOut(
        step(round, { kind: 'resumed', available: begun.available, graceMs: begun.graceMs }),
      );
      return;
    }
    if (this.#newState) await this.#services.evaluate(this.#newState.weights);
    this.#settle();
  }

  /** @throws InvariantError when it is not the model that the sites were told of */
  async #makeModelAgain(expected: ModelHash): Promise<void> {
    if (!this.#complete) throw new InvariantError('a round has a model and was never complete');
    const made = await this.#aggregated(this.#complete);
    if (made.kind !== 'aggregated' || made.newModelHash !== expected)
      throw new InvariantError('the updates that were kept do not give the model that they gave before');
  }

  #track<T>(work: Promise<T>): Promise<T> {
    return this.#services.track?.(work) ?? work;
  }

  /** In the order of the survivors' names, which does not depend on who was first. */
  #mergedValidation(survivors: readonly SiteId[]): FederatedValidation | undefined {
    if (this.#figures) return this.#figures.validation && mergeValidation([this.#figures.validation]);
    const parts = survivors.flatMap((siteId) => {
      const part = this.#validations.get(siteId);
      return part ? [part] : [];
    });
    return mergeValidation(parts);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        return;
      case 'send':
        this.#services.send(effect.to, this.#frames.of(effect.to, effect.context, effect.message));
        return;
      case 'setDeadline':
        this.#setDeadline(effect);
        return;
      case 'clearDeadline':
        this.#cancelDeadline();
        return;
      case 'accumulate':
        addToRound(this.#sum, effect.update);
        if (effect.update.validation) this.#validations.set(effect.siteId, effect.update.validation);
        return;
      case 'addVector':
        this.#vectors ??= newRingVector(ringBitsOf(effect.vector), effect.vector.length);
        addInto(this.#vectors, effect.vector);
        return;
      case 'noteAnchor':
        this.#anchors.set(effect.siteId, effect.ledger);
        return;
      case 'aggregate':
        this.#aggregate();
        return;
      case 'evaluate':
        this.#evaluate();
        return;
      case 'emit':
        this.#services.report(effect.report);
        return;
    }
  }

  #setDeadline({ phase, delayMs }: Extract<Effect, { kind: 'setDeadline' }>): void {
    this.#cancelDeadline();
    const { round, attempt } = this.#round.context;
    this.#cancelDeadline = this.#services.clock.schedule(delayMs, () => {
      this.post({ kind: 'deadline', round, attempt, phase });
    });
  }

  #aggregate(): void {
    const round = this.#round;
    if (round.phase !== 'aggregating') throw new InvariantError('there is nothing that could be aggregated');
    const { plan } = this.#services;
    // Without a ring it is done at once, before anything else is heard.
    if (!plan.protection.ring && !isCountsRound(round.context)) {
      this.post(this.#averaged(round));
      return;
    }
    this.#track(this.#unmasked(round)).then((event) => {
      this.post(event);
    }, this.#fail);
  }

  async #aggregated(round: Aggregating): Promise<RoundEvent> {
    return this.#services.plan.protection.ring ? this.#unmasked(round) : this.#averaged(round);
  }

  #averaged({ context }: Aggregating): RoundEvent {
    const { serverRules, state } = this.#services;
    return this.#becomes(applyRound(serverRules, state, this.#sum, context.round));
  }

  /** Off with the masks, where there are any; the sum of the ring then gives the mean. */
  async #unmasked(round: Aggregating): Promise<RoundEvent> {
    if (!this.#vectors) throw new InvariantError('there is nothing that could be aggregated');
    const { plan, serverRules, state, masks } = this.#services;
    const { masking, survivors, context } = round;
    const removed = masking && (await unmask(this.#vectors, masking, masks));
    const culprits = removed?.culprits ?? [];
    if (removed && !removed.ok) return { kind: 'aggregationFailed', reason: 'unmasking-failed', culprits };
    const unmasked = masking && transcriptOf(masking, this.#vectors);
    const ringRound = { plan, context, survivors, cohortSize: round.invited.length };
    if (isCountsRound(context)) {
      const classCounts = readCounts(this.#vectors, ringRound);
      if (!classCounts) return { kind: 'aggregationFailed', reason: 'unmasking-failed', culprits };
      return { kind: 'counted', classCounts, culprits, ...(unmasked && { unmasked }) };
    }
    const figures = readRing(this.#vectors, ringRound);
    if (!figures) return { kind: 'aggregationFailed', reason: 'unmasking-failed', culprits };
    this.#figures = figures;
    const mean = { ...figures, updateCount: survivors.length };
    const next = this.#becomes(applyMean(serverRules, state, mean, context.round));
    return next.kind === 'aggregated'
      ? { ...next, culprits, ...(unmasked && { unmasked }) }
      : { ...next, culprits };
  }

  #becomes(next: ServerState): Extract<RoundEvent, { kind: 'aggregated' | 'aggregationFailed' }> {
    const control = serverControlOf(next);
    const isModel = [next.weights, control].every((vector) => vector?.every(Number.isFinite) ?? true);
    if (!isModel) return { kind: 'aggregationFailed' };
    this.#newState = next;
    return { kind: 'aggregated', newModelHash: this.#services.nameOf(next) };
  }

  #evaluate(): void {
    if (!this.#newState) return;
    this.#services.evaluate(this.#newState.weights).then(
      () => {
        this.post({ kind: 'evaluated' });
      },
      () => {
        this.post({ kind: 'evaluationFailed' });
      },
    );
  }
}

/** What an event adds to what is gathered beside the state. */
const isGathering = ({ kind }: Effect): boolean =>
  kind === 'accumulate' || kind === 'addVector' || kind === 'noteAnchor';
