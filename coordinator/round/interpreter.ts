/**
 * The one place where a round's effects are carried out. Events are handled one at a time; of each step the entries
 * for the journal are kept before anything else happens, so that nothing is sent that could be forgotten.
 */
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { Clock } from '../../shared/clock.ts';
import { InvariantError } from '../../shared/errors.ts';
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import { encodeCoordinatorMessage, type Frame } from '../../shared/protocol/codec.ts';
import { encodeModel } from '../../shared/protocol/model-payload.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { RingFigures } from '../../shared/protocol/ring-update.ts';
import {
  abortedStatement,
  ackStatement,
  announceStatement,
  countStatement,
  publishedStatement,
  relayStatement,
  shareKeysStatement,
  survivorsStatement,
  trainStatement,
  unmaskStatement,
  type Statement,
} from '../../shared/protocol/signatures.ts';
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
import type { Effect, Outgoing, RoundEvent, RoundReport, RoundStart, Transition } from './events.ts';
import type { Journal } from './journal.ts';
import type { Aborted, Published, Round } from './state.ts';
import { beginRound, step } from './step.ts';
import { readCounts, readRing, transcriptOf, unmask } from './unmasking.ts';

export interface RoundServices {
  readonly plan: Plan;
  readonly identity: Identity;
  readonly boxKeys: AgreementKeyPair;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly serverRules: ServerRules;
  /** What the round starts from: of the weights what takes part in it. */
  readonly state: ServerState;
  /** Of the federation, where the plan needs them; unknown in the round that counts. */
  readonly classCounts?: readonly number[];
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
}

export interface RunningRound {
  /** Events are handled in the order of their posting; after the end they still get their `late` or `duplicate`. */
  post(event: RoundEvent): void;
  /** Rejects only when the journal or an invariant fails. */
  readonly finished: Promise<RoundOutcome>;
}

export function startRound(services: RoundServices, start: RoundStart): RunningRound {
  return new RoundInterpreter(services, start);
}

