/**
 * Compositions of layers that stand for one operation which TensorFlow.js has no layer for, as write-normalization.ts
 * and write-vector.ts write them. Recognising them keeps a model that is written and read again the same graph.
 *
 * - Group normalisation: Reshape [H·W, groups, C/groups] → LayerNormalization over axes 1 and 3, without scale and shift →
 *   Reshape [H, W, C] → DepthwiseConv2D of 1×1 as scale and shift.
 * - Hard swish x·relu6(x + 3)/6: Rescaling → ReLU up to 6 → Rescaling → Multiply with x.
 */
import { sameDims } from '../graph/shapes.ts';
import type { LayerClass, LayerSpec, SpecOf } from './layer-config.ts';
import { reachable, type LayerCall, type Topology } from './topology.ts';

class Calls {
  readonly #calls: readonly LayerCall[];
  readonly #users: number[];

  constructor({ calls, output }: Topology) {
    this.#calls = calls;
    this.#users = calls.map(() => 0);
    for (const place of [output, ...calls.flatMap(({ inputs }) => inputs)])
      this.#users[place] = (this.#users[place] ?? 0) + 1;
  }

  /** The call at `place` when it is of the class and only one other uses it. */
  only<C extends LayerClass>(place: number | undefined, className: C): FoundCall<C> | undefined {
    const call = this.#calls[place ?? -1];
    if (call === undefined || this.#users[place ?? -1] !== 1 || !isOf(call.spec, className)) return undefined;
    return { spec: call.spec, input: call.inputs[0] };
  }
}

interface FoundCall<C extends LayerClass> {
  readonly spec: SpecOf<C>;
  readonly input: number | undefined;
}

const isOf = <C extends LayerClass>(spec: LayerSpec, className: C): spec is SpecOf<C> =>
  spec.class_name === className;

/** A depthwise convolution that ends a group normalisation as one call of that. */
function groupNormalization(calls: Calls, call: LayerCall): LayerCall | undefined {
  if (call.spec.class_name !== 'DepthwiseConv2D') return undefined;
  const { config } = call.spec;
  const isAffine =
    config.use_bias &&
    config.depth_multiplier === 1 &&
    config.activation === 'linear' &&
    sameDims(config.kernel_size, [1, 1]) &&
    sameDims(config.strides, [1, 1]);
  if (!isAffine) return undefined;
  const back = calls.only(call.inputs[0], 'Reshape');
  const norm = calls.only(back?.input, 'LayerNormalization');
  const split = calls.only(norm?.input, 'Reshape');
  if (!back || !norm || !split || norm.spec.config.center || norm.spec.config.scale) return undefined;
  const [positions, groups, depth] = split.spec.config.target_shape;
  const [height, width, channels] = back.spec.config.target_shape;
  if (!positions || !groups || !depth || !height || !width || !channels || split.input === undefined)
    return undefined;
  const splitsChannels =
    groups * depth === channels && positions === height * width && Math.min(height, width, groups) > 0;
  if (!splitsChannels || !sameDims(norm.spec.config.axis, [1, 3])) return undefined;
  const { name } = config;
  const { epsilon } = norm.spec.config;
  return {
    layer: call.layer,
    inputs: [split.input],
    spec: {
      class_name: 'GroupNormalization',
      config: { name, groups, epsilon, axis: [-1], center: true, scale: true },
    },
    folded: { imageShape: [height, width, channels] },
  };
}

function hardSwish(calls: Calls, call: LayerCall): LayerCall | undefined {
  if (call.spec.class_name !== 'Multiply' || call.inputs.length !== 2) return undefined;
  for (const [x, gate] of [call.inputs, [...call.inputs].reverse()]) {
    const sixth = calls.only(gate, 'Rescaling');
    const clipped = calls.only(sixth?.input, 'ReLU');
    const moved = calls.only(clipped?.input, 'Rescaling');
    if (x === undefined || !sixth || !clipped || moved?.input !== x) continue;
    const { max_value, negative_slope } = clipped.spec.config;
    const fits = [
      sixth.spec.config.scale === 1 / 6 && sixth.spec.config.offset === 0,
      max_value === 6 && (negative_slope ?? 0) === 0,
      moved.spec.config.scale === 1 && moved.spec.config.offset === 3,
    ];
    if (!fits.every(Boolean)) continue;
    const { name } = call.spec.config;
    return {
      layer: call.layer,
      inputs: [x],
      spec: { class_name: 'Activation', config: { name, activation: 'hard_swish' } },
    };
  }
  return undefined;
}

/** The topology with each such composition as one call. */
export function foldPatterns(topology: Topology): Topology {
  const calls = new Calls(topology);
  const folded = topology.calls.map(
    (call) => groupNormalization(calls, call) ?? hardSwish(calls, call) ?? call,
  );
  return { ...topology, ...reachable(folded, topology.output) };
}
