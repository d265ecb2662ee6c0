/** The site's ledger, receipts and trained rounds for its page. */
import { fromHex } from '../../shared/crypto/bytes.ts';
import type { SiteFolder } from '../config.ts';
import { ledgerFault } from '../ledger/ledger-fault.ts';
import { readLedger } from '../ledger/ledger-file.ts';
import { readReceipts } from '../ledger/receipt-files.ts';
import { actInWords } from '../ledger/words.ts';
import { readTraining, type TrainingRecord } from '../training/training-history.ts';
import { egressOf } from './egress.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type {
  IntervalView,
  LedgerEntryView,
  LedgerView,
  ReceiptsView,
  TrainedView,
  TrainingView,
  VerificationView,
} from './views.ts';

const receiptsOf = (folder: SiteFolder): ReturnType<typeof readReceipts> =>
  readReceipts(folder.path, fromHex(folder.config.coordinator.key));

export async function receiptsView(folder: SiteFolder, ledger: LedgerReader): Promise<ReceiptsView> {
  const [{ entries }, receipts] = await Promise.all([ledger.read(), receiptsOf(folder)]);
  return egressOf(entries, receipts);
}

export interface LedgerQuestion {
  /** Looked for in actor and words; empty: all. */
  readonly text: string;
  /** Only entries before this one; undefined: from the newest. */
  readonly before: number | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function ledgerView(ledger: LedgerReader, question: LedgerQuestion): Promise<LedgerView> {
  const { entries, fault } = await ledger.read();
  const text = question.text.trim().toLowerCase();
  const views = entries.map(({ seq, time, actor, event }): LedgerEntryView => {
    return { seq, time, actor, kind: event.kind, words: actInWords(event) };
  });
  const fitting = views.filter(
    ({ actor, words, time }) => text === '' || `${time} ${actor} ${words}`.toLowerCase().includes(text),
  );
  const { before = Infinity, limit } = question;
  return {
    entries: fitting
      .filter(({ seq }) => seq < before)
      .slice(-limit)
      .reverse(),
    total: fitting.length,
    fault: fault ? `line ${String(fault.line)} ${fault.what}` : null,
  };
}

/** From the first line to the last, and against the receipts, as `site ledger --verify`. */
export async function verification(folder: SiteFolder): Promise<VerificationView> {
  const reading = await readLedger(folder.path, folder.identity.publicKey);
  const receipts = await receiptsOf(folder);
  const bad = receipts.find(({ fault }) => fault !== undefined);
  const fault =
    ledgerFault(reading, receipts) ?? (bad && `the receipt ${bad.file} proves nothing: ${bad.fault ?? ''}`);
  return {
    ...{ entries: reading.entries.length, receipts: receipts.length, head: reading.head.prevHash },
    fault: fault ?? null,
  };
}

/** Of a page's curve. */
const MAX_ROUNDS = 1000;

export async function trainingView({ path }: SiteFolder): Promise<TrainingView> {
  return { rounds: (await readTraining(path, MAX_ROUNDS)).map(trainedView) };
}

function trainedView({ validation, device: known, ...record }: TrainingRecord): TrainedView {
  const device = known ?? null;
  if (!validation) return { ...record, device, validation: null };
  const { exampleCount, correctCount, lossSum } = validation;
  return {
    ...{ ...record, device },
    validation: {
      ...{ exampleCount, correctCount, meanLoss: lossSum / exampleCount },
      accuracy: wilsonInterval(correctCount, exampleCount),
    },
  };
}

/** Of the standard normal distribution, for 95 %. */
const Z = 1.959964;

/** The score interval of a proportion (Wilson 1927; Brown, Cai and DasGupta 2001, eq. 4). `count` above 0. */
export function wilsonInterval(hits: number, count: number): IntervalView {
  const value = hits / count;
  const centre = (value + Z ** 2 / (2 * count)) / (1 + Z ** 2 / count);
  const half =
    (Z / (1 + Z ** 2 / count)) * Math.sqrt((value * (1 - value)) / count + Z ** 2 / (4 * count ** 2));
  return { value, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
