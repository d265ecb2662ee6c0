/** The flags of `consilium simulate` that say how updates are hidden, put into the settings that a file may have. */
import { z } from 'zod';
import { InputError } from '../shared/errors.ts';
import { PROTECTION_MODES, protectionSchema } from '../shared/protocol/protection.ts';

export interface ProtectionFlags {
  readonly protection?: string;
  /** Bits of the ring that updates are summed in. */
  readonly ringBits?: number;
  /** L2 bound on every site's update. */
  readonly clipNorm?: number;
  /** Shares that unmask. */
  readonly threshold?: number;
  readonly acknowledgeSmallCohort?: true;
}

const fileSchema = z.union([z.enum(PROTECTION_MODES).transform((mode) => ({ mode })), z.looseObject({})]);

/** Undefined where nothing is said. @throws InputError for flags that do not go together */
export function protectionOf(flags: ProtectionFlags, fromFile: unknown): Record<string, unknown> | undefined {
  const { protection, ringBits, clipNorm, threshold, acknowledgeSmallCohort } = flags;
  const ring = {
    ...(ringBits !== undefined && { bits: ringBits }),
    ...(clipNorm !== undefined && { clipL2Norm: clipNorm }),
  };
  const others = {
    ...(Object.keys(ring).length > 0 && { ring }),
    ...(threshold !== undefined && { threshold }),
    ...(acknowledgeSmallCohort && { smallCohortAcknowledged: true }),
  };
  const given = fileSchema.safeParse(fromFile).data ?? {};
  const mode = protection ?? ('mode' in given ? given.mode : undefined) ?? 'secure-aggregation';
  if (fromFile === undefined && protection === undefined && Object.keys(others).length === 0)
    return undefined;
  // Another mode than the file's has other settings.
  const kept = 'mode' in given && given.mode === mode ? given : {};
  const keptRing = 'ring' in kept && typeof kept['ring'] === 'object' ? kept['ring'] : {};
  const merged = { ...kept, ...others, mode, ...('ring' in others && { ring: { ...keptRing, ...ring } }) };
  const parsed = protectionSchema.safeParse(merged);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'mode'}: ${message}`,
    );
    throw new InputError(`--protection and its flags do not go together: ${problems.join('; ')}`);
  }
  return merged;
}
