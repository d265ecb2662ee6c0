/** A hospital's running agent: its folder, its one connection, its training process and what it remembers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { hashRoster, openRoster, type Roster } from '../../shared/protocol/roster.ts';
import { pathIn, readPolicy, readRoster, type SiteFolder } from '../config.ts';
import { startSiteAgent } from '../session/agent.ts';
import type { SessionReport } from '../session/events.ts';
import { readMemory, SessionMemoryFile } from '../session/session-memory.ts';
import { createChildTrainer } from '../training/child-trainer.ts';
import { createSocketLink, type LinkStatus } from '../transport/socket-link.ts';

export type SiteReport =
  | { readonly kind: 'link'; readonly status: LinkStatus }
  | { readonly kind: 'session'; readonly report: SessionReport };

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
  const { config, identity, path } = folder;
  const { siteId, coordinator, engine } = config;
  if (config.data === undefined)
    throw new InputError(
      `${join(path, 'site.yaml')}: data is missing: where are the images of this hospital?`,
    );
  const policy = readPolicy(folder);
  const roster = acceptedRoster(folder);
  const memoryFile = join(path, 'memory.json');
  const memory = await readMemory(memoryFile);
  const ca = authorityOf(folder);
  const trainer = createChildTrainer({ source: sourceFrom(path, config.data), engine });
  const agent = startSiteAgent({
    siteId,
    identity,
    coordinatorKey: fromHex(coordinator.key),
    policy: roster ? { ...policy, rosterHash: policy.rosterHash ?? hashRoster(roster) } : policy,
    ...(roster && { roster }),
    link: createSocketLink({
      ...{ url: coordinator.url, federationId: coordinator.federationId, siteId, identity, clock },
      ...(ca !== undefined && { ca }),
      status: (status) => {
        report({ kind: 'link', status });
      },
    }),
    clock,
    trainer,
    memory,
    journal: new SessionMemoryFile(memoryFile, memory),
    report: (sessionReport) => {
      report({ kind: 'session', report: sessionReport });
    },
  });
  return {
    finished: agent.finished,
    stop: async () => {
      await agent.stop();
      await trainer.close();
      identity.dispose();
    },
  };
}

/** @throws InputError when the roster on disk is not signed by the federation */
function acceptedRoster(folder: SiteFolder): Roster | undefined {
  const signed = readRoster(folder);
  if (!signed) return undefined;
  const roster = openRoster(fromHex(folder.config.coordinator.key), signed);
  if (!roster)
    throw new InputError(
      `${join(folder.path, 'roster.json')} is not signed by this federation; \`consilium site approve\` fetches it again`,
    );
  return roster;
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
