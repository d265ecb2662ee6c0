/**
 * The graph behind explanations by gradients: the forward graph in inference form with the gradient of chosen class
 * scores (logits, before softmax) with respect to the images and to the last feature map. It is derived by the same
 * rules as a training step.
 */
import { GraphError, InvariantError } from '../../errors.ts';
import { gradientsOf } from '../differentiate.ts';
import { replay } from '../graph/builder.ts';
import type { Graph, Model } from '../graph/types.ts';
import { inferenceGraph } from '../training-graph.ts';

export const CLASS_WEIGHTS = 'classWeights';
export const FEATURES = 'features';
export const FEATURE_GRADIENTS = 'gradient:features';
export const IMAGE_GRADIENTS = 'gradient:images';

/** Where a map of positions is last seen. */
export interface FeatureLayer {
  /** Name of the value in the graph. */
  readonly value: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The last value with channels and more than one position: behind the last convolution and its activation, before
 * positions are averaged or flattened. Undefined where a model has none.
 */
export function lastFeatureLayer(model: Model): FeatureLayer | undefined {
  const build = replay(model.graph, 1);
  for (const node of [...model.graph.nodes].reverse())
    for (const value of node.outputs) {
      if (value === '') continue;
      const { dtype, dims } = build.typeOf(value);
      const [, channels = 0, height = 0, width = 0] = dims;
      if (dtype === 'float32' && dims.length === 4 && height * width > 1)
        return { value, channels, height, width };
    }
  return undefined;
}

/**
 * Inputs: `images` [batch, C, H, W], `classWeights` [batch, classes] (1 at the class to be explained), every parameter.
 * Outputs: the logits, `gradient:images`, and with a layer `features` and `gradient:features`, of the layer's dims.
 * @throws GraphError when an operator between the logits and the images is not differentiable
 */
export function explanationGraph(model: Model, batch: number, layer?: FeatureLayer): Graph {
  const build = replay(inferenceGraph(model, batch), batch);
  const [output] = model.graph.outputs;
  if (output === undefined) throw new InvariantError('A model has one output.');
  const seed = build.input(CLASS_WEIGHTS, [batch, model.classCount]);
  const targets = ['images', ...(layer ? [layer.value] : [])];
  const gradients = gradientsOf(build, new Map([[output.name, seed]]), targets);
  const publish = (value: string | undefined, name: string): string => {
    if (value === undefined)
      throw new GraphError(`Model "${model.graph.name}": its logits do not depend on its images.`);
    return build.op('Identity', [value], {}, { outputs: [name] });
  };
  const outputs = [output.name, publish(gradients.get('images'), IMAGE_GRADIENTS)];
  if (layer) {
    outputs.push(publish(layer.value, FEATURES));
    outputs.push(publish(gradients.get(layer.value), FEATURE_GRADIENTS));
  }
  return build.build(outputs);
}
