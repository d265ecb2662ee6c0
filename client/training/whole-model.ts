/**
 * Between what is sent and what is trained: a round's vectors hold what is not frozen, a site trains whole weights, of
 * which it has the frozen ones from the plan's model file.
 */
import { InvariantError } from '../../shared/errors.ts';
import { trainableView } from '../../shared/learning/transfer/trainable-view.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { Contribution } from './local-method.ts';

/** What a site is sent. */
export interface SentVectors {
  readonly weights: Float32Array;
  /** SCAFFOLD: the server's control variate. */
  readonly serverControl?: Float32Array | undefined;
}

export interface WholeModel {
  /** In the layout of the manifest; the control variate is 0 where nothing is trained. */
  readonly vectors: SentVectors;
  /** Of a contribution in that layout, what is sent. What the site keeps stays whole. */
  readonly sent: (contribution: Contribution) => Contribution;
}

export interface WholeModelInput extends SentVectors {
  readonly manifest: Manifest;
  /** The weights that a run begins with; needed where some are frozen. */
  readonly initialWeights?: (() => Float32Array) | undefined;
}

/** @throws InvariantError when the vectors are of another model or round */
export function wholeModel({
  weights,
  serverControl,
  manifest,
  initialWeights,
}: WholeModelInput): WholeModel {
  const part = trainableView(manifest);
  if (part.manifest.length === manifest.length)
    return { vectors: { weights, serverControl }, sent: (contribution) => contribution };
  if (!initialWeights) throw new InvariantError('the frozen weights of the model are not known');
  const whole = initialWeights();
  part.put(weights, whole);
  const control = serverControl && new Float32Array(manifest.length);
  if (serverControl && control) part.put(serverControl, control);
  return {
    vectors: { weights: whole, serverControl: control },
    sent: ({ delta, controlDelta, ...rest }) => ({
      ...rest,
      delta: part.pick(delta),
      ...(controlDelta && { controlDelta: part.pick(controlDelta) }),
    }),
  };
}
