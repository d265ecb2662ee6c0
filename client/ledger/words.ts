/** The entries of a site's ledger in sentences, for people. */
import type { SiteAct } from './acts.ts';

interface Place {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
}

export const placeInWords = ({ runId, round, attempt }: Place): string =>
  `run ${runId}, round ${String(round)}${attempt > 1 ? `, attempt ${String(attempt)}` : ''}`;

export function actInWords(act: SiteAct): string {
  switch (act.kind) {
    case 'planApproved':
      return `approved plan ${act.planHash.slice(0, 16)} with ${String(act.siteCount)} sites${act.people ? ` (${act.people.join(' and ')})` : ''}`;
    case 'planProposed':
      return `${act.person} approves plan ${act.planHash.slice(0, 16)}; a second person has to`;
    case 'planWithdrawn':
      return `withdrew plan ${act.planHash.slice(0, 16)}`;
    case 'planRefused':
      return `refused plan ${act.planHash.slice(0, 16)}`;
    case 'told':
      return `tells the coordinator’s people of this site: ${act.what.join(', ') || 'nothing'}; ${String(act.payloadBytes)} bytes, SHA-512 ${act.payloadHash.slice(0, 16)}…`;
    case 'started':
      return `the agent of ${act.siteId} started`;
    case 'stopped':
      return 'the agent stopped';
    case 'joined':
      return `${placeInWords(act)}: takes part with ${String(act.cohortSize)} sites (${act.protection})`;
    case 'trained':
      return `${placeInWords(act)}: trained ${String(act.steps)} steps in ${String(act.seconds)} s on ${act.engine}${act.examples === undefined ? '' : `, ${act.examples} images`}`;
    case 'sent':
      return `${placeInWords(act)}: sends ${act.what}, ${String(act.payloadBytes)} bytes, SHA-512 ${act.payloadHash.slice(0, 16)}… (${act.protection})`;
    case 'refused':
      return `${placeInWords(act)}: refuses: ${act.reason}`;
    case 'anchored':
      return `${placeInWords(act)}: the coordinator’s ledger has ${String(act.coordinator.entries)} entries, SHA-512 ${act.coordinator.hash.slice(0, 16)}…`;
    case 'attemptFailed':
      return `${placeInWords(act)}: training failed`;
    case 'receipt':
      return `${placeInWords(act)}: published with this site; receipt ${act.receiptHash.slice(0, 16)}…`;
    case 'repaired':
      return `took away ${String(act.lostBytes)} bytes of an entry that was cut short`;
  }
}

/** The messages with a payload, for people. */
export function sentInWords(what: string, protection: string): string {
  switch (what) {
    case 'update':
      switch (protection) {
        case 'secure-aggregation':
          return 'the change of the model, masked: readable only in the sum of all sites';
        case 'box':
          return 'the change of the model, encrypted for the coordinator';
        default:
          return 'the change of the model, unprotected';
      }
    case 'shares':
      return "encrypted parts of this round's keys, for the other sites";
    case 'unmasked':
      return 'parts of keys that take the masks off the sum';
    default:
      return `a message of type ${what}`;
  }
}
