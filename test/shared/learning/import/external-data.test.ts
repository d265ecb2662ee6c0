/** Weights in a file beside the model: read where they may be, refused everywhere else. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_ONNX_LIMITS } from '../../../../shared/learning/graph/onnx-limits.ts';
import { externalDataIn } from '../../../../shared/learning/import/external-data.ts';
import { importModel } from '../../../../shared/learning/import/import-model.ts';
import { node } from '../../../reference/onnx-proto.ts';
import { dense, foreignFile, refusalOf } from './foreign-file.ts';

const end = dense('v', 48);

describe('values in another file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'external-'));
    mkdirSync(join(folder, 'model'));
    writeFileSync(join(folder, 'secret.bin'), Float32Array.of(1, 2, 3, 4, 5, 6));
    writeFileSync(join(folder, 'model', 'data.bin'), Float32Array.of(0, 1, 2, 3, 4, 5, 6));
    symlinkSync(join(folder, 'secret.bin'), join(folder, 'model', 'link.bin'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const fileWith = (entries: Readonly<Record<string, string>>): Uint8Array =>
    foreignFile({
      nodes: [node('Relu', ['x'], ['r']), node('Mul', ['r', 'w'], ['v']), ...end.nodes],
      initializers: [
        {
          name: 'w',
          dims: [6],
          data_type: 1,
          data_location: 1,
          external_data: Object.entries(entries).map(([key, value]) => ({ key, value })),
        },
        ...end.initializers,
      ],
    });
  const refused = (entries: Readonly<Record<string, string>>): string =>
    refusalOf(fileWith(entries), { externalData: externalDataIn(join(folder, 'model')) });

  it('are read from where they are', () => {
    const externalData = externalDataIn(join(folder, 'model'));
    const { model } = importModel(fileWith({ location: 'data.bin', offset: '4', length: '24' }), {
      externalData,
    });
    const [weights] = model.parameters;
    expect(weights?.initializer).toEqual({ kind: 'given', values: Float32Array.of(1, 2, 3, 4, 5, 6) });
  });

  it.each([
    '../secret.bin',
    'a/../../secret.bin',
    '..\\secret.bin',
    '/etc/hostname',
    'C:\\data.bin',
    'a\0b',
    '',
  ])('may not be at %j', (location) => {
    expect(refused({ location })).toMatch(/not inside the model's folder/);
  });

  it('may not be behind a link that leads out of the folder', () => {
    expect(refused({ location: 'link.bin' })).toMatch(/link that leads out/);
  });

  it('must be there, as many as the shape needs', () => {
    expect(refused({ location: 'missing.bin' })).toMatch(/missing; put it beside the model/);
    expect(refused({ location: 'data.bin', offset: '8' })).toMatch(/too short/);
    expect(refused({ location: 'data.bin', length: '20' })).toMatch(/needs 24 bytes .* has 20/);
    expect(refused({ location: 'data.bin', offset: '-4' })).toMatch(/offset of its external data is "-4"/);
    expect(refused({ location: '.' })).toMatch(/too short|cannot be read/);
    expect(refused({})).toMatch(/does not say which/);
    expect(refusalOf(fileWith({ location: 'data.bin' }))).toMatch(
      /was not given; save the model as a single file/,
    );
  });

  it('count against the limit before they are read', () => {
    const limits = { ...DEFAULT_ONNX_LIMITS, totalTensorBytes: 1000 };
    const bytes = foreignFile({
      nodes: [node('MatMul', ['x', 'w'], ['v']), ...end.nodes],
      initializers: [
        {
          name: 'w',
          dims: [6, 1000],
          data_type: 1,
          data_location: 1,
          external_data: [{ key: 'location', value: 'data.bin' }],
        },
      ],
    });
    const never = (): Uint8Array => expect.fail('the file was read');
    expect(refusalOf(bytes, { limits, externalData: never })).toMatch(
      /more than 1000 bytes of external data/,
    );
  });
});
