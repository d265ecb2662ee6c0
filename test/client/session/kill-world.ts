/**
 * A federation in memory of which one site keeps its files and can be killed before any of its acts: a durable write, or
 * a message. Afterwards a new agent goes on from the same files, within the coordinator's grace.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSiteAgent, type SiteAgent } from '../../../client/session/agent.ts';
import type { SiteJournal } from '../../../client/session/agent-options.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import { createStateFiles } from '../../../client/training/site-state-files.ts';
import type { SiteStates } from '../../../client/training/site-state.ts';
import type { RoundAct } from '../../../client/ledger/acts.ts';
import type { Receipt } from '../../../client/ledger/receipt.ts';
import type { SessionReport } from '../../../client/session/events.ts';
import type { RoundSecrets } from '../../../client/session/round-secrets.ts';
import { longestRoundMs } from '../../../client/session/interrupted-round.ts';
import { RoundFiles } from '../../../client/session/round-files.ts';
import {
  createMemory,
  journalIn,
  MEMORY_FILE,
  readMemory,
  SessionMemoryFile,
} from '../../../client/session/session-memory.ts';
import { executeRun } from '../../../coordinator/run/run.ts';
import type { RunResult } from '../../../coordinator/run/run-options.ts';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { sha512Hex } from '../../../shared/crypto/hash.ts';
import { createIdentity, type Identity } from '../../../shared/crypto/identity.ts';
import { openSealed } from '../../../shared/crypto/sealed-box.ts';
import { StorageError } from '../../../shared/errors.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { runIdSchema, siteIdSchema, type SiteId } from '../../../shared/ids.ts';
import {
  decodeCoordinatorMessage,
  decodeSiteMessage,
  encodeSiteMessage,
} from '../../../shared/protocol/codec.ts';
import type { CoordinatorMessage, SiteMessage } from '../../../shared/protocol/messages.ts';
import { siteStatement } from '../../../shared/protocol/signatures.ts';
import { isTransferFrame } from '../../../shared/protocol/transfer-messages.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import type { CoordinatorLink } from '../../../shared/protocol/transport.ts';
import { createMemoryTransport } from '../../../simulations/virtual/memory-transport.ts';
import { createVirtualClock } from '../../../simulations/virtual/virtual-clock.ts';
import { CHEAT, dealsOtherSecrets, type CheatView } from '../../contracts/secagg-dealing.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';
import { formula } from '../../simulations/virtual/mini-federation.ts';

export const VICTIM = siteIdSchema.parse('b');
const coordinator = createIdentity();
const boxKeys = createAgreementKeyPair();

export interface KillOutcome extends RunResult {
  /** Every act of the site, in order, over all its lives. */
  readonly acts: readonly string[];
  readonly refusals: readonly string[];
  readonly receipts: readonly Receipt[];
  readonly ledger: readonly RoundAct[];
  readonly coordinatorKey: Uint8Array;
  /** SHA-512 of the payloads that were sent, by type of message and attempt; of what is in the box of an unmasking. */
  readonly sent: ReadonlyMap<string, ReadonlySet<string>>;
  /** What is in the folder of the round at the end. */
  readonly leftOver: readonly string[];
  /** Permissions of the files of the round, as they were written. */
  readonly modes: ReadonlySet<number>;
  /** What the site's program ended of. */
  readonly failures: readonly unknown[];
}

interface Sent<M> {
  readonly siteId: SiteId;
  readonly message: M;
}

const LARGEST = 1 << 24;

const flat = (): Promise<{ loss: number; score: number; metrics: Record<string, number> }> =>
  Promise.resolve({ loss: 1, score: 0.5, metrics: {} });

export interface KillOptions {
  /** Default: `VICTIM`. */
  readonly victim?: SiteId;
  /** Default: `formula`. */
  readonly trainerOf?: (siteId: SiteId) => LocalTrainer;
  /** `CHEAT` deals shares of other secrets than it uses: the first attempt is spoilt, and the round repeated without it. */
  readonly isSpoilt?: boolean;
  /** The act, a durable write, fails for want of space instead: the program ends by itself, and is started again. */
  readonly isFull?: boolean;
}

