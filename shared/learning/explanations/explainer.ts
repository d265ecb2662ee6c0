/**
 * Says where in an image a model sees a class. Four methods over one model and its weights; the graphs behind them are
 * compiled when they are first needed.
 */
import { GraphError, InvariantError } from '../../errors.ts';
import {
  openGraphRunner,
  parameterFeeds,
  type GraphRunner,
  type NamedValues,
  type RunnerEngine,
} from '../engines/graph-runner.ts';
import type { Model } from '../graph/types.ts';
import { softmax } from '../metrics/probabilities.ts';
import { inferenceGraph } from '../training-graph.ts';
import { sizeOf } from '../weights.ts';
import { gradCam, gradCamPlusPlus, type ActivationInput } from './class-activation.ts';
import {
  CLASS_WEIGHTS,
  explanationGraph,
  FEATURE_GRADIENTS,
  FEATURES,
  IMAGE_GRADIENTS,
  lastFeatureLayer,
} from './explanation-graph.ts';
import { enlarge, type Heatmap } from './heatmap.ts';
import { INTEGRATION_STEPS, integratedGradients } from './integrated-gradients.ts';
import { occlusionMap } from './occlusion.ts';

export const EXPLANATION_METHODS = ['gradcam', 'gradcam++', 'integrated-gradients', 'occlusion'] as const;
export type ExplanationMethod = (typeof EXPLANATION_METHODS)[number];

export interface ExplanationRequest {
  /** [C, H, W], preprocessed. */
  readonly image: Float32Array;
  /** Which class the map is for. */
  readonly classIndex: number;
  readonly method: ExplanationMethod;
  /** [C, H, W]: an image that says nothing, for integrated gradients and occlusion. Default: the least value of the image. */
  readonly baseline?: Float32Array;
  /** Of integrated gradients. */
  readonly steps?: number;
}

export interface Explainer {
  /** As large as the model's input. @throws GraphError when the model has no feature map that the method needs */
  explain(request: ExplanationRequest): Promise<Heatmap>;
  dispose(): Promise<void>;
}

/** Images that go through the gradient graph, or the forward graph, at a time. */
const BATCH = 16;

export interface ExplainerOptions {
  readonly engine?: RunnerEngine;
}

/** @param weights in the layout of `manifestOf(model)` */
export function createExplainer(
  model: Model,
  weights: Float32Array,
  options: ExplainerOptions = {},
): Explainer {
  return new ModelExplainer(model, weights, options.engine ?? 'onnx');
}

class ModelExplainer implements Explainer {
  readonly #model: Model;
  readonly #engine: RunnerEngine;
  readonly #parameters: readonly [string, Float32Array][];
  readonly #runners = new Map<string, Promise<GraphRunner>>();

  constructor(model: Model, weights: Float32Array, engine: RunnerEngine) {
    this.#model = model;
    this.#engine = engine;
    this.#parameters = parameterFeeds(model, weights);
  }

  explain(request: ExplanationRequest): Promise<Heatmap> {
    const { image, classIndex } = request;
    const { imageDims, classCount } = this.#model;
    if (image.length !== sizeOf(imageDims)) throw new InvariantError('The image does not fit the model.');
    if (!Number.isInteger(classIndex) || classIndex < 0 || classIndex >= classCount)
      throw new InvariantError(`There is no class ${String(classIndex)} of ${String(classCount)}.`);
    switch (request.method) {
      case 'gradcam':
        return this.#activationMap(request, gradCam);
      case 'gradcam++':
        return this.#activationMap(request, gradCamPlusPlus);
      case 'integrated-gradients':
        return this.#integrated(request);
      case 'occlusion':
        return this.#occluded(request);
    }
  }

  async dispose(): Promise<void> {
    for (const runner of this.#runners.values()) await (await runner).dispose();
    this.#runners.clear();
  }

  async #activationMap(
    { image, classIndex }: ExplanationRequest,
    combine: (input: ActivationInput) => Heatmap,
  ): Promise<Heatmap> {
    const layer = lastFeatureLayer(this.#model);
    if (layer === undefined)
      throw new GraphError(
        `Model "${this.#model.graph.name}" has no feature map behind a convolution; use occlusion or integrated-gradients.`,
      );
    const results = await this.#run('features', () => explanationGraph(this.#model, 1, layer), [
      ['images', image],
      [CLASS_WEIGHTS, this.#classWeights(classIndex, 1)],
    ]);
    const { channels, height, width } = layer;
    const features = valuesOf(results, FEATURES);
    const small = combine({
      ...{ channels, height, width, features },
      gradients: valuesOf(results, FEATURE_GRADIENTS),
    });
    return enlarge(small, this.#model.imageDims[1], this.#model.imageDims[2]);
  }

  #integrated(request: ExplanationRequest): Promise<Heatmap> {
    const classWeights = this.#classWeights(request.classIndex, BATCH);
    return integratedGradients({
      image: request.image,
      baseline: request.baseline ?? darkest(request.image, this.#model.imageDims),
      imageDims: this.#model.imageDims,
      steps: request.steps ?? INTEGRATION_STEPS,
      batch: BATCH,
      gradients: async (images) =>
        valuesOf(
          await this.#run('gradients', () => explanationGraph(this.#model, BATCH), [
            ['images', images],
            [CLASS_WEIGHTS, classWeights],
          ]),
          IMAGE_GRADIENTS,
        ),
    });
  }

  #occluded(request: ExplanationRequest): Promise<Heatmap> {
    const { imageDims, classCount, graph } = this.#model;
    const output = graph.outputs[0]?.name ?? '';
    return occlusionMap({
      image: request.image,
      baseline: request.baseline ?? darkest(request.image, imageDims),
      imageDims,
      batch: BATCH,
      score: async (images) => {
        const results = await this.#run('forward', () => inferenceGraph(this.#model, BATCH), [
          ['images', images],
        ]);
        const probabilities = softmax(valuesOf(results, output), classCount);
        return probabilities.filter((_, i) => i % classCount === request.classIndex);
      },
    });
  }

  async #run(
    name: string,
    graphOf: () => ReturnType<typeof inferenceGraph>,
    feeds: readonly (readonly [string, Float32Array])[],
  ): Promise<NamedValues> {
    const runner = this.#runners.get(name) ?? openGraphRunner(graphOf(), this.#engine);
    this.#runners.set(name, runner);
    return (await runner).run(new Map([...this.#parameters, ...feeds]));
  }

  #classWeights(classIndex: number, batch: number): Float32Array {
    const { classCount } = this.#model;
    return Float32Array.from({ length: batch * classCount }, (_, i) =>
      i % classCount === classIndex ? 1 : 0,
    );
  }
}

function valuesOf(results: NamedValues, name: string): Float32Array {
  const values = results.get(name);
  if (values === undefined) throw new InvariantError(`The graph has no output "${name}".`);
  return values;
}

/** Each channel's least value everywhere: black, whatever the intensities were scaled to. */
function darkest(image: Float32Array, [channels, height, width]: Model['imageDims']): Float32Array {
  const size = height * width;
  const out = new Float32Array(image.length);
  for (let channel = 0; channel < channels; channel++) {
    const plane = image.subarray(channel * size, (channel + 1) * size);
    out.fill(
      plane.reduce((least, value) => Math.min(least, value), Infinity),
      channel * size,
      (channel + 1) * size,
    );
  }
  return out;
}