class RoundInterpreter implements RunningRound {
  readonly finished: Promise<RoundOutcome>;
  readonly #services: RoundServices;
  readonly #sum: RoundSum;
  /** Of the plans with a ring. */
  #vectors: RingVector | undefined;
  #figures: RingFigures | undefined;
  readonly #frames = new Map<string, Frame>();
  readonly #validations = new Map<SiteId, LocalValidation>();
  #round: Round;
  #work: Promise<void>;
  #newState: ServerState | undefined;
  #cancelDeadline: () => void = () => undefined;
  #resolve: (outcome: RoundOutcome) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(services: RoundServices, start: RoundStart) {
    this.#services = services;
    this.#sum = newRoundSum(services.state.weights.length, services.serverRules.strategy);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const transition = beginRound(start);
    this.#round = transition.next;
    this.#work = this.#carryOut(transition).catch(this.#fail);
  }

  post(event: RoundEvent): void {
    this.#work = this.#work.then(() => this.#carryOut(step(this.#round, event))).catch(this.#fail);
  }

  readonly #fail = (error: unknown): void => {
    this.#cancelDeadline();
    this.#reject(error);
  };

  async #carryOut(transition: Transition): Promise<void> {
    for (const effect of transition.effects)
      if (effect.kind === 'persist') await this.#services.journal.append(effect.entry);
    this.#round = transition.next;
    for (const effect of transition.effects) this.#perform(effect);
    const { next } = transition;
    if (next.phase === 'published' && this.#newState) {
      const localValidation = this.#mergedValidation(next.survivors);
      const loss = this.#figures && { meanLoss: this.#figures.meanLoss };
      const validated = localValidation && { localValidation };
      this.#resolve({ round: next, state: this.#newState, ...validated, ...loss });
    }
    if (next.phase === 'aborted' || (next.phase === 'published' && next.classCounts))
      this.#resolve({ round: next });
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
        this.#services.send(effect.to, this.#frame(effect.to, effect.context, effect.message));
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
      case 'aggregate':
        if (this.#services.plan.protection.ring ?? isCountsRound(this.#round.context)) this.#unmask();
        else this.post(this.#aggregate());
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

  #aggregate(): RoundEvent {
    const { serverRules, state } = this.#services;
    return this.#becomes(applyRound(serverRules, state, this.#sum, this.#round.context.round));
  }

  /** Off with the masks, where there are any; the sum of the ring then gives the mean. */
  #unmask(): void {
    const work = this.#unmasked();
    (this.#services.track?.(work) ?? work).then((event) => {
      this.post(event);
    }, this.#fail);
  }

  async #unmasked(): Promise<RoundEvent> {
    const round = this.#round;
    if (round.phase !== 'aggregating' || !this.#vectors)
      throw new InvariantError('there is nothing that could be aggregated');
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

  /** The same request goes to every site of a cohort: it is signed and encoded once. */
  #frame(to: SiteId, context: RoundContext, message: Outgoing): Frame {
    const key = frameKey(message);
    const known = key === undefined ? undefined : this.#frames.get(key);
    if (known) return known;
    const frame = this.#encode(to, context, message);
    if (key !== undefined) this.#frames.set(key, frame);
    return frame;
  }

  #encode(to: SiteId, context: RoundContext, message: Outgoing): Frame {
    const { plan, boxKeys, state, classCounts } = this.#services;
    switch (message.type) {
      case 'announce': {
        const { cohort, masking } = message;
        const optional = {
          ...(masking && { masking }),
          ...(classCounts && { classCounts: [...classCounts] }),
        };
        const unsigned = {
          context,
          plan,
          cohort: [...cohort],
          boxKey: toHex(boxKeys.publicKey),
          ...optional,
        };
        const signature = this.#sign(announceStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'announce', ...unsigned, signature });
      }
      case 'train': {
        const unsigned = { context, cohort: [...message.cohort] };
        const signature = this.#sign(trainStatement(unsigned));
        const payload = encodeModel(state.weights, serverControlOf(state));
        return encodeCoordinatorMessage({ type: 'train', ...unsigned, signature, payload });
      }
      case 'count': {
        const unsigned = { context, cohort: [...message.cohort] };
        const signature = this.#sign(countStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'count', ...unsigned, signature });
      }
      case 'share-keys': {
        const unsigned = { context, advertisements: [...message.advertisements] };
        const signature = this.#sign(shareKeysStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'share-keys', ...unsigned, signature });
      }
      case 'relay': {
        const unsigned = { context, members: [...message.members], payload: message.payload };
        const signature = this.#sign(relayStatement(unsigned, to));
        return encodeCoordinatorMessage({ type: 'relay', ...unsigned, signature });
      }
      case 'survivors': {
        const unsigned = { context, survivors: [...message.survivors] };
        const signature = this.#sign(survivorsStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'survivors', ...unsigned, signature });
      }
      case 'unmask': {
        const unsigned = { context, signatures: [...message.signatures] };
        const signature = this.#sign(unmaskStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'unmask', ...unsigned, signature });
      }
      case 'ack': {
        const unsigned = { context, of: message.of, result: message.result };
        const signature = this.#sign(ackStatement(unsigned, to));
        return encodeCoordinatorMessage({ type: 'ack', ...unsigned, signature });
      }
      case 'published': {
        const unsigned = { ...message, context };
        const signature = this.#sign(publishedStatement(unsigned));
        return encodeCoordinatorMessage({ ...unsigned, signature });
      }
      case 'aborted': {
        const unsigned = { context, reason: message.reason };
        const signature = this.#sign(abortedStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'aborted', ...unsigned, signature });
      }
    }
  }

  #sign({ purpose, fields }: Statement): string {
    return signStatement(this.#services.identity, purpose, fields);
  }
}

/** What is the same for all sites, by name; undefined for what is one site's own. */
function frameKey(message: Outgoing): string | undefined {
  switch (message.type) {
    case 'announce':
    case 'train':
    case 'count':
      // Without masks a site that comes back is told of the cohort as it is then.
      return `${message.type} ${message.cohort.join(' ')}`;
    case 'share-keys':
    case 'survivors':
    case 'unmask':
    case 'published':
    case 'aborted':
      return message.type;
    case 'relay':
    case 'ack':
      return undefined;
  }
}
