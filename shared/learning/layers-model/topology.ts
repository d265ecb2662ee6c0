/**
 * The topology of a LayersModel as a list of layer calls, each after its inputs: sequential and functional models are
 * resolved, models inside models are written out, calls that nothing needs are left out.
 */
import { z } from 'zod';
import { GraphError, InvariantError } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { topologicalOrder } from '../graph/topological-order.ts';
import type { Node } from '../graph/types.ts';
import { modelEnds, parseInbound, type CallRef } from './inbound.ts';
import { parseLayer, type LayerSpec } from './layer-config.ts';
import type { LayersModelLimits } from './limits.ts';
import { firstIssues, type Described } from './model-json.ts';

export interface LayerCall {
  /** The layer's name after those of the models around it; two calls of a shared layer have the same. */
  readonly layer: string;
  readonly spec: LayerSpec;
  /** Places of the inputs in the list of calls; none for the model's input. */
  readonly inputs: readonly number[];
  /** The call stands for a composition (patterns.ts), whose input must have the shape [height, width, channels]. */
  readonly folded?: { readonly imageShape: readonly [number, number, number] };
}

export interface Topology {
  /** The first is the model's one input. */
  readonly calls: readonly LayerCall[];
  /** Place of the model's output. */
  readonly output: number;
  /** [height, width, channels]; null where the file leaves a size open. */
  readonly imageShape: readonly [number | null, number | null, number | null];
}

const layerEntry = z.strictObject({
  class_name: z.string().max(200),
  config: z.looseObject({ name: z.string().min(1).max(500).optional() }),
  name: z.string().min(1).max(500).optional(),
  inbound_nodes: z.unknown().optional(),
  module: z.string().nullish(),
  registered_name: z.string().nullish(),
  build_config: z.unknown().optional(),
  shared_object_id: z.unknown().optional(),
});
type LayerEntry = z.infer<typeof layerEntry>;

const unused = z.unknown().optional();
const layerList = z.array(layerEntry).min(1);
const sequentialConfig = z.union([
  layerList.transform((layers) => ({ layers })),
  z.strictObject({
    name: unused,
    trainable: unused,
    dtype: unused,
    build_input_shape: unused,
    layers: layerList,
  }),
]);
const functionalConfig = z.strictObject({
  name: unused,
  trainable: unused,
  dtype: unused,
  layers: layerList,
  input_layers: modelEnds,
  output_layers: modelEnds,
});

const size = z.int().min(1).nullable();
const imageShape = z.tuple([z.null(), size, size, size]);

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new GraphError(`${what} is not as expected: ${firstIssues(parsed.error)}`, { cause: parsed.error });
  return parsed.data;
}

const isModel = (className: string): boolean => ['Sequential', 'Functional', 'Model'].includes(className);

const nameOf = (entry: LayerEntry): string => entry.name ?? entry.config.name ?? entry.class_name;

const keyOf = ({ layer, call }: CallRef): string => `${String(call)}:${layer}`;

/** What the file says of the shape of an input, or undefined. */
const declaredShape = (config: LayerEntry['config']): unknown =>
  config['batch_input_shape'] ?? config['batch_shape'];

class Expander {
  readonly calls: LayerCall[] = [];
  readonly #limits: LayersModelLimits;
  /** Layers looked at so far: a model that is called often counts each time, however little is in it. */
  #seen = 0;
  readonly #paths = new Map<string, string>();
  /** The shape of the outermost input, as the file has it. */
  inputShape: unknown;

  constructor(limits: LayersModelLimits) {
    this.#limits = limits;
  }

  /** @returns the place of the model's output */
  model(
    described: Pick<Described, 'class_name' | 'config'>,
    path: readonly string[],
    input?: number,
  ): number {
    if (path.length > this.#limits.nesting)
      throw new GraphError(
        `Models are nested more than ${String(this.#limits.nesting)} deep at ${quoted(path.join('/'))}.`,
      );
    const what = path.length === 0 ? 'The model' : `Model ${quoted(path.join('/'))}`;
    return described.class_name === 'Sequential'
      ? this.#sequential(parse(sequentialConfig, described.config, what).layers, path, input)
      : this.#functional(parse(functionalConfig, described.config, what), path, what, input);
  }

  /** Names may hold the separator themselves: two paths must not be written the same. */
  #uniqueName(path: readonly string[]): string {
    const name = path.join('/');
    const known = this.#paths.get(name);
    if (known !== undefined && known !== JSON.stringify(path))
      throw new GraphError(`Two layers have the name ${quoted(name)}.`);
    this.#paths.set(name, JSON.stringify(path));
    return name;
  }

  #see(layers: number): void {
    this.#seen += layers;
    if (this.#seen > this.#limits.calls)
      throw new GraphError(`The model has more than ${String(this.#limits.calls)} layers.`);
  }

