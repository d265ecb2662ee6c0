/**
 * The blocked graphs compute what the standard graphs compute: same losses, same gradients, over a table of shapes and random
 * ones, on machines whose ONNX Runtime has blocked kernels.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Layers, type Normalization } from '../../../../shared/learning/architectures/layers.ts';
import type { CompileOptions, Engine } from '../../../../shared/learning/engines/engine.ts';
import { openNativeEngine, probeBlockSize } from '../../../../shared/learning/engines/onnx-native.ts';
import { int, ints } from '../../../../shared/learning/graph/attributes.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { lower } from '../../../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../../../shared/learning/training-graph.ts';
import { initialWeights, manifestOf, sizeOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';

const blockSize = await probeBlockSize();

interface Shape {
  readonly channels: number;
  readonly filters: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly group: number;
  readonly normalization: Normalization;
}

/** A smooth net around one convolution: 1×1 in, the convolution, sigmoid, mean, dense; no kinks that rounding could cross. */
function modelOf(shape: Shape): Model {
  const dims = [3, shape.height, shape.width] as const;
  const layers = new Layers('shape', dims);
  const x = layers.build.op('Sigmoid', [layers.conv('images', 'in', { filters: shape.channels, kernel: 1 })]);
  const weights = [shape.filters, shape.channels / shape.group, ...shape.kernel];
  const weight = layers.parameter('conv.weight', weights, 'kernel', {
    kind: 'he',
    fanIn: sizeOf(weights.slice(1)),
  });
  const bias = layers.parameter('conv.bias', [shape.filters], 'bias', { kind: 'he', fanIn: 8 });
  const y = layers.build.op('Conv', [x, weight, bias], {
    kernel_shape: ints(shape.kernel),
    strides: ints(shape.strides),
    pads: ints(shape.pads),
    dilations: ints(shape.dilations),
    group: int(shape.group),
  });
  const z = layers.build.op('Sigmoid', [layers.normalize(y, 'norm', shape.normalization)]);
  return layers.model(layers.globalPool(z), 3, dims);
}

