/** A hospital's running agent: its folder, its one connection, its training process and what it remembers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { InputError, messageOf, StorageError } from '../../shared/errors.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { pathIn, readPolicy, type SiteFolder } from '../config.ts';
import { SiteLedger } from '../ledger/ledger-file.ts';
import { hashReceipt } from '../ledger/receipt.ts';
import { writeReceipt } from '../ledger/receipt-files.ts';
import { receiptText, RoundActs } from '../ledger/receipt-text.ts';
import { entryOf } from '../ledger/site-entries.ts';
import { takeLock } from '../lock-file.ts';
import { startSiteAgent } from '../session/agent.ts';
import type { SessionReport } from '../session/events.ts';
import { RoundFiles } from '../session/round-files.ts';
import { journalIn, MEMORY_FILE, readMemory, SessionMemoryFile } from '../session/session-memory.ts';
import { startSiteTeller } from './site-teller.ts';
import { readTerms, termsReader } from './terms.ts';
import { withInitialModel, type FetchModel } from '../training/initial-model-file.ts';
import { fetchInitialModel } from '../transport/coordinator-api.ts';
import { createChildTrainer } from '../training/child-trainer.ts';
import { createStateFiles } from '../training/site-state-files.ts';
import { appendTraining } from '../training/training-history.ts';
import { watchedTrainer, type TrainingReport } from '../training/watched-trainer.ts';
import { createSocketLink, type LinkStatus } from '../transport/socket-link.ts';

export type SiteReport =
  | { readonly kind: 'link'; readonly status: LinkStatus }
  | { readonly kind: 'session'; readonly report: SessionReport }
  /** For the site's own eyes; nothing of it crosses the wire or is logged. */
  | { readonly kind: 'training'; readonly report: TrainingReport }
  /** Policy or roster cannot be used: the site takes part in no round until that is put right. */
  | { readonly kind: 'closed'; readonly problem: string };

export interface RunningSite {
  /** Rejects when the agent cannot go on. */
  readonly finished: Promise<void>;
  /** Training stops between two steps, then the connection is closed. */
  stop(): Promise<void>;
}

/** @throws InputError or StorageError when configuration, policy, roster or memory cannot be used */
export async function startSite(
  folder: SiteFolder,
  report: (report: SiteReport) => void,
  clock: Clock = systemClock,
): Promise<RunningSite> {
  const release = await takeLock(lockOf(folder));
  if (!release)
    throw new StorageError(
      `an agent of ${folder.path} runs already; \`consilium site stop --dir ${folder.path}\` ends it`,
    );
  try {
    return await startLocked(folder, { report, clock, release });
  } catch (error) {
    await release();
    throw error;
  }
}

/** Held by the running agent of a site. */
export const lockOf = ({ path }: Pick<SiteFolder, 'path'>): string => join(path, 'agent.lock');

interface Surroundings {
  readonly report: (report: SiteReport) => void;
  readonly clock: Clock;
  readonly release: () => Promise<void>;
}

async function startLocked(
  folder: SiteFolder,
  { report, clock, release }: Surroundings,
): Promise<RunningSite> {
  const { config, identity, path } = folder;
  const { siteId, coordinator, engine } = config;
  if (config.data === undefined)
    throw new InputError(
      `${join(path, 'site.yaml')}: data is missing: where are the images of this hospital?`,
    );
  const terms = readTerms(folder);
  let { policy } = terms;
  const read = termsReader(folder, (problem) => {
    report({ kind: 'closed', problem });
  });
  const memoryFile = join(path, MEMORY_FILE);
  const memory = await readMemory(memoryFile);
  const rounds = new RoundFiles(join(path, 'round'));
  const interrupted = await rounds.read();
  const ledger = new SiteLedger({ folder: path, identity, clock });
  await ledger.enter({ kind: 'started', siteId });
  const ca = authorityOf(folder);
  const models = join(path, MODELS_FOLDER);
  const trainer = createChildTrainer({ source: sourceFrom(path, config.data), engine, models }, clock);
  const fetchModel = modelFetcher(folder, clock);
  const reach = { url: coordinator.url, ca };
  const teller = startSiteTeller({
    ...{ folder, reach, clock, policy: () => readPolicy(folder) },
    enter: (act) => ledger.enter(act),
  });
  const onTraining = (training: TrainingReport): void => {
    report({ kind: 'training', report: training });
    if (training.kind !== 'trained') return;
    if (training.trained.device !== undefined) teller.trainedOn(training.trained.device);
    const time = new Date(clock.nowMs()).toISOString();
    void appendTraining(path, training.trained, time).catch(() => undefined);
  };
  const acts = new RoundActs();
  const agent = startSiteAgent({
    siteId,
    identity,
    coordinatorKey: fromHex(coordinator.key),
    policy,
    ...(terms.roster && { roster: terms.roster }),
    terms: () => {
      const now = read();
      policy = now.policy;
      return now;
    },
    link: createSocketLink({
      ...{ url: coordinator.url, federationId: coordinator.federationId, siteId, identity, clock },
      ...(ca !== undefined && { ca }),
      status: (status) => {
        report({ kind: 'link', status });
      },
    }),
    clock,
    trainer: watchedTrainer(withInitialModel(trainer, models, fetchModel), onTraining, clock),
    memory,
    journal: journalIn(new SessionMemoryFile(memoryFile, memory), rounds),
    states: createStateFiles(join(path, STATES_FOLDER)),
    ...(interrupted && { interrupted }),
    ledger: {
      enter: async (act) => {
        const entry = entryOf(act, { engine, policy });
        await ledger.enter(entry);
        acts.note(entry);
      },
      head: () => ledger.head,
    },
    receipts: {
      keep: async (receipt) => {
        const { context } = receipt.evidence;
        // In this order: a receipt that no entry names means that the ledger was cut off.
        await ledger.enter({ kind: 'receipt', ...context, receiptHash: hashReceipt(receipt) });
        await writeReceipt(path, receipt, receiptText(receipt, acts.of(context)));
      },
    },
    report: (sessionReport) => {
      report({ kind: 'session', report: sessionReport });
    },
  });
  return {
    finished: agent.finished,
    stop: async () => {
      // Together: a training that does not heed the signal ends with its process.
      await Promise.all([agent.stop(), trainer.close(), teller.stop()]);
      // A full disk must not keep the agent from ending.
      await ledger.enter({ kind: 'stopped' }).catch(() => undefined);
      identity.dispose();
      await release();
    },
  };
}

/** Where the site keeps what strategies leave at it from round to round. */
const STATES_FOLDER = 'states';

/** Where the model files are that plans start from. */
export const MODELS_FOLDER = 'models';

/** Asks the coordinator for them. */
export function modelFetcher(folder: SiteFolder, clock: Pick<Clock, 'nowMs'>): FetchModel {
  const { config, identity } = folder;
  const reach = { url: config.coordinator.url, ca: authorityOf(folder) };
  return (model, signal) => fetchInitialModel(reach, config, identity, { model, clock, signal });
}

export function authorityOf(folder: SiteFolder): string | undefined {
  const { authority } = folder.config.coordinator;
  if (authority === undefined) return undefined;
  try {
    return readFileSync(pathIn(folder, authority), 'utf8');
  } catch (cause) {
    throw new InputError(`coordinator.authority: ${authority} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}
