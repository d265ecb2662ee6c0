/**
 * The one place where a session's effects are carried out: it signs, seals, trains and sends. One event at a time; what
 * must survive is journalled before anything else happens.
 */
import { systemClock } from '../../shared/clock.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { InvariantError } from '../../shared/errors.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { sameContext, type CoordinatorMessage, type RoundContext } from '../../shared/protocol/messages.ts';
import { modelBytesOf } from '../../shared/protocol/model-payload.ts';
import { chunkedLink } from '../../shared/protocol/chunked-transport.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import { createSiteStates, type SiteStates } from '../training/site-state.ts';
import type { SiteAgentOptions } from './agent-options.ts';
import type { signedFrame } from './answers.ts';
import { eventOf, receive, rosterView, type SiteView } from './admission.ts';
import type { SessionEffect, SessionEvent } from './events.ts';
import { freshTerms, isStillIn } from './fresh-terms.ts';
import { longestRoundMs, resumeRound } from './interrupted-round.ts';
import { isSameRound } from './repair-check.ts';
import { consistentAnswer, sharesAnswer, unmaskedAnswer, type MaskedRound } from './masked-answers.ts';
import { MaskingDesk } from './masking-desk.ts';
import { Outbox } from './outbox.ts';
import type { SitePolicy } from './policy.ts';
import { ReceiptDesk } from './receipt-desk.ts';
import { countInRound } from './round-counting.ts';
import { sealedUpdate, setAside, type Aside, type RoundDesk } from './round-desk.ts';
import { trainInRound } from './round-training.ts';
import { RoundWork } from './round-work.ts';
import { secondLook } from './second-look.ts';
import { memoryOf, newSession, type Session, type SessionMasking } from './state.ts';
import { step } from './step.ts';
import { federationCounts } from './tallies.ts';

export interface SiteAgent {
  /** Stops training between two steps and closes the link; resolves when nothing runs any more. */
  stop(): Promise<void>;
  /** Rejects when the journal or an invariant fails; otherwise resolves with `stop`. */
  readonly finished: Promise<void>;
}

export function startSiteAgent(options: SiteAgentOptions): SiteAgent {
  return new Agent(options);
}

