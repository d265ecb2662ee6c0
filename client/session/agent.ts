/**
 * The one place where a session's effects are carried out: it signs, seals, trains and sends. One event at a time; what
 * must survive is journalled before anything else happens.
 */
import { systemClock, type Clock } from '../../shared/clock.ts';
import { fromHex, wipe } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { seal } from '../../shared/crypto/sealed-box.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { ConsiliumError, InvariantError, messageOf } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import { encodeSiteMessage, type Frame } from '../../shared/protocol/codec.ts';
import { sameContext, type CoordinatorMessage, type RoundContext } from '../../shared/protocol/messages.ts';
import { decodeModel } from '../../shared/protocol/model-payload.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import {
  advertiseStatement,
  progressStatement,
  refuseStatement,
  updateStatement,
} from '../../shared/protocol/signatures.ts';
import { chunkedLink } from '../../shared/protocol/chunked-transport.ts';
import type { TransferSlots } from '../../shared/protocol/transfer-slots.ts';
import { vectorCountOf } from '../../shared/protocol/strategy.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import { encodeUpdate, modelBytes, type UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { LocalResult, LocalTrainer } from '../training/local-update.ts';
import { createSiteStates, type SiteState, type SiteStates } from '../training/site-state.ts';
import { receive } from './admission.ts';
import type { SessionEffect, SessionEvent, SessionReport } from './events.ts';
import type { SitePolicy } from './policy.ts';
import { newSession, type Session } from './state.ts';
import { step } from './step.ts';

export interface SiteJournal {
  /** Resolves once the event would survive the process. */
  append(event: SessionEvent): Promise<void>;
}

export interface SiteAgentOptions {
  readonly siteId: SiteId;
  readonly identity: Identity;
  /** Ed25519 public key of the coordinator, pinned when the site enrolled. */
  readonly coordinatorKey: Uint8Array;
  readonly policy: SitePolicy;
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
}

/** Well below the least time that a site may be quiet by default. */
const PROGRESS_INTERVAL_MS = 10_000;

/** The update as it is sent; a plaintext that is not sent itself is overwritten. */
function protect({ plan, boxKey }: Desk, plaintext: Uint8Array): Uint8Array {
  switch (plan.protection.mode) {
    case 'plain':
      return plaintext;
    case 'box': {
      const sealed = seal(fromHex(boxKey), plaintext);
      wipe(plaintext);
      return sealed;
    }
  }
}

class Agent implements SiteAgent {
  readonly finished: Promise<void>;
  readonly #options: SiteAgentOptions;
  readonly #link: CoordinatorLink;
  readonly #states: SiteStates;
  readonly #trainings = new Set<Promise<void>>();
  #session: Session;
  #work: Promise<void> = Promise.resolve();
  #desk: Desk | undefined;
  #stopped = false;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(options: SiteAgentOptions) {
    this.#options = options;
    const { chunkBytes, slots } = options;
    const expectedBytes = (): number => this.#expectedBytes();
    this.#link = chunkedLink(options.link, { expectedBytes, chunkBytes, slots });
    this.#states = options.states ?? createSiteStates();
    this.#session = newSession(options.siteId, options.policy);
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
    const received = receive(this.#options.coordinatorKey, frame);
    if (received) this.#post(received.event, received.message);
  }

  #post(event: SessionEvent, message?: CoordinatorMessage): void {
    this.#work = this.#work.then(() => this.#handle(event, message)).catch(this.#reject);
  }

  async #handle(event: SessionEvent, message: CoordinatorMessage | undefined): Promise<void> {
    if (this.#stopped) return;
    const { next, effects } = step(this.#session, event);
    for (const effect of effects)
      if (effect.kind === 'persist') await this.#options.journal?.append(effect.event);
    this.#session = next;
    for (const effect of effects) this.#perform(effect, message);
  }

  #perform(effect: SessionEffect, message: CoordinatorMessage | undefined): void {
    switch (effect.kind) {
      case 'persist':
        return;
      case 'advertise':
        this.#takeUp(effect.context, message);
        this.#advertise(effect.context);
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
        if (this.#desk && sameContext(this.#desk.context, effect.context)) this.#desk = undefined;
        return;
      case 'emit':
        this.#options.report?.(effect.report);
        return;
    }
  }

  /** Keeps what the announcement says; a repeated one changes nothing. */
  #takeUp(context: RoundContext, message: CoordinatorMessage | undefined): void {
    if (this.#desk && sameContext(this.#desk.context, context)) return;
    if (message?.type !== 'announce') throw new InvariantError('a site agrees only to an announcement');
    this.#desk = { context, plan: message.plan, boxKey: message.boxKey };
  }

  #deskOf(context: RoundContext): Desk {
    if (!this.#desk || !sameContext(this.#desk.context, context))
      throw new InvariantError('the session and its agent are in different rounds');
    return this.#desk;
  }

  #advertise(context: RoundContext): void {
    const { siteId, identity } = this.#options;
    const { purpose, fields } = advertiseStatement({ context, siteId });
    const signature = signStatement(identity, purpose, fields);
    this.#link.send(encodeSiteMessage({ type: 'advertise', context, siteId, signature }));
  }

  #refuse(context: RoundContext, reason: RefusalReason): void {
    const { siteId, identity } = this.#options;
    const { purpose, fields } = refuseStatement({ context, siteId, reason });
    const signature = signStatement(identity, purpose, fields);
    this.#link.send(encodeSiteMessage({ type: 'refuse', context, siteId, reason, signature }));
  }

  #tellProgress(context: RoundContext, steps: number): void {
    const { siteId, identity } = this.#options;
    const { purpose, fields } = progressStatement({ context, siteId, steps });
    const signature = signStatement(identity, purpose, fields);
    this.#link.send(encodeSiteMessage({ type: 'progress', context, siteId, steps, signature }));
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
    const plaintext = encodeUpdate(desk.update);
    const payload = protect(desk, plaintext);
    const { purpose, fields } = updateStatement({ context, siteId, payload });
    const signature = signStatement(identity, purpose, fields);
    desk.sealed = encodeSiteMessage({ type: 'update', context, siteId, signature, payload });
    delete desk.update;
    return desk.sealed;
  }
}