  #push(call: LayerCall): number {
    return this.calls.push(call) - 1;
  }

  #input(name: string): number {
    if (this.calls.length > 0)
      throw new GraphError(`The model has a second input, ${quoted(name)}; one image is supported.`);
    return this.#push({ layer: name, spec: { class_name: 'InputLayer', config: { name } }, inputs: [] });
  }

  /** A layer, or a whole model in its place. */
  #layer(entry: LayerEntry, path: readonly string[], inputs: readonly number[]): number {
    const inner = [...path, nameOf(entry)];
    const [first, ...others] = inputs;
    if (first === undefined) throw new GraphError(`Layer ${quoted(inner.join('/'))} has no input.`);
    if (isModel(entry.class_name)) {
      if (others.length > 0)
        throw new GraphError(`Model ${quoted(inner.join('/'))} has several inputs; one is supported.`);
      return this.model(entry, inner, first);
    }
    const layer = this.#uniqueName(inner);
    const config = { ...entry.config, name: nameOf(entry) };
    return this.#push({ layer, spec: parseLayer({ ...entry, config }, layer), inputs });
  }

  #sequential(layers: readonly LayerEntry[], path: readonly string[], input?: number): number {
    this.#see(layers.length);
    let last = input;
    const names = new Set<string>();
    for (const entry of layers) {
      const name = nameOf(entry);
      if (names.has(name)) throw new GraphError(`Two layers have the name ${quoted(name)}.`);
      names.add(name);
      if (entry.class_name === 'InputLayer') {
        if (last === undefined) {
          this.inputShape = declaredShape(entry.config);
          last = this.#input(name);
        } else if (last !== input) throw new GraphError(`The input ${quoted(name)} is not the first layer.`);
        continue;
      }
      if (last === undefined) {
        // Without an InputLayer the first layer says what comes in; a model inside says it of itself.
        if (!isModel(entry.class_name)) this.inputShape = declaredShape(entry.config);
        last = isModel(entry.class_name) ? undefined : this.#input(`${name}_input`);
      }
      last = last === undefined ? this.model(entry, [...path, name]) : this.#layer(entry, path, [last]);
    }
    if (last === undefined) throw new GraphError('The model has no layers.');
    return last;
  }

  #functional(
    config: z.infer<typeof functionalConfig>,
    path: readonly string[],
    what: string,
    input?: number,
  ): number {
    const [inputRef, ...moreInputs] = config.input_layers;
    const [outputRef, ...moreOutputs] = config.output_layers;
    if (!inputRef || !outputRef || moreInputs.length > 0 || moreOutputs.length > 0)
      throw new GraphError(`${what} must have one input and one output.`);
    const entries = new Map(config.layers.map((entry) => [nameOf(entry), entry]));
    if (entries.size !== config.layers.length) throw new GraphError(`${what} has two layers of one name.`);
    const places = new Map<string, number>();
    const counts = new Map<string, number>();
    const nodes = config.layers.flatMap((entry) => {
      const where = [...path, nameOf(entry)].join('/');
      const inbound = parseInbound(entry.inbound_nodes, where);
      const each = entry.class_name === 'InputLayer' ? [[]] : inbound;
      counts.set(nameOf(entry), each.length);
      return each.map((inputs, call) => ({ layer: nameOf(entry), call, inputs }));
    });
    this.#see(Math.max(nodes.length, config.layers.length));
    /** TensorFlow.js counts a model's own making as a call of it, so a layer with one call is meant by any number. */
    const resolve = (ref: CallRef): string =>
      keyOf(counts.get(ref.layer) === 1 ? { layer: ref.layer, call: 0 } : ref);
    const graph = nodes.map((node): Node => ({
      name: [...path, node.layer].join('/'),
      domain: '',
      op: entries.get(node.layer)?.class_name ?? '',
      inputs: node.inputs.map(resolve),
      outputs: [keyOf(node)],
      attributes: {},
    }));
    const byKey = new Map(nodes.map((node) => [keyOf(node), node]));
    for (const { outputs, inputs } of topologicalOrder(graph, new Set())) {
      const key = outputs[0] ?? '';
      const entry = entries.get(byKey.get(key)?.layer ?? '');
      if (entry === undefined) throw new InvariantError('a node without a layer');
      places.set(
        key,
        this.#place(entry, path, { key, inputs, places, isInput: key === resolve(inputRef), input }),
      );
    }
    const output = places.get(resolve(outputRef));
    if (output === undefined)
      throw new GraphError(`${what} has no layer ${quoted(outputRef.layer)} to end in.`);
    return output;
  }

  #place(
    entry: LayerEntry,
    path: readonly string[],
    at: {
      readonly key: string;
      readonly inputs: readonly string[];
      readonly places: ReadonlyMap<string, number>;
      readonly isInput: boolean;
      readonly input: number | undefined;
    },
  ): number {
    if (at.isInput && at.input !== undefined) return at.input;
    if (entry.class_name === 'InputLayer') {
      if (!at.isInput)
        throw new GraphError(
          `The model has a second input, ${quoted(nameOf(entry))}; one image is supported.`,
        );
      this.inputShape = declaredShape(entry.config);
      return this.#input(nameOf(entry));
    }
    return this.#layer(
      entry,
      path,
      at.inputs.map((key) => at.places.get(key) ?? -1),
    );
  }
}

/** The calls that the output needs, in their order, with the places of their inputs. */
export function reachable(calls: readonly LayerCall[], output: number): Pick<Topology, 'calls' | 'output'> {
  const needed = new Set([0, output]);
  for (let i = output; i >= 0; i--)
    if (needed.has(i)) for (const place of calls[i]?.inputs ?? []) needed.add(place);
  const moved = new Map([...needed].sort((a, b) => a - b).map((old, place) => [old, place]));
  return {
    calls: calls.flatMap((call, i) =>
      needed.has(i) ? [{ ...call, inputs: call.inputs.map((place) => moved.get(place) ?? -1) }] : [],
    ),
    output: moved.get(output) ?? -1,
  };
}

/** @throws GraphError when the topology is not as expected, has a cycle, or holds a layer that is not supported */
export function readTopology(described: Described, limits: LayersModelLimits): Topology {
  if (!isModel(described.class_name))
    throw new GraphError(
      `The model is of the class ${quoted(described.class_name)}; Sequential and Functional are supported.`,
    );
  const expander = new Expander(limits);
  const output = expander.model(described, []);
  const [, height, width, channels] = parse(
    imageShape,
    expander.inputShape,
    "The shape of the model's input (one image: [null, height, width, channels])",
  );
  return {
    ...reachable(expander.calls, output),
    imageShape: [height, width, channels],
  };
}
