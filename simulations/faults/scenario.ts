/**
 * What goes wrong in a simulation, as written in a YAML file: which sites, in which rounds, in which phase, and how
 * likely. Which faults occur is a pure function of the seed, so that a scenario repeats exactly.
 */
import { z } from 'zod';
import { InputError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { ProtectionMode } from '../../shared/protocol/protection.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';

/** A week: no phase is longer. */
const MAX_MS = 604_800_000;
const delayMs = z.int().min(1).max(MAX_MS);

/** Who, when and how likely; everything absent means all, always. */
const occasion = {
  /** Names or ids of sites. */
  sites: z.array(z.string().min(1)).min(1).optional(),
  /** 0: the round of counts, where there is one. */
  rounds: z
    .union([
      z.array(z.int().min(0)).min(1),
      z.strictObject({ from: z.int().min(0).default(1), to: z.int().min(1).optional() }),
    ])
    .optional(),
  /** For each site and attempt anew. */
  probability: z.number().gt(0).max(1).default(1),
};

/**
 * Before the round, when it is announced (and keys are advertised), when shares of the keys are dealt, when training
 * begins, when the update is under way, when the survivors are signed, when the masks are taken off.
 */
const dropPhase = z.enum([
  'selecting',
  'advertising',
  'sharing-keys',
  'training',
  'uploading',
  'consistency',
  'unmasking',
]);
/** A moment at which a scenario can cut a connection. */
export type FaultPhase = z.infer<typeof dropPhase>;
export const FAULT_PHASES: readonly FaultPhase[] = dropPhase.options;

/** Only secure aggregation comes to these. */
const MASKED_PHASES: readonly FaultPhase[] = ['sharing-keys', 'consistency', 'unmasking'];

export const faultSchema = z.discriminatedUnion('kind', [
  /** The connection is lost in this phase and is back for the next attempt. */
  z.strictObject({ kind: z.literal('drop'), phase: dropPhase, ...occasion }),
  /** Training takes so much longer, in simulated time. */
  z.strictObject({ kind: z.literal('straggle'), delayMs, ...occasion }),
  /** The connection is lost and comes back within the same attempt. */
  z.strictObject({
    kind: z.literal('flap'),
    phase: dropPhase.exclude(['selecting']),
    awayMs: delayMs.default(5000),
    ...occasion,
  }),
  /** The update is one value short, holds NaN, has another signature, or arrives with one bit changed. */
  z.strictObject({
    kind: z.literal('corrupt'),
    how: z.enum(['wrong-shape', 'nan', 'wrong-signature', 'bit-flip']),
    ...occasion,
  }),
]);
export type Fault = z.infer<typeof faultSchema>;

export const faultScenarioSchema = z.strictObject({
  description: z.string().optional(),
  /** Absent: the simulation's seed. */
  seed: z.int().min(0).max(0x7fff_ffff).optional(),
  /** A round needs so many sites at its start and so many updates at its end. Absent: more than half. */
  minimumSites: z.int().min(1).optional(),
  /** After so long away a site is dropped. */
  graceMs: delayMs.default(30_000),
  faults: z.array(faultSchema).min(1),
});
export type FaultScenario = z.infer<typeof faultScenarioSchema>;

export interface Position {
  readonly round: number;
  readonly attempt: number;
}

/** "drop (training)": for reports. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'drop':
      return `connection lost (${fault.phase})`;
    case 'straggle':
      return `training slower by ${String(fault.delayMs / 1000)} s`;
    case 'flap':
      return `connection lost for ${String(fault.awayMs / 1000)} s (${fault.phase})`;
    case 'corrupt':
      return `corrupt update (${fault.how})`;
  }
}

function isInRounds(rounds: Fault['rounds'], round: number): boolean {
  if (rounds === undefined) return true;
  if (Array.isArray(rounds)) return rounds.includes(round);
  return round >= rounds.from && round <= (rounds.to ?? Infinity);
}

interface NamedSite {
  readonly siteId: SiteId;
  readonly name: string;
}

const names = (fault: Fault, { siteId, name }: NamedSite): boolean =>
  fault.sites === undefined || fault.sites.includes(siteId) || fault.sites.includes(name);

/** The faults that befall a site in an attempt, in the order of the scenario. */
export function faultsAt(
  scenario: FaultScenario,
  runSeed: number,
  site: NamedSite,
  { round, attempt }: Position,
): readonly Fault[] {
  const seed = scenario.seed ?? runSeed;
  return scenario.faults.filter((fault, index) => {
    if (!names(fault, site) || !isInRounds(fault.rounds, round)) return false;
    const draw = createRng(deriveSeed('fault', seed, index, site.siteId, round, attempt)).uniform();
    return draw < fault.probability;
  });
}

/**
 * `protection`: of the plan.
 * @throws InputError naming a site or a phase that there is not, or a minimum that cannot be met
 */
export function checkScenario(
  scenario: FaultScenario,
  sites: readonly NamedSite[],
  protection: ProtectionMode,
): void {
  const known = new Set(sites.flatMap(({ siteId, name }) => [siteId, name] as string[]));
  const unknown = scenario.faults.flatMap((fault) => fault.sites ?? []).filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new InputError(
      `faults: there is no site ${unknown.join(', ')}; the sites are ${sites.map(({ siteId }) => siteId).join(', ')}`,
    );
  const masked = scenario.faults.flatMap((fault) => ('phase' in fault ? [fault.phase] : []));
  const unreached = masked.find((phase) => MASKED_PHASES.includes(phase));
  if (protection !== 'secure-aggregation' && unreached !== undefined)
    throw new InputError(
      `faults: a round without secure aggregation has no phase "${unreached}"; leave --protection ${protection} out, or name another phase`,
    );
  if ((scenario.minimumSites ?? 1) > sites.length)
    throw new InputError(`faults.minimumSites is above the number of sites, ${String(sites.length)}`);
}
