import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNpz } from '../../../shared/data/npz.ts';
import { encodePng } from '../../../shared/data/png.ts';
import { answerRecord, answersCsv, answersTable, type Answer } from '../../../simulations/predict/answers.ts';
import { collectInputs } from '../../../simulations/predict/inputs.ts';

const root = mkdtempSync(join(tmpdir(), 'consilium-inputs-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

beforeAll(async () => {
  mkdirSync(join(root, 'folder', 'sub'), { recursive: true });
  mkdirSync(join(root, 'empty'));
  const png = await encodePng({ height: 1, width: 2, channels: 1, pixels: Uint8Array.of(3, 250) });
  for (const file of ['b.png', 'a.PNG', join('sub', 'c.png')]) writeFileSync(join(root, 'folder', file), png);
  writeFileSync(join(root, 'folder', 'notes.txt'), 'of someone');
  const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
  await writeNpz(
    join(root, 'x.npz'),
    new Map([
      ['test_images', { kind: 'numeric', dtype: 'u1', shape: [3, 1, 2], data }],
      ['train_images', { kind: 'numeric', dtype: 'u1', shape: [1, 1, 2, 3], data }],
    ]),
  );
});

describe('images to be classified', () => {
  it('of folders are found below them, sorted, images only', async () => {
    const inputs = await collectInputs([join(root, 'folder')]);
    expect(inputs.map(({ name }) => name.slice(join(root, 'folder/').length))).toEqual([
      'a.PNG',
      'b.png',
      'sub/c.png',
    ]);
    expect(await inputs[0]?.load()).toMatchObject({ height: 1, width: 2, pixels: Uint8Array.of(3, 250) });
  });

  it('of arrays are numbered; the usual array is taken, or the one that is named', async () => {
    const path = join(root, 'x.npz');
    const usual = await collectInputs([path]);
    expect(usual.map(({ name }) => name)).toEqual([0, 1, 2].map((i) => `${path}#${String(i)}`));
    expect((await usual[1]?.load())?.pixels).toEqual(Uint8Array.of(3, 4));
    const [colour] = await collectInputs([path], 'train_images');
    expect(await colour?.load()).toMatchObject({ channels: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  it('that are not there are refused with what to do', async () => {
    await expect(collectInputs([join(root, 'none.png')])).rejects.toThrow(/none\.png cannot be read/);
    await expect(collectInputs([join(root, 'empty')])).rejects.toThrow(/holds no image/);
    await expect(collectInputs([join(root, 'x.npz')], 'y')).rejects.toThrow(
      /--array: test_images, train_images/,
    );
  });
});

describe('answers', () => {
  const names = ['=a', 'b'];
  const prediction = {
    label: 'b',
    classIndex: 1,
    confidence: 0.75,
    abstained: false,
    probabilities: [0.25, 0.75],
  };
  const answers: readonly Answer[] = [
    { kind: 'answered', image: 'one', prediction: { ...prediction, spread: [0.1, 0.1] } },
    { kind: 'answered', image: 'two', prediction: { ...prediction, abstained: true } },
    { kind: 'refused', image: 'three', reason: 'no, image' },
  ];

  it('as CSV: formulas disarmed, empty where there is nothing', () => {
    expect(answersCsv(answers, names, true).split('\r\n')).toEqual([
      'image,label,confidence,abstained,p(=a),p(b),spread(=a),spread(b),error',
      'one,b,0.75,false,0.25,0.75,0.1,0.1,',
      'two,,0.75,true,0.25,0.75,,,',
      'three,,,,,,,,"no, image"',
      '',
    ]);
  });

  it('as a table: the most probable first', () => {
    expect(answersTable(answers, names).split('\n')).toEqual([
      'one    b         b 75.0 % ± 10.0 %, =a 25.0 % ± 10.0 %',
      'two    abstains  b 75.0 %, =a 25.0 %',
      'three  not used  no, image',
    ]);
  });

  it('as JSON: no label where the model abstains', () => {
    const [first, second, third] = answers.map((answer) => answerRecord(answer, names, 'map.png'));
    expect(first).toMatchObject({ label: 'b', probabilities: { '=a': 0.25, b: 0.75 }, heatmap: 'map.png' });
    expect(second).toMatchObject({ label: null, mostProbable: 'b' });
    expect(third).toEqual({ image: 'three', error: 'no, image' });
  });
});
