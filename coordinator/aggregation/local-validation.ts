/** What the global model did at the sites, added up: the same as on the union of their validation images. */
import { meanOf, mergeSums } from '../../shared/learning/metrics/mergeable.ts';
import type { LocalValidation } from '../../shared/protocol/update-payload.ts';

export interface FederatedValidation {
  /** Validation images of all survivors together. */
  readonly exampleCount: number;
  /** Mean cross-entropy in nats, every image counted once. */
  readonly loss: number;
  /** 0…1 */
  readonly accuracy: number;
}

/** In the order given, on which the last digit depends. Undefined when no site has validation images. */
export function mergeValidation(parts: readonly LocalValidation[]): FederatedValidation | undefined {
  const merged = (sumOf: (part: LocalValidation) => number) =>
    mergeSums(parts.map((part) => ({ sum: sumOf(part), weight: part.exampleCount })));
  const losses = merged(({ lossSum }) => lossSum);
  const loss = meanOf(losses);
  const accuracy = meanOf(merged(({ correctCount }) => correctCount));
  if (loss === undefined || accuracy === undefined) return undefined;
  return { exampleCount: losses.weight, loss, accuracy };
}
