/** From what the agent did to what is entered: with the engine, and with counts as the policy discloses them. */
import type { SitePolicy } from '../session/policy.ts';
import type { RoundAct, SiteAct } from './acts.ts';

/** 412 → `100-999`: the order of magnitude, so that entries of several rounds do not give away single images. */
export function spanOf(count: number): string {
  const { low, high } = orderOf(count);
  return `${String(low)}-${String(high)}`;
}

/** Both ends of it. */
export function orderOf(count: number): { readonly low: number; readonly high: number } {
  const digits = String(count).length;
  return { low: digits === 1 ? 0 : 10 ** (digits - 1), high: 10 ** digits - 1 };
}

function examplesOf(count: number, disclosure: SitePolicy['ledgerCounts']): string | undefined {
  switch (disclosure) {
    case 'exact':
      return String(count);
    case 'none':
      return undefined;
    case 'span':
    case undefined:
      return spanOf(count);
  }
}

export function entryOf(
  act: RoundAct,
  { engine, policy }: { readonly engine: string; readonly policy: Pick<SitePolicy, 'ledgerCounts'> },
): SiteAct {
  if (act.kind !== 'trained') return act;
  const { exampleCount, ...rest } = act;
  const examples = examplesOf(exampleCount, policy.ledgerCounts);
  const seconds = Math.round(act.seconds * 10) / 10;
  return { ...rest, seconds, engine, ...(examples !== undefined && { examples }) };
}