class Agent implements SiteAgent {
  readonly finished: Promise<void>;
  readonly #options: SiteAgentOptions;
  readonly #link: CoordinatorLink;
  readonly #outbox: Outbox;
  readonly #receipts: ReceiptDesk;
  readonly #states: SiteStates;
  readonly #calculations: RoundWork;
  #session: Session;
  #work: Promise<void> = Promise.resolve();
  #desk: RoundDesk | undefined;
  #aside: Aside | undefined;
  #roster: SiteView['roster'];
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
    this.#outbox = new Outbox({
      ...{ identity: options.identity, link: this.#link, ledger: options.ledger },
      clock: options.clock ?? systemClock,
      protection: () => this.#desk?.plan.protection.mode ?? 'plain',
      fail: (error) => {
        this.#reject(error);
      },
    });
    this.#calculations = new RoundWork({
      post: (event) => {
        this.#post(event);
      },
      enter: (act) => {
        this.#outbox.enter(act);
      },
      report: options.report,
    });
    this.#receipts = new ReceiptDesk(options, options.interrupted?.evidence);
    this.#resume();
    this.#roster = options.roster && rosterView(options.roster);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#link.listen({
      connected: () => {
        this.#post({ kind: 'connected' });
        // The coordinator keeps the first word of a round, which may have been lost.
        const { context } = this.#desk ?? {};
        if (context) this.#outbox.tellHead(context, options.siteId);
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
    this.#desk?.cancelExpiry?.();
    this.#link.close();
    await Promise.all([this.#work, this.#calculations.idle()]);
    await this.#outbox.idle();
    this.#resolve();
  }

  /** Its end may have been told while the site was away: what lies on disk of it must not lie there for ever. */
  #expire(desk: RoundDesk): void {
    const { journal, clock = systemClock } = this.#options;
    if (!journal?.keepAnnounced) return;
    const { context, plan } = desk;
    desk.cancelExpiry = clock.schedule(longestRoundMs(plan), () => {
      this.#post({ kind: 'closed', context, published: false, authentic: true });
    });
  }

  #receive(frame: Frame): void {
    const message = (this.#options.receive ?? receive)(frame);
    if (!message) return;
    this.#queue(async () => {
      const [before, roster] = [this.#session, this.#roster];
      const terms = freshTerms(message, before, this.#options);
      if (terms) this.#use(terms.policy, terms.roster && rosterView(terms.roster));
      await this.#handle(eventOf(this.#view(), message), message);
      // What was agreed to stays as it was agreed to.
      if (terms && isStillIn(before, this.#session)) this.#use(before.policy, roster);
    });
  }

  #use(policy: SitePolicy, roster: SiteView['roster']): void {
    this.#session = { ...this.#session, policy };
    this.#roster = roster;
  }

  /** The program ended in the middle of a round, and it may still go on. */
  #resume(): void {
    const { siteId, interrupted, journal } = this.#options;
    const resumed = interrupted && resumeRound(this.#session, interrupted);
    if (!resumed) return;
    const { session, announced, secrets, update, kept } = resumed;
    this.#session = session;
    this.#desk = { ...announced, ...(update && { sealed: update }), ...(kept && { kept }) };
    this.#expire(this.#desk);
    if (session.masking && secrets)
      this.#desk.masking = new MaskingDesk({
        ...{ siteId, context: session.context, binding: session.masking.binding, journal, secrets },
      });
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
    const { next, effects } = step(this.#session, await this.#looked(event));
    // Before it is written down that the round is over: its files go with that.
    for (const effect of effects)
      if (effect.kind === 'keepState') await this.#keepState(effect.context, message);
    for (const effect of effects)
      if (effect.kind === 'persist') await this.#options.journal?.append(effect.event, memoryOf(next), next);
    this.#session = next;
    if (message && this.#desk && sameContext(this.#desk.context, message.context))
      await this.#receipts.hear(event, message);
    for (const effect of effects) await this.#perform(effect, message);
  }

  async #perform(effect: SessionEffect, message: CoordinatorMessage | undefined): Promise<void> {
    const { siteId } = this.#options;
    switch (effect.kind) {
      case 'persist':
      case 'keepState':
        return;
      case 'advertise':
        await this.#takeUp(effect.context, message);
        this.#advertise(effect.context);
        return;
      case 'dealShares':
        this.#send(await sharesAnswer(this.#masked(effect.context)));
        return;
      case 'keepShares':
        await this.#keepShares(effect.context, message);
        return;
      case 'signSurvivors':
        this.#send(consistentAnswer(this.#masked(effect.context)));
        return;
      case 'reveal':
        this.#send(unmaskedAnswer(this.#masked(effect.context), this.#deskOf(effect.context).boxKey));
        return;
      case 'refuse':
        this.#send({ type: 'refuse', context: effect.context, siteId, reason: effect.reason });
        return;
      case 'startTraining':
        this.#startTraining(effect.context, message);
        return;
      case 'startCounting':
        this.#startCounting(effect.context);
        return;
      case 'tellProgress':
        this.#send({ type: 'progress', context: effect.context, siteId, steps: effect.steps });
        return;
      case 'cancelTraining':
        this.#desk?.training?.abort();
        return;
      case 'upload':
        await this.#upload(effect.context);
        return;
      case 'discardUpdate':
        delete this.#deskOf(effect.context).sealed;
        return;
      case 'forget':
        this.#forget(effect.context);
        return;
      case 'emit':
        this.#options.report?.(effect.report);
        return;
    }
  }

  /** The update counts. A program that ends here is told so again. */
  async #keepState(context: RoundContext, message: CoordinatorMessage | undefined): Promise<void> {
    const { kept } = this.#deskOf(context);
    if (kept) await this.#states.save(context.runId, kept);
    await this.#receipts.keep(message);
  }

  #forget(context: RoundContext): void {
    if (!this.#desk || !sameContext(this.#desk.context, context)) return;
    this.#desk.masking?.wipe();
    this.#desk.cancelExpiry?.();
    this.#aside = setAside(this.#desk, this.#session, this.#aside);
    this.#desk = undefined;
  }

  /** Keeps what the announcement says; a repeated one changes nothing. */
  async #takeUp(context: RoundContext, message: CoordinatorMessage | undefined): Promise<void> {
    if (this.#desk && sameContext(this.#desk.context, context)) return;
    if (message?.type !== 'announce') throw new InvariantError('a site agrees only to an announcement');
    const { plan, boxKey, cohort } = message;
    const desk: RoundDesk = { context, plan, boxKey, cohort };
    await this.#options.journal?.keepAnnounced?.({ context, plan, boxKey, cohort });
    if (!this.#session.inVain) this.#aside = undefined;
    const masking = this.#maskingOf(context);
    if (masking) {
      const { siteId, journal } = this.#options;
      desk.masking = new MaskingDesk({ siteId, context, binding: masking.binding, journal });
      await desk.masking.begin();
    }
    this.#desk = desk;
    this.#expire(desk);
    const { mode: protection } = plan.protection;
    this.#outbox.enter({ kind: 'joined', ...context, cohortSize: cohort.length, protection });
    if (message.ledger) this.#outbox.enter({ kind: 'anchored', ...context, coordinator: message.ledger });
    this.#outbox.tellHead(context, this.#options.siteId);
  }

  #maskingOf(context: RoundContext): SessionMasking | undefined {
    const session = this.#session;
    return session.phase !== 'idle' && sameContext(session.context, context) ? session.masking : undefined;
  }

  /** The masked round that the session is in, and the desk with its secrets. */
  #masked(context: RoundContext): MaskedRound {
    const masking = this.#maskingOf(context);
    const { masking: desk } = this.#deskOf(context);
    if (!masking || !desk) throw new InvariantError('this round has no masks');
    return { siteId: this.#options.siteId, context, masking, desk };
  }

  #deskOf(context: RoundContext): RoundDesk {
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
    this.#outbox.send(unsigned);
  }

  #looked(event: SessionEvent): Promise<SessionEvent> {
    const masking = 'context' in event ? this.#maskingOf(event.context) : undefined;
    return secondLook(event, { view: this.#view(), masking, desk: this.#desk?.masking });
  }

  async #keepShares(context: RoundContext, message: CoordinatorMessage | undefined): Promise<void> {
    if (message?.type !== 'relay') throw new InvariantError('shares are kept when they are relayed');
    const { masking, desk } = this.#masked(context);
    await desk.keep(masking, message);
  }

  /** The model of the plan that the site has agreed to, and nothing else. */
  #expectedBytes(): number {
    if (!this.#desk) return 0;
    return modelBytesOf(this.#desk.plan, this.#desk.context.round);
  }

  #startTraining(context: RoundContext, message: CoordinatorMessage | undefined): void {
    if (message?.type !== 'train') throw new InvariantError('training starts with the model at hand');
    const desk = this.#deskOf(context);
    const aside = this.#maskingOf(context)?.header.repair && this.#aside;
    if (aside && isSameRound(aside.context, context)) {
      Object.assign(desk, { update: aside.update, ...(aside.kept && { kept: aside.kept }) });
      this.#post({ kind: 'trained', context });
      return;
    }
    const { siteId, trainer, clock = systemClock } = this.#options;
    const classCounts = federationCounts(this.#session, context);
    this.#calculations.begin(desk, async (signal) => {
      const { result, ...figures } = await trainInRound({
        ...{ siteId, trainer, clock, announced: desk, payload: message.payload, signal, classCounts },
        state: await this.#states.load(context.runId),
        tell: (steps) => {
          this.#post({ kind: 'stepsDone', context, steps });
        },
      });
      const { kept, ...update } = result;
      const { exampleCount } = update;
      this.#outbox.enter({ kind: 'trained', ...context, ...figures, exampleCount });
      desk.update = update;
      if (kept) desk.kept = kept;
      return { kind: 'trained', context };
    });
  }

  #startCounting(context: RoundContext): void {
    const desk = this.#deskOf(context);
    const { trainer } = this.#options;
    this.#calculations.begin(desk, async (signal) => {
      const classCounts = await countInRound({ trainer, announced: desk, signal });
      desk.counts = classCounts;
      return { kind: 'counted', context, classCounts };
    });
  }

  async #upload(context: RoundContext): Promise<void> {
    const desk = this.#deskOf(context);
    if (!desk.sealed) {
      const sealed = sealedUpdate(desk, this.#maskingOf(context), this.#options);
      // Masked, it may be needed again.
      if (!desk.masking) delete desk.update;
      if (desk.kept) await this.#options.journal?.keepState?.(context, desk.kept);
      await this.#options.journal?.keepUpdate?.(context, sealed);
      desk.sealed = sealed;
    }
    this.#outbox.transmit({ type: 'update', context }, desk.sealed);
  }
}
