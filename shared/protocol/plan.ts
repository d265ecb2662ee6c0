/** The plan with its name. What it holds stands in `plan-schema.ts`. */
import { sha512Hex } from '../crypto/hash.ts';
import { planHashSchema, type PlanHash } from '../ids.ts';
import { canonicalBytes } from './canonical.ts';
import type { Plan } from './plan-schema.ts';

export {
  taskSchema,
  runStoppingSchema,
  federationSchema,
  type FederationSettings,
  evaluationSchema,
  planSchema,
  type Plan,
  type PlanInput,
} from './plan-schema.ts';

/** Plans are never changed: each is hashed once. */
const hashes = new WeakMap<Plan, PlanHash>();

/** The name of a plan: SHA-512 of its canonical form. */
export function hashPlan(plan: Plan): PlanHash {
  let hash = hashes.get(plan);
  if (hash === undefined) {
    hash = planHashSchema.parse(sha512Hex(canonicalBytes(plan)));
    hashes.set(plan, hash);
  }
  return hash;
}
