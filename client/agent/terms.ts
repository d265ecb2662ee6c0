/** What the hospital's people have decided, as the files of the site say now. */
import { join } from 'node:path';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { hashRoster, openRoster, type Roster } from '../../shared/protocol/roster.ts';
import { readPolicy, readRoster, type SiteFolder } from '../config.ts';
import type { SiteTerms } from '../session/agent-options.ts';

/** @throws InputError naming the file: what cannot be read allows nothing */
export function readTerms(folder: SiteFolder): SiteTerms {
  const policy = readPolicy(folder);
  const roster = acceptedRoster(folder);
  if (!roster) return { policy };
  return { policy: { ...policy, rosterHash: policy.rosterHash ?? hashRoster(roster) }, roster };
}

/** For the running agent: a file that cannot be read stops no program, but every round. */
export function termsReader(folder: SiteFolder, report: (problem: string) => void): () => SiteTerms {
  return () => {
    try {
      return readTerms(folder);
    } catch (error) {
      report(messageOf(error));
      return { policy: { approvedPlans: [], minimumCohort: Number.MAX_SAFE_INTEGER } };
    }
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