/** `killBefore`: the number of the act, from 0, that does not happen any more. */
export async function runKilling(
  plan: Plan,
  names: readonly string[],
  killBefore = Infinity,
  { victim = VICTIM, isSpoilt = false, isFull = false, trainerOf = formula }: KillOptions = {},
): Promise<KillOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-kill-'));
  const round = join(folder, 'round');
  const sites = names.map((name) => siteIdSchema.parse(name));
  const clock = createVirtualClock();
  const view = {
    secrets: new Map<SiteId, RoundSecrets>(),
    up: [] as Sent<SiteMessage>[],
    down: [] as Sent<CoordinatorMessage>[],
  };
  const transport = createMemoryTransport({
    clock,
    sites,
    intercept: (direction, siteId, frame) => {
      const decoded = isSpoilt && direction === 'down' && decodeCoordinatorMessage(frame, LARGEST);
      if (decoded && decoded.ok) view.down.push({ siteId, message: decoded.message });
      return [frame];
    },
  });
  const identities = new Map(sites.map((siteId) => [siteId, createIdentity()] as const));
  const roster = new Map([...identities].map(([siteId, own]) => [siteId, own.publicKey]));
  const acts: string[] = [];
  const reports: SessionReport[] = [];
  const sent = new Map<string, Set<string>>();
  const modes = new Set<number>();
  const receipts: Receipt[] = [];
  const ledger: RoundAct[] = [];
  const failures: unknown[] = [];
  const alive = new Map<string, SiteAgent>();
  const deal = dealsOtherSecrets();
  /** The cheat's connection: what it says goes through its hands. */
  const cheatingLink = (line: CoordinatorLink, identity: Identity): CoordinatorLink => {
    const cheat: CheatView = {
      ...view,
      send: (_siteId, message) => {
        line.send(encodeSiteMessage(message));
      },
      resignSite: (message) => {
        const { purpose, fields } = siteStatement(message);
        return { ...message, signature: signStatement(identity, purpose, fields) };
      },
    };
    return {
      listen: (handlers) => {
        line.listen(handlers);
      },
      send: (frame) => {
        const decoded = isTransferFrame(frame) ? undefined : decodeSiteMessage(frame, LARGEST);
        const changed = decoded?.ok ? deal(CHEAT, decoded.message, cheat) : undefined;
        if (decoded?.ok) view.up.push({ siteId: CHEAT, message: decoded.message });
        if (!changed) line.send(frame);
      },
      close: () => {
        line.close();
      },
    };
  };
  const cheatingOptions = (line: CoordinatorLink, identity: Identity) => ({
    link: cheatingLink(line, identity),
    journal: {
      append: () => Promise.resolve(),
      keepSecrets: (kept: RoundSecrets) => {
        view.secrets.set(CHEAT, structuredClone(kept));
        return Promise.resolve();
      },
    },
  });
  const common = { coordinatorKey: coordinator.publicKey, roster, clock };
  const policy = { approvedPlans: [hashPlan(plan)], minimumCohort: 2, smallCohortAcknowledged: true };

  const startVictim = async (): Promise<void> => {
    const memoryFile = join(folder, MEMORY_FILE);
    const files = new RoundFiles(round);
    const memory = await clock.track(readMemory(memoryFile));
    const interrupted = await clock.track(files.read());
    let isDead = false;
    const comesBack = (): void => {
      isDead = true;
      transport.interrupt(victim);
      clock.schedule(5, () => {
        void clock.track(startVictim()).then(() => {
          transport.reconnect(victim);
        });
      });
    };
    /** False when the site is dead by now. */
    const act = (name: string): boolean => {
      if (isDead) return false;
      if (acts.length === killBefore && !isFull) {
        acts.push(`killed before ${name}`);
        comesBack();
        return false;
      }
      acts.push(name);
      return true;
    };
    const kept = journalIn(new SessionMemoryFile(memoryFile, memory), files);
    const write = async (name: string, work: () => Promise<void>): Promise<void> => {
      if (isFull && acts.length === killBefore && !isDead) {
        acts.push(`no space for ${name}`);
        throw new StorageError(`${name}: ENOSPC: no space left on device, write`);
      }
      // Whoever is dead waits for ever.
      if (!act(name)) return new Promise<void>(() => undefined);
      await clock.track(work());
      for (const file of safeList(round)) modes.add(statSync(join(round, file)).mode & 0o777);
    };
    const journal: SiteJournal = {
      append: (event, remembered, next) =>
        write(`write ${event.kind}`, () => kept.append(event, remembered, next)),
      keepAnnounced: (announced) => write('write plan', async () => kept.keepAnnounced?.(announced)),
      keepSecrets: (secrets) => write('write secrets', async () => kept.keepSecrets?.(secrets)),
      keepEvidence: (evidence) => write('write evidence', async () => kept.keepEvidence?.(evidence)),
      keepState: (context, state) => write('write state', async () => kept.keepState?.(context, state)),
      keepUpdate: (context, frame) => write('write update', async () => kept.keepUpdate?.(context, frame)),
    };
    const stateFiles = createStateFiles(join(folder, 'states'));
    const states: SiteStates = {
      load: (runId) => clock.track(Promise.resolve(stateFiles.load(runId))),
      save: (runId, state) => write('write run state', async () => stateFiles.save(runId, state)),
    };
    const line = transport.linkOf(victim);
    const link: CoordinatorLink = {
      listen: (handlers) => {
        line.listen({
          connected: () => {
            if (!isDead) handlers.connected();
          },
          disconnected: () => undefined,
          frame: (frame) => {
            if (!isDead) handlers.frame(frame);
          },
        });
      },
      send: (frame) => {
        const type = /"type":"([a-z-]+)"/.exec(frame.header)?.[1] ?? '?';
        const attempt = /"round":(\d+),"attempt":(\d+)/.exec(frame.header)?.slice(1).join('.') ?? '';
        if (!act(`send ${type}`)) return;
        if (frame.payload) {
          const key = `${type} ${attempt}`;
          const inside = type === 'unmasked' ? openSealed(boxKeys, frame.payload) : frame.payload;
          sent.set(key, (sent.get(key) ?? new Set()).add(sha512Hex(inside ?? new Uint8Array())));
        }
        line.send(frame);
      },
      close: () => {
        if (!isDead) line.close();
      },
    };
    const identity = identities.get(victim);
    if (!identity) throw new Error('the victim is a site');
    const agent = startSiteAgent({
      ...common,
      ...{ siteId: victim, identity, policy, link, journal, states, memory, trainer: trainerOf(victim) },
      ...(interrupted && { interrupted }),
      receipts: {
        keep: (receipt) => {
          receipts.push(receipt);
          return Promise.resolve();
        },
      },
      ledger: {
        enter: (entry) => {
          ledger.push(entry);
          return Promise.resolve();
        },
      },
      report: (report) => reports.push(report),
    });
    alive.set(victim, agent);
    agent.finished.catch((error: unknown) => {
      failures.push(error);
      if (isDead) return;
      comesBack();
      void clock.track(agent.stop());
    });
  };

  for (const [siteId, identity] of identities)
    if (siteId !== victim)
      alive.set(
        siteId,
        startSiteAgent({
          ...common,
          ...{ siteId, identity, policy, link: transport.linkOf(siteId), trainer: trainerOf(siteId) },
          ...(isSpoilt && siteId === CHEAT && cheatingOptions(transport.linkOf(siteId), identity)),
        }),
      );
  try {
    await clock.track(createMemory(folder));
    await startVictim();
    const run = executeRun({
      ...{ runId: runIdSchema.parse('killed'), plan, identity: coordinator, boxKeys, roster, clock },
      initialWeights: new Float32Array(plan.parameterCount),
      manifest: manifestWith([{ kind: 'kernel', length: plan.parameterCount }]),
      track: (work) => clock.track(work),
      gateway: transport.gateway,
      journal: { append: () => Promise.resolve() },
      evaluate: flat,
    });
    const result = await clock.runUntil(run);
    // What was sent last arrives, and a round whose end nobody has told becomes old.
    await clock.runUntil(
      new Promise<void>((resolve) => {
        clock.schedule(2 * longestRoundMs(plan), resolve);
      }),
    );
    const refusals = reports.flatMap((report) => (report.kind === 'refused' ? [report.reason] : []));
    return {
      ...{ ...result, acts, refusals, sent, leftOver: safeList(round), modes, receipts, ledger, failures },
      coordinatorKey: coordinator.publicKey,
    };
  } finally {
    await Promise.all([...alive.values()].map((agent) => agent.stop()));
    rmSync(folder, { recursive: true });
  }
}

function safeList(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
