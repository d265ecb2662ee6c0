/** Damaged files, and files on disk that are not what they should be. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { GraphError, InputError } from '../../../../shared/errors.ts';
import { cnn } from '../../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../../shared/learning/architectures/schema.ts';
import {
  readLayersModelFile,
  writeLayersModelFolder,
} from '../../../../shared/learning/layers-model/folder.ts';
import { readLayersModel } from '../../../../shared/learning/layers-model/read-layers-model.ts';
import { writeLayersModel } from '../../../../shared/learning/layers-model/write-layers-model.ts';
import { initialWeights, weightsToBytes } from '../../../../shared/learning/weights.ts';
import {
  BYTES,
  convolution,
  dense,
  flatten,
  input,
  layer,
  modelJson,
  WEIGHTS,
} from './small-layers-model.ts';

describe('damage', () => {
  /** Reads, and lets only a GraphError pass. */
  const readable = (json: string, bytes = BYTES): boolean => {
    try {
      readLayersModel({ json: Buffer.from(json), weights: new Map([['w.bin', bytes]]) });
      return true;
    } catch (error) {
      if (error instanceof GraphError) return false;
      throw error;
    }
  };

  it('in the text gives a GraphError or a model', () => {
    const json = JSON.stringify(modelJson());
    const edit = fc.record({
      at: fc.nat(json.length),
      remove: fc.nat(12),
      insert: fc.string({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(edit, ({ at, remove, insert }) => {
        readable(json.slice(0, at) + insert + json.slice(at + remove));
      }),
      { numRuns: 1000 },
    );
  });

  it('in the values gives a GraphError or a model', () => {
    const whole = modelJson({
      layers: [
        input,
        layer('ZeroPadding2D', 'p', ['in'], {
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
        layer('Rescaling', 'r', ['p'], { scale: 2, offset: 1 }),
        { ...convolution, inbound_nodes: [[['r', 0, 0, {}]]] },
        layer('MaxPooling2D', 'm', ['c'], { pool_size: [2, 2], strides: [1, 1], padding: 'valid' }),
        layer('Permute', 't', ['m'], { dims: [3, 1, 2] }),
        layer('Reshape', 's', ['t'], { target_shape: [2, 2, 1] }),
        layer('LayerNormalization', 'l', ['s'], { axis: [3], center: false, scale: false }),
        layer('Concatenate', 'j', ['l', 's'], { axis: 1 }),
        { ...flatten, inbound_nodes: [[['j', 0, 0, {}]]] },
        layer('ReLU', 'u', ['f'], { max_value: 6 }),
        layer('Dropout', 'o', ['u'], { rate: 0.5 }),
        { ...dense, inbound_nodes: [[['o', 0, 0, {}]]] },
      ],
      groups: [
        { paths: ['w.bin'], weights: [...WEIGHTS.slice(0, 2), { ...WEIGHTS[2], shape: [8, 2] }, WEIGHTS[3]] },
      ],
    });
    const bytes = weightsToBytes(new Float32Array(9 + 1 + 16 + 2));
    expect(readable(JSON.stringify(whole), bytes)).toBe(true);
    const places: (readonly (string | number)[])[] = [];
    const visit = (value: unknown, path: readonly (string | number)[]): void => {
      places.push(path);
      if (Array.isArray(value))
        value.forEach((item, index) => {
          visit(item, [...path, index]);
        });
      else if (typeof value === 'object' && value !== null)
        for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
    };
    visit(whole, []);
    const replaced = (
      value: unknown,
      [step, ...rest]: readonly (string | number)[],
      by: unknown,
    ): unknown => {
      if (step === undefined) return by;
      if (Array.isArray(value))
        return value.map((item, index) => (index === step ? replaced(item, rest, by) : (item as unknown)));
      return Object.fromEntries(
        Object.entries(Object(value) as object).map(([key, item]) => [
          key,
          key === step ? replaced(item, rest, by) : (item as unknown),
        ]),
      );
    };
    const value = fc.oneof(
      fc.integer({ min: -2, max: 9 }),
      fc.constantFrom(
        2 ** 31,
        2 ** 53,
        1e308,
        -1,
        0.5,
        null,
        true,
        'same',
        'in',
        'f',
        '__proto__',
        'softmax',
        'Add',
        'Flatten',
      ),
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(fc.integer({ min: -2, max: 9 }), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        value,
        fc.constantFrom(...places),
        value,
        (first, a, second, b) => {
          readable(JSON.stringify(replaced(replaced(whole, first, a), second, b)), bytes);
        },
      ),
      { numRuns: 1200 },
    );
  });
});

describe('files on disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'layers-model-'));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const model = cnn([1, 4, 4], 2, cnnOptionsSchema.parse({ filters: [2], dense: 0 }));
  const weights = initialWeights(model, 3);
  const description = { classNames: ['a', 'b'], activation: 'softmax', preprocessing: null } as const;
  const folder = async (name: string): Promise<string> => {
    await writeLayersModelFolder(join(root, name), writeLayersModel(model, weights, description));
    return join(root, name);
  };
  const SHARD = 'group1-shard1of1.bin';

  it('are read as they were written', async () => {
    const path = join(await folder('whole'), 'model.json');
    const file = await readLayersModelFile(path);
    expect(file.weights).toEqual(weights);
    expect(file.metadata).toEqual({
      format: 1,
      classNames: ['a', 'b'],
      logitsLayer: 'head',
      preprocessing: null,
      notes: {},
    });
  });

  it('must be there', async () => {
    const path = await folder('missing');
    rmSync(join(path, SHARD));
    await expect(readLayersModelFile(join(path, 'model.json'))).rejects.toThrow(InputError);
    await expect(readLayersModelFile(join(path, 'none.json'))).rejects.toThrow(/none.json cannot be read/);
  });

  it('may not lead out of their folder', async () => {
    const [path, other] = [await folder('linked'), await folder('other')];
    rmSync(join(path, SHARD));
    symlinkSync(join(other, SHARD), join(path, SHARD));
    await expect(readLayersModelFile(join(path, 'model.json'))).rejects.toThrow(
      /is a link out of its folder/,
    );
  });

  it('must be ordinary and no larger than the manifest says', async () => {
    const path = await folder('odd');
    writeFileSync(join(path, SHARD), new Uint8Array(1000));
    await expect(readLayersModelFile(join(path, 'model.json'))).rejects.toThrow(/has 1000 bytes; at most/);
    rmSync(join(path, SHARD));
    execFileSync('mkfifo', [join(path, SHARD)]);
    await expect(readLayersModelFile(join(path, 'model.json'))).rejects.toThrow(/is no ordinary file/);
  });
});