async function run(engine: Engine, model: Model, options: Partial<CompileOptions>) {
  const rng = createRng(deriveSeed('blocked-test', model.imageDims.join('x')));
  const { batchSize = 3 } = options;
  const compiled = await engine.compile(model, { batchSize, loss: 'softmax', ...options });
  const batch = {
    images: Float32Array.from({ length: batchSize * sizeOf(model.imageDims) }, () => rng.uniform()),
    targets: Float32Array.from({ length: batchSize * 3 }, (_, i) =>
      i % 3 === Math.floor(i / 3) % 3 ? 1 : 0,
    ),
    sampleWeights: Float32Array.from({ length: batchSize }, (_, i) => [0.5, 0.3, 0.2][i % 3] ?? 0),
  };
  const weights = initialWeights(model, 1);
  const gradients = new Float32Array(weights.length);
  const { loss } = await compiled.gradients(weights, batch, gradients);
  const logits = await compiled.predict(weights, batch.images.slice(0, 2 * sizeOf(model.imageDims)));
  await compiled.dispose();
  return { loss, gradients, logits };
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
  let [difference, norm] = [0, 0];
  expected.forEach((value, i) => {
    difference += ((actual[i] ?? NaN) - value) ** 2;
    norm += value * value;
  });
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

let standard: Engine;
let blocked: Engine;
beforeAll(async () => {
  standard = await openNativeEngine({ target: STANDARD_TARGET });
  blocked = await openNativeEngine();
});

async function expectSame(model: Model, options: Partial<CompileOptions> = {}): Promise<void> {
  const [a, b] = [await run(blocked, model, options), await run(standard, model, options)];
  expect(a.loss).toBeCloseTo(b.loss, 5);
  expect(relativeError(a.logits, b.logits)).toBeLessThan(1e-5);
  for (const entry of manifestOf(model).entries) {
    const part = (vector: Float32Array): Float32Array =>
      vector.subarray(entry.offset, entry.offset + entry.length);
    // A bias in front of a normalisation has a gradient of zero up to rounding.
    const scale = entry.name === 'conv.bias' ? 1e-4 : 0;
    const error = relativeError(part(a.gradients), part(b.gradients));
    const norm = Math.sqrt(part(b.gradients).reduce((sum, value) => sum + value * value, 0));
    expect(error * norm, `${entry.name}: relative error ${String(error)}`).toBeLessThanOrEqual(
      1e-4 * norm + scale,
    );
  }
}

const base: Shape = {
  channels: 16,
  filters: 32,
  height: 9,
  width: 7,
  kernel: [3, 3],
  strides: [1, 1],
  pads: [1, 1, 1, 1],
  dilations: [1, 1],
  group: 1,
  normalization: 'none',
};

const TABLE: readonly (readonly [string, Partial<Shape>])[] = [
  ['3×3 same', {}],
  ['1×1', { kernel: [1, 1], pads: [0, 0, 0, 0] }],
  ['5×5 without padding', { kernel: [5, 5], pads: [0, 0, 0, 0] }],
  ['1×3 with padding on one side', { kernel: [1, 3], pads: [0, 2, 0, 0] }],
  ['stride 2, odd sizes', { strides: [2, 2] }],
  ['stride 2, even sizes', { strides: [2, 2], height: 8, width: 6 }],
  ['stride 2, 1×1', { strides: [2, 2], kernel: [1, 1], pads: [0, 0, 0, 0] }],
  ['stride 3 and 2, 4×5', { strides: [3, 2], kernel: [4, 5], pads: [1, 2, 2, 1], height: 11, width: 10 }],
  ['stride 2 that leaves a row over', { strides: [2, 2], pads: [0, 0, 0, 0], height: 8, width: 8 }],
  ['stride 2, dilated downwards', { strides: [2, 2], dilations: [2, 1], pads: [2, 1, 1, 0] }],
  ['dilated across', { dilations: [1, 2], pads: [1, 2, 1, 2] }],
  ['few positions', { height: 3, width: 4 }],
  [
    'one position, dilated across',
    { kernel: [1, 2], dilations: [1, 2], pads: [0, 0, 0, 0], height: 1, width: 3 },
  ],
  [
    'a last row and column that no window reaches',
    { pads: [0, 0, 0, 0], strides: [2, 3], height: 10, width: 8 },
  ],
  // Of 184,320 weights the gradients of two examples are summed at a time, and then the third.
  ['weights for less than the batch at a time', { channels: 128, filters: 160, height: 4, width: 4 }],
  ['32 channels', { channels: 32, filters: 16 }],
  ['channels that fill no block', { channels: 20, filters: 12 }],
  ['depthwise', { channels: 32, filters: 32, group: 32 }],
  ['depthwise, stride 2', { channels: 32, filters: 32, group: 32, strides: [2, 2] }],
  [
    'depthwise, stride 2, even',
    { channels: 16, filters: 16, group: 16, strides: [2, 2], height: 8, width: 8 },
  ],
  [
    'depthwise that leaves a row over',
    { channels: 16, filters: 16, group: 16, strides: [2, 2], height: 8, pads: [0, 0, 0, 0] },
  ],
  ['two groups', { channels: 32, filters: 64, group: 2 }],
  ['four groups of few channels', { channels: 16, filters: 16, group: 4 }],
  ['batch normalisation', { normalization: 'batch' }],
  ['group normalisation', { normalization: 'group' }],
];

describe.skipIf(blockSize === undefined)(
  'blocked lowering (this CPU has no blocked kernels otherwise)',
  () => {
    it.each(TABLE)('%s', async (_, change) => {
      await expectSame(modelOf({ ...base, ...change }));
    });

    it.each(TABLE.filter(([, change]) => change.normalization !== 'batch'))(
      'per-example clipping: %s',
      async (_, change) => {
        await expectSame(modelOf({ ...base, ...change }), { perExampleClipL2Norm: 0.05 });
      },
    );

    // The kernels take fewer examples than a block has channels, or whole blocks of them.
    it.each([8, 16, 17, 50])('batches of %i examples', async (batchSize) => {
      await expectSame(modelOf(base), { batchSize });
      await expectSame(modelOf(base), { batchSize, perExampleClipL2Norm: 0.05 });
    });

    it('frozen batch normalisation', async () => {
      await expectSame(modelOf({ ...base, normalization: 'batch' }), { frozenNormalization: true });
    });

    it('random shapes', async () => {
      const side = fc.integer({ min: 1, max: 4 });
      const shapes = fc.record({
        height: fc.integer({ min: 4, max: 12 }),
        width: fc.integer({ min: 4, max: 12 }),
        kernel: fc.tuple(side, side),
        strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        pads: fc.tuple(...([0, 1, 2, 3] as const).map(() => fc.integer({ min: 0, max: 2 }))),
        blocks: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
        depthwise: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(shapes, async ({ blocks, depthwise, pads, ...rest }) => {
          const channels = 16 * blocks[0];
          const filters = depthwise ? channels : 16 * blocks[1];
          const [top = 0, left = 0, bottom = 0, right = 0] = pads;
          await expectSame(
            modelOf({
              ...rest,
              channels,
              filters,
              pads: [top, left, bottom, right],
              dilations: [1, 1],
              group: depthwise ? channels : 1,
              normalization: 'none',
            }),
          );
        }),
        { numRuns: 40, seed: 20260101 },
      );
    });
  },
);

describe('lowering', () => {
  it('leaves no abstract operator behind, with or without blocks', () => {
    const model = modelOf({ ...base, normalization: 'batch' });
    const training = trainingGraph(model, { batchSize: 2, loss: 'sigmoid', labelSmoothing: 0.1 });
    for (const target of [STANDARD_TARGET, { ...STANDARD_TARGET, blockSize: 8 as const }]) {
      const graph = lower(training.graph, target);
      expect(graph.nodes.filter((node) => node.domain === 'consilium')).toEqual([]);
      expect(graph.outputs.map((output) => output.name)).toEqual(
        training.graph.outputs.map((output) => output.name),
      );
      const blockedNodes = graph.nodes.filter((node) => node.domain === 'com.microsoft.nchwc').length;
      expect(blockedNodes > 0).toBe(target !== STANDARD_TARGET);
    }
  });

  it('refuses per-example clipping across batch normalisation, and says what helps', () => {
    const model = modelOf({ ...base, normalization: 'batch' });
    const options = { batchSize: 2, loss: 'softmax', perExampleClipL2Norm: 1 } as const;
    expect(() => trainingGraph(model, options)).toThrow('use GroupNorm');
  });
});
