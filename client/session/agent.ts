/**
 * The one place where a session's effects are carried out: it signs, seals, trains and sends. One event at a time; what
 * must survive is journalled before anything else happens.
 */
import { systemClock, type Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { seal } from '../../shared/crypto/sealed-box.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { ConsiliumError, InvariantError, messageOf } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { sameContext, type CoordinatorMessage, type RoundContext } from '../../shared/protocol/messages.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import { decodeModel } from '../../shared/protocol/model-payload.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { Roster } from '../../shared/protocol/roster.ts';
import type { RingVector } from '../../shared/secagg/ring.ts';
import { chunkedLink } from '../../shared/protocol/chunked-transport.ts';
import type { TransferSlots } from '../../shared/protocol/transfer-slots.ts';
import { vectorCountOf } from '../../shared/protocol/strategy.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import { modelBytes, type UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { LocalResult, LocalTrainer } from '../training/local-update.ts';
import { createSiteStates, type SiteState, type SiteStates } from '../training/site-state.ts';
import { signedFrame, wrapUpdate } from './answers.ts';
import { eventOf, receive, rosterView, type SiteView } from './admission.ts';
import type { SessionEffect, SessionEvent, SessionReport } from './events.ts';
import { MaskingDesk, memberBindingOf } from './masking-desk.ts';
import type { SitePolicy } from './policy.ts';
import type { RoundSecrets } from './round-secrets.ts';
import { memoryOf, newSession, type Session, type SessionMasking, type SessionMemory } from './state.ts';
import { step } from './step.ts';

export interface SiteJournal {
  /** `memory`: what the session remembers after the event. Resolves once that would survive the process. */
  append(event: SessionEvent, memory: SessionMemory): Promise<void>;
  /**
   * Secure aggregation: the secrets of the round, anew whenever there are more. Resolves once they would survive the
   * process; nothing that depends on them is sent before. What is handed over is to be kept as a copy.
   */
  keepSecrets?(secrets: RoundSecrets): Promise<void>;
}

export interface SiteAgentOptions {
  readonly siteId: SiteId;
  readonly identity: Identity;
  /** Ed25519 public key of the coordinator, pinned when the site enrolled. */
  readonly coordinatorKey: Uint8Array;
  readonly policy: SitePolicy;
  /** The roster that this site has accepted. Absent: no part in secure aggregation. */
  readonly roster?: Roster;
  /** Checks the signatures of peers. Default: `verifyStatement`; sites of one process can share their findings. */
  readonly verify?: SiteView['verify'];
  /** Decodes a frame; undefined for one against the protocol. Default: `receive`; sites of one process are sent the same. */
  readonly receive?: (frame: Frame) => CoordinatorMessage | undefined;
  readonly link: CoordinatorLink;
  /** Between two words about the steps of a training. Default: the system's clock. */
  readonly clock?: Clock;
  /** How large payloads are cut. Default: see `transfer-messages.ts`. */
  readonly chunkBytes?: number;
  /** Shared by agents of one process: how many of them receive a model at once. */
  readonly slots?: TransferSlots<object>;
  readonly trainer: LocalTrainer;
  /** What the strategy keeps at the site from round to round. Default: in memory. */
  readonly states?: SiteStates;
  readonly journal?: SiteJournal;
  /** What `journal` kept when the program ended. */
  readonly memory?: SessionMemory;
  readonly report?: (report: SessionReport) => void;
}

export interface SiteAgent {
  /** Stops training between two steps and closes the link; resolves when nothing runs any more. */
  stop(): Promise<void>;
  /** Rejects when the journal or an invariant fails; otherwise resolves with `stop`. */
  readonly finished: Promise<void>;
}

export function startSiteAgent(options: SiteAgentOptions): SiteAgent {
  return new Agent(options);
}

/** The coordinator sent something that does not fit the plan. */
class ProtocolError extends ConsiliumError {
  readonly code = 'PROTOCOL';
}

/** What the agent holds for the round it is in. */
interface Desk {
  readonly context: RoundContext;
  readonly plan: Plan;
  readonly boxKey: string;
  training?: AbortController;
  update?: UpdatePayload;
  /** What the site keeps if this update counts. */
  kept?: SiteState;
  /** Protected and signed once, so that a repetition is the same bytes. */
  sealed?: Frame;
  /** Everyone who was announced to. */
  readonly cohort: readonly SiteId[];
  masking?: MaskingDesk;
}

/** Well below the least time that a site may be quiet by default. */
const PROGRESS_INTERVAL_MS = 10_000;

class Agent implements SiteAgent {
  readonly finished: Promise<void>;
  readonly #options: SiteAgentOptions;
  readonly #link: CoordinatorLink;
  readonly #states: SiteStates;
  readonly #trainings = new Set<Promise<void>>();
  #session: Session;
  #work: Promise<void> = Promise.resolve();
  #desk: Desk | undefined;
  readonly #roster: SiteView['roster'];
  #stopped = false;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(options: SiteAgentOptions) {
    this.#options = options;
    const { chunkBytes, slots } = options;
    const expectedBytes = (): number => this.#expectedBytes();
    this.#link = chunkedLink(options.link, { expectedBytes, chunkBytes, slots });
    this.#states = options.states ?? createSiteStates();
    this.#session = newSession(options.siteId, options.policy, options.memory);
    this.#roster = options.roster && rosterView(options.roster);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#link.listen({
      connected: () => {
        this.#post({ kind: 'connected' });
      },
      disconnected: () => undefined,
      frame: (frame) => {
        this.#receive(frame);
      },
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#desk?.training?.abort();
    this.#link.close();
    await Promise.all([this.#work, ...this.#trainings]);
    this.#resolve();
  }

  #receive(frame: Frame): void {
    const message = (this.#options.receive ?? receive)(frame);
    if (!message) return;
    this.#queue(() => this.#handle(eventOf(this.#view(), message), message));
  }

  #view(): SiteView {
    const { coordinatorKey, verify = verifyStatement } = this.#options;
    const keys = this.#desk?.masking?.keys;
    const known = { ...(this.#roster && { roster: this.#roster }), ...(keys && { keys }) };
    return { coordinatorKey, session: this.#session, verify, ...known };
  }

  #post(event: SessionEvent): void {
    this.#queue(() => this.#handle(event, undefined));
  }

  /** One after the other: what a message means depends on the ones before. */
  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#stopped ? undefined : work())).catch(this.#reject);
  }

  async #handle(event: SessionEvent, message: CoordinatorMessage | undefined): Promise<void> {
    const { next, effects } = step(this.#session, this.#looked(event));
    for (const effect of effects)
      if (effect.kind === 'persist') await this.#options.journal?.append(effect.event, memoryOf(next));
    this.#session = next;
    for (const effect of effects) await this.#perform(effect, message);
  }

  async #perform(effect: SessionEffect, message: CoordinatorMessage | undefined): Promise<void> {
    switch (effect.kind) {
      case 'persist':
        return;
      case 'advertise':
        await this.#takeUp(effect.context, message);
        this.#advertise(effect.context);
        return;
      case 'dealShares':
        await this.#dealShares(effect.context);
        return;
      case 'keepShares':
        await this.#keepShares(effect.context, message);
        return;
      case 'signSurvivors':
        this.#signSurvivors(effect.context);
        return;
      case 'reveal':
        this.#reveal(effect.context);
        return;
      case 'refuse':
        this.#refuse(effect.context, effect.reason);
        return;
      case 'startTraining':
        this.#startTraining(effect.context, message);
        return;
      case 'tellProgress':
        this.#tellProgress(effect.context, effect.steps);
        return;
      case 'cancelTraining':
        this.#desk?.training?.abort();
        return;
      case 'upload':
        this.#link.send(this.#sealedUpdate(effect.context));
        return;
      case 'discardUpdate':
        delete this.#deskOf(effect.context).sealed;
        return;
      case 'keepState': {
        const { kept } = this.#deskOf(effect.context);
        if (kept) this.#states.save(effect.context.runId, kept);
        return;
      }
      case 'forget':
        this.#forget(effect.context);
        return;
      case 'emit':
        this.#options.report?.(effect.report);
        return;
    }
  }

  #forget(context: RoundContext): void {
    if (!this.#desk || !sameContext(this.#desk.context, context)) return;
    this.#desk.masking?.wipe();
    this.#desk = undefined;
  }

  /** Keeps what the announcement says; a repeated one changes nothing. */
  async #takeUp(context: RoundContext, message: CoordinatorMessage | undefined): Promise<void> {
    if (this.#desk && sameContext(this.#desk.context, context)) return;
    if (message?.type !== 'announce') throw new InvariantError('a site agrees only to an announcement');
    const { plan, boxKey, cohort } = message;
    const desk: Desk = { context, plan, boxKey, cohort };
    const masking = this.#maskingOf(context);
    if (masking) {
      const { siteId, journal } = this.#options;
      desk.masking = new MaskingDesk({ siteId, context, binding: masking.binding, journal });
      await desk.masking.begin();
    }
    this.#desk = desk;
  }

  #maskingOf(context: RoundContext): SessionMasking | undefined {
    const session = this.#session;
    return session.phase !== 'idle' && sameContext(session.context, context) ? session.masking : undefined;
  }

  /** The masked round that the session is in, and the desk with its secrets. */
  #masked(context: RoundContext): { readonly masking: SessionMasking; readonly desk: MaskingDesk } {
    const masking = this.#maskingOf(context);
    const { masking: desk } = this.#deskOf(context);
    if (!masking || !desk) throw new InvariantError('this round has no masks');
    return { masking, desk };
  }

  #deskOf(context: RoundContext): Desk {
    if (!this.#desk || !sameContext(this.#desk.context, context))
      throw new InvariantError('the session and its agent are in different rounds');
    return this.#desk;
  }

  #advertise(context: RoundContext): void {
    const { siteId } = this.#options;
    const keys = this.#deskOf(context).masking?.keys;
    this.#send({ type: 'advertise', context, siteId, ...(keys && { masking: keys }) });
  }

  #send(unsigned: Parameters<typeof signedFrame>[1]): void {
    this.#link.send(signedFrame(this.#options.identity, unsigned));
  }

  /** What can only be seen by computing with the secrets: whether a peer's key is of low order. */
  #looked(event: SessionEvent): SessionEvent {
    if (event.kind !== 'peersListed' || event.finding !== undefined || !event.authentic) return event;
    const masking = this.#maskingOf(event.context);
    const desk = this.#desk?.masking;
    if (!masking || masking.peers || !desk) return event;
    const isAgreed = desk.meet({ ...masking, peers: event.peers });
    return isAgreed ? event : { ...event, finding: 'weak-peer-key' };
  }

  async #dealShares(context: RoundContext): Promise<void> {
    const { masking, desk } = this.#masked(context);
    const payload = await desk.deal(masking);
    const { siteId } = this.#options;
    this.#send({ type: 'shares', context, siteId, binding: memberBindingOf(masking), payload });
  }

  async #keepShares(context: RoundContext, message: CoordinatorMessage | undefined): Promise<void> {
    if (message?.type !== 'relay') throw new InvariantError('shares are kept when they are relayed');
    const { masking, desk } = this.#masked(context);
    await desk.keep(masking, message);
  }

  #signSurvivors(context: RoundContext): void {
    const { masking } = this.#masked(context);
    const { siteId } = this.#options;
    const survivorsHash = hashSites(masking.survivors ?? []);
    const binding = memberBindingOf(masking);
    this.#send({ type: 'consistent', context, siteId, binding, survivorsHash });
  }

  #reveal(context: RoundContext): void {
    const { masking, desk } = this.#masked(context);
    const { siteId } = this.#options;
    const payload = seal(fromHex(this.#deskOf(context).boxKey), desk.reveal(masking));
    this.#send({ type: 'unmasked', context, siteId, binding: memberBindingOf(masking), payload });
  }

  #refuse(context: RoundContext, reason: RefusalReason): void {
    this.#send({ type: 'refuse', context, siteId: this.#options.siteId, reason });
  }

  #tellProgress(context: RoundContext, steps: number): void {
    this.#send({ type: 'progress', context, siteId: this.#options.siteId, steps });
  }

  /** The model of the plan that the site has agreed to, and nothing else. */
  #expectedBytes(): number {
    if (!this.#desk) return 0;
    const { parameterCount, federation } = this.#desk.plan;
    return modelBytes(parameterCount) * vectorCountOf(federation.strategy);
  }

  #startTraining(context: RoundContext, message: CoordinatorMessage | undefined): void {
    if (message?.type !== 'train') throw new InvariantError('training starts with the model at hand');
    const desk = this.#deskOf(context);
    const training = new AbortController();
    desk.training = training;
    const done = this.#train(desk, message.payload, training.signal).then(
      ({ kept, ...update }) => {
        desk.update = update;
        if (kept) desk.kept = kept;
        this.#post({ kind: 'trained', context });
      },
      (error: unknown) => {
        if (!training.signal.aborted)
          this.#options.report?.({ kind: 'trainingFailed', context, message: messageOf(error) });
        this.#post({ kind: 'trainingFailed', context });
      },
    );
    this.#trainings.add(done);
    void done.finally(() => this.#trainings.delete(done));
  }

  async #train(desk: Desk, payload: Uint8Array, signal: AbortSignal): Promise<LocalResult> {
    const { plan, context } = desk;
    const model = decodeModel(payload, plan);
    if (!model) throw new ProtocolError('the model that was sent does not have the size that the plan says');
    const { siteId, trainer } = this.#options;
    const state = this.#states.load(context.runId);
    const onSteps = this.#stepsTeller(context);
    return trainer.train({ plan, context, siteId, ...model, state, signal, onSteps });
  }

  /** Passes on the first number of steps and then one in a while. */
  #stepsTeller(context: RoundContext): (steps: number) => void {
    const { clock = systemClock } = this.#options;
    let nextMs = -Infinity;
    return (steps) => {
      const nowMs = clock.elapsedMs();
      if (nowMs < nextMs) return;
      nextMs = nowMs + PROGRESS_INTERVAL_MS;
      this.#post({ kind: 'stepsDone', context, steps });
    };
  }

  #sealedUpdate(context: RoundContext): Frame {
    const desk = this.#deskOf(context);
    if (desk.sealed) return desk.sealed;
    if (!desk.update) throw new InvariantError('an upload needs a finished update');
    const { siteId, identity } = this.#options;
    const masking = this.#maskingOf(context);
    const { masking: secrets, update } = desk;
    const mask = (vector: RingVector): void => {
      if (masking) secrets?.mask(vector, masking);
    };
    const payload = wrapUpdate(update, { ...desk, siteId, mask });
    const bound = masking && { binding: memberBindingOf(masking) };
    desk.sealed = signedFrame(identity, { type: 'update', context, siteId, ...bound, payload });
    delete desk.update;
    return desk.sealed;
  }
}
