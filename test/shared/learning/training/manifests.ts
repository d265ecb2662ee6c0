/** Manifests for tests: entries in order, each `[kind, length]`, not trainable where the kind says so or it is asked. */
import { manifestOf, type Manifest } from '../../../../shared/learning/weights.ts';
import type { ParameterKind } from '../../../../shared/learning/graph/types.ts';

export interface EntrySpec {
  readonly kind: ParameterKind;
  readonly length: number;
  readonly frozen?: boolean;
  readonly name?: string;
}

export function manifestWith(specs: readonly EntrySpec[]): Manifest {
  return manifestOf({
    parameters: specs.map(({ kind, length, frozen = false, name }, index) => ({
      name: name ?? `p${String(index)}`,
      dims: [length],
      kind,
      trainable: !frozen && kind !== 'runningMean' && kind !== 'runningVariance',
      initializer: { kind: 'zeros' },
    })),
  });
}
