/** Tells a round as a story: each event in words, below it what the round did. The stories are kept beside this file. */
import type { Effect, RoundEvent, Transition } from '../../coordinator/round/events.ts';
import type { Round, RoundRules } from '../../coordinator/round/state.ts';
import { beginRound, step } from '../../coordinator/round/step.ts';
import type { SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import { SHARE_ENTRY_BYTES } from '../../shared/protocol/share-payload.ts';
import { contextOf, modelHash, planOf, rules as rulesOf, site, sites } from '../coordinator/fixtures.ts';

const plan = planOf();

function sayEvent(event: RoundEvent): string {
  switch (event.kind) {
    case 'connected':
      return `${event.siteId} connects`;
    case 'disconnected':
      return `${event.siteId} is gone`;
    case 'answered': {
      const { answer, siteId, context } = event;
      const of = `round ${String(context.round)}, attempt ${String(context.attempt)}`;
      if (answer.type === 'advertise') return `${siteId} agrees to ${of}`;
      if (answer.type === 'refuse') return `${siteId} refuses ${of}`;
      if (answer.type === 'update')
        return `${siteId} sends its ${isCountsRound(context) ? 'counts' : 'update'} of ${of}`;
      if (answer.type === 'shares') return `${siteId} deals its shares of ${of}`;
      if (answer.type === 'consistent') return `${siteId} signs the survivors of ${of}`;
      return `${siteId} reveals its shares of ${of}`;
    }
    case 'transferring':
      return `bytes of ${event.siteId} arrive`;
    case 'stepsDone':
      return `${event.siteId} has done ${String(event.steps)} steps`;
    case 'anchored':
      return `${event.siteId} has a ledger of ${String(event.ledger.entries)} entries`;
    case 'rejected':
      return `a message of ${event.siteId} is not admitted: ${event.reason}`;
    case 'deadline':
      return `the deadline of ${event.phase} passes`;
    case 'aggregated':
      return 'the average is there';
    case 'aggregationFailed':
      return 'the average is no model';
    case 'counted':
      return `the counts are there: ${event.classCounts.join(' ')}`;
    case 'evaluated':
      return 'the new model is evaluated';
    case 'evaluationFailed':
      return 'the evaluation fails';
    case 'stop':
      return 'somebody stops the run';
    case 'resumed':
      return `the coordinator is back, and with it ${event.available.join(' ')}`;
  }
}

function sayMessage({ message }: Extract<Effect, { kind: 'send' }>): string {
  switch (message.type) {
    case 'announce':
      return `announce to ${message.cohort.join(' ')}`;
    case 'share-keys':
      return `the keys of ${message.advertisements.map(({ siteId }) => siteId).join(' ')}`;
    case 'relay':
      return `shares of ${String(message.payload.length / SHARE_ENTRY_BYTES)} others`;
    case 'survivors':
      return `survivors ${message.survivors.join(' ')}`;
    case 'unmask':
      return `reveal, as ${message.signatures.map(({ siteId }) => siteId).join(' ')} have signed`;
    case 'train':
      return `train with ${message.cohort.join(' ')}`;
    case 'count':
      return `count with ${message.cohort.join(' ')}`;
    case 'ack': {
      const { result } = message;
      return `${message.of}: ${result.status === 'rejected' ? `rejected, ${result.reason}` : result.status}`;
    }
    case 'published':
      return `published, made of ${String(message.survivorCount)} updates`;
    case 'aborted':
      return `aborted, ${message.reason}`;
  }
}

function sayReport({ report }: Extract<Effect, { kind: 'emit' }>): string {
  switch (report.kind) {
    case 'phaseEntered':
      return `— ${report.phase}, ${String(report.cohortSize)} sites`;
    case 'siteDropped':
      return `${report.siteId} is dropped: ${report.reason}`;
    case 'updateAccepted':
      return report.figures
        ? `${report.siteId} counts with ${String(report.figures.exampleCount)} examples`
        : `${report.siteId} counts; with what only it knows`;
    case 'culprit':
      return `${report.siteId} has cheated: ${report.reason}`;
    case 'counted':
      return `the federation has ${report.classCounts.join(' ')} images of its classes`;
    case 'extended':
      return `${report.sites.join(' ')} may go on`;
    case 'aborted':
      return `— aborted: ${report.reason}`;
  }
}

function sayEffect(effect: Effect): string | undefined {
  switch (effect.kind) {
    case 'persist':
      return 'journal';
    case 'send':
      return `tell ${effect.to}: ${sayMessage(effect)}`;
    case 'setDeadline':
      return `wait at most ${String(effect.delayMs)} ms`;
    case 'clearDeadline':
      return 'wait no more';
    case 'accumulate':
      return `add the update of ${effect.siteId}`;
    case 'addVector':
      return `add the masked update of ${effect.siteId}`;
    case 'noteAnchor':
      return `note the ledger of ${effect.siteId}`;
    case 'aggregate':
      return 'average';
    case 'evaluate':
      return 'evaluate';
    case 'emit':
      return sayReport(effect);
  }
}

/** A round under way, and what was said of it. */
export class Story {
  round: Round;
  readonly context: RoundContext;
  readonly #lines: string[] = [];

  constructor(
    title: string,
    available: readonly string[],
    rules: RoundRules = rulesOf(),
    position: Partial<RoundContext> = {},
  ) {
    this.context = contextOf(plan, position);
    const start = { kind: 'begin', context: this.context, rules, available: available.map(site) } as const;
    this.#lines.push(
      title,
      '',
      `${isCountsRound(this.context) ? 'the round of counts' : 'a round'} begins; ${available.join(' ') || 'nobody'} connected`,
    );
    const transition = beginRound(start);
    this.round = transition.next;
    this.#tell(transition);
  }

  happens(event: RoundEvent): this {
    this.#lines.push(sayEvent(event));
    const transition = step(this.round, event);
    this.round = transition.next;
    this.#tell(transition);
    return this;
  }

  agree(...names: string[]): this {
    for (const siteId of sites(...names)) this.answers(siteId, { type: 'advertise' });
    return this;
  }

  refuse(name: string): this {
    return this.answers(site(name), { type: 'refuse' });
  }

  /** Each update counts ten examples and moves every weight by one. */
  send(...names: string[]): this {
    for (const siteId of sites(...names)) this.answers(siteId, updateAnswer);
    return this;
  }

  sendFor(name: string, position: Partial<RoundContext>): this {
    const context = { ...this.context, ...position };
    return this.happens({ kind: 'answered', siteId: site(name), context, answer: updateAnswer });
  }

  uploads(...names: string[]): this {
    for (const siteId of sites(...names)) this.happens({ kind: 'transferring', siteId });
    return this;
  }

  trains(name: string, steps: number): this {
    return this.happens({ kind: 'stepsDone', siteId: site(name), context: this.context, steps });
  }

  notAdmitted(name: string, reason: DropReason): this {
    return this.happens({ kind: 'rejected', siteId: site(name), reason });
  }

  goes(...names: string[]): this {
    for (const siteId of sites(...names)) this.happens({ kind: 'disconnected', siteId });
    return this;
  }

  comes(...names: string[]): this {
    for (const siteId of sites(...names)) this.happens({ kind: 'connected', siteId });
    return this;
  }

  deadline(phase = this.round.phase): this {
    const { round, attempt } = this.context;
    return this.happens({ kind: 'deadline', phase, round, attempt });
  }

  finish(): this {
    return this.happens({ kind: 'aggregated', newModelHash: modelHash('b') }).happens({ kind: 'evaluated' });
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  answers(siteId: SiteId, answer: Extract<RoundEvent, { kind: 'answered' }>['answer']): this {
    return this.happens({ kind: 'answered', siteId, context: this.context, answer });
  }

  #tell({ effects }: Transition): void {
    for (const effect of effects) {
      const line = sayEffect(effect);
      if (line !== undefined) this.#lines.push(`    ${line}`);
    }
    if (effects.length === 0) this.#lines.push('    (nothing)');
  }
}

const updateAnswer = {
  type: 'update',
  update: { exampleCount: 10, meanLoss: 0.5, delta: new Float32Array(4).fill(1) },
} as const;
