/**
 * A receipt in words: what left the hospital in a round, what it is part of now, and how to stop. It says no more than the
 * ledger and the coordinator's signatures do.
 */
import { sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import type { SiteAct } from './acts.ts';
import type { Receipt } from './receipt.ts';
import { placeInWords, sentInWords } from './words.ts';

type RoundEntry = Extract<SiteAct, { attempt: number }>;

const isOfRound = (act: SiteAct): act is RoundEntry => 'attempt' in act;

/** What the agent has done in rounds, for the receipt of each. */
export class RoundActs {
  #acts: RoundEntry[];

  constructor(acts: readonly SiteAct[] = []) {
    this.#acts = acts.filter(isOfRound);
  }

  /** Of earlier attempts of its run nothing is kept: their receipts have been written. */
  note(act: SiteAct): void {
    if (!isOfRound(act)) return;
    const isOther = (earlier: RoundEntry): boolean => earlier.runId !== act.runId;
    this.#acts = this.#acts.filter((earlier) => sameContext(earlier, act) || isOther(earlier));
    this.#acts.push(act);
  }

  of(context: RoundContext): readonly RoundEntry[] {
    return this.#acts.filter((act) => sameContext(act, context));
  }
}

const sizeInWords = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;

/** No plan of this version asks for differential privacy; where one does its ε stands here. */
const NO_EPSILON = 'none asked for: this plan adds no noise';

function sentLines(acts: readonly RoundEntry[]): readonly string[] {
  const sent = acts.flatMap((act) => (act.kind === 'sent' ? [act] : []));
  if (sent.length === 0) return ['  (the entries are in `consilium site ledger`)'];
  const bytes = sent.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
  return [
    ...sent.map(
      ({ what, protection, payloadBytes, payloadHash }) =>
        `  ${sentInWords(what, protection)}: ${sizeInWords(payloadBytes)}, SHA-512 ${payloadHash.slice(0, 16)}…`,
    ),
    `  in all ${sizeInWords(bytes)}; no image. What a model has learned from images may still say something about people.`,
  ];
}

function trainingLine(acts: readonly RoundEntry[]): string {
  const trained = acts.find((act) => act.kind === 'trained');
  if (!trained) return 'not on record here';
  const { examples, steps, engine } = trained;
  return `${examples === undefined ? 'number not disclosed' : `${examples} images`}, ${String(steps)} steps on ${engine}`;
}

/**
 * @param acts what the ledger says of the round
 * @param fault what is wrong with the receipt; undefined: nothing
 */
export function receiptText(
  { evidence, published }: Receipt,
  acts: readonly RoundEntry[],
  fault?: string,
): string {
  const { context } = evidence;
  const joined = acts.find((act) => act.kind === 'joined');
  const cohort = joined === undefined ? '' : `, of a cohort of ${String(joined.cohortSize)}`;
  const proof = fault === undefined ? 'signed by the coordinator' : `NOT PROVEN: ${fault}`;
  return [
    `Receipt of ${placeInWords(context)}, plan ${context.planHash.slice(0, 16)}…`,
    'What left this hospital:',
    ...sentLines(acts),
    `Trained on:       ${trainingLine(acts)}`,
    `Privacy budget:   ε spent: ${NO_EPSILON}`,
    `What it is in:    model ${published.newModelHash.slice(0, 16)}… of ${String(published.survivorCount)} sites${cohort}; ${proof}`,
    `To stop:          \`consilium site withdraw ${context.planHash.slice(0, 16)}\` (no round of this plan any more) or \`consilium site stop\``,
    '                  (no round at all). What is in a published model stays in it.',
  ].join('\n');
}
