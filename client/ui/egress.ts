/** What left the hospital, round by round, from its ledger and the coordinator's signed words. */
import type { LedgerEntry } from '../ledger/chain.ts';
import type { CheckedReceipt } from '../ledger/receipt-files.ts';
import type { SiteAct } from '../ledger/acts.ts';
import { sentInWords } from '../ledger/words.ts';
import type { EgressView, ReceiptsView, SentView } from './views.ts';

type RoundAct = Extract<SiteAct, { attempt: number }>;

const isRoundAct = (event: SiteAct): event is RoundAct => 'attempt' in event;

const megabytes = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;

interface Collected {
  readonly place: Pick<EgressView, 'runId' | 'round' | 'attempt' | 'planHash'>;
  time: string;
  sent: SentView[];
  joined?: Extract<RoundAct, { kind: 'joined' }>;
  trained?: Extract<RoundAct, { kind: 'trained' }>;
  refused?: string;
  failed?: true;
}

const keyOf = ({ runId, round, attempt }: Pick<EgressView, 'runId' | 'round' | 'attempt'>): string =>
  `${runId} ${String(round)} ${String(attempt)}`;

function add(collected: Collected, event: RoundAct, time: string): void {
  collected.time = time;
  switch (event.kind) {
    case 'joined':
      collected.joined = event;
      return;
    case 'trained':
      collected.trained = event;
      return;
    case 'sent': {
      const { what, payloadBytes, payloadHash, protection } = event;
      const words = sentInWords(what, protection);
      collected.sent.push({ what, words, bytes: payloadBytes, sha512: payloadHash, time });
      return;
    }
    case 'refused':
      collected.refused = event.reason;
      return;
    case 'attemptFailed':
      collected.failed = true;
      return;
    case 'anchored':
    case 'receipt':
      return;
  }
}

/** No plan of this version asks for differential privacy; where one does its ε stands here. */
const NO_EPSILON = 'none asked for: no plan uses differential privacy';

export function egressOf(entries: readonly LedgerEntry[], receipts: readonly CheckedReceipt[]): ReceiptsView {
  const rounds = new Map<string, Collected>();
  for (const { event, time } of entries) {
    if (!isRoundAct(event)) continue;
    const { runId, round, attempt, planHash } = event;
    const key = keyOf(event);
    const known = rounds.get(key) ?? { place: { runId, round, attempt, planHash }, time, sent: [] };
    add(known, event, time);
    rounds.set(key, known);
  }
  const byRound = new Map(
    receipts.flatMap((checked) =>
      checked.receipt ? [[keyOf(checked.receipt.evidence.context), checked] as const] : [],
    ),
  );
  const views = [...rounds].map(([key, collected]) => viewOf(collected, byRound.get(key)));
  return {
    rounds: views.reverse(),
    totalBytes: views.reduce((sum, { bytes }) => sum + bytes, 0),
    publishedRounds: views.filter(({ receipt }) => receipt?.fault === null).length,
    epsilon: NO_EPSILON,
    faults: receipts.flatMap(({ file, fault }) => (fault === undefined ? [] : [`${file}: ${fault}`])),
  };
}

function viewOf(collected: Collected, checked: CheckedReceipt | undefined): EgressView {
  const { place, time, sent, joined, trained, refused, failed = false } = collected;
  const bytes = sent.reduce((sum, message) => sum + message.bytes, 0);
  const receipt = checked?.receipt && {
    file: checked.file,
    survivors: checked.receipt.published.survivorCount,
    newModelHash: checked.receipt.published.newModelHash,
    fault: checked.fault ?? null,
  };
  const view = {
    ...{ ...place, time, bytes, sent, failed },
    cohortSize: joined?.cohortSize ?? null,
    protection: joined?.protection ?? null,
    trained: trained
      ? {
          ...{ steps: trained.steps, seconds: trained.seconds, engine: trained.engine },
          examples: trained.examples ?? null,
        }
      : null,
    refused: refused ?? null,
    receipt: receipt ?? null,
  };
  return { ...view, words: wordsOf(view) };
}

function wordsOf(view: Omit<EgressView, 'words'>): readonly string[] {
  const { sent, bytes, cohortSize, trained, refused, failed, receipt } = view;
  return [
    sent.length === 0
      ? 'Nothing left this hospital.'
      : `${megabytes(bytes)} left this hospital: ${sent.map(({ words }) => words).join('; ')}. No image, no label and no name was in it.`,
    ...(cohortSize === null ? [] : [`${String(cohortSize)} sites were asked to take part.`]),
    ...(trained
      ? [
          `Here ${trained.examples === null ? 'our images' : `${trained.examples} images`} were trained on, in ${String(trained.steps)} steps and ${String(trained.seconds)} s.`,
        ]
      : []),
    ...(refused === null ? [] : [`This site refused: ${refused}.`]),
    ...(failed ? ['Training failed here.'] : []),
    receipt
      ? `The coordinator has signed that our update is in the published model, with ${String(receipt.survivors)} sites in all${receipt.fault === null ? '' : `; but ${receipt.fault}`}.`
      : 'There is no receipt: as far as this site knows, our update is in no published model.',
    `Privacy loss (ε): ${NO_EPSILON}.`,
  ];
}
