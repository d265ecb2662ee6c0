import { expect, it } from 'vitest';
import { progressLine } from '../../../simulations/cli/progress-line.ts';

function lineOn(isTTY: boolean) {
  let text = '';
  let nowMs = 0;
  const stream = {
    isTTY,
    write: (written: unknown) => {
      text += String(written);
      return true;
    },
  };
  const line = progressLine(stream, { elapsedMs: () => nowMs });
  const at = (ms: number, done: number): void => {
    nowMs = ms;
    line.show({ done, total: 400 });
  };
  return { line, at, written: () => text };
}

it('is written over itself in a terminal, not more than ten times a second', () => {
  const { line, at, written } = lineOn(true);
  for (const [ms, done] of [
    [50, 1],
    [120, 10],
    [130, 11],
    [250, 100],
  ] as const)
    at(ms, done);
  line.end();
  line.end();
  expect(written()).toBe('\r10 of 400 images (2 %)\r100 of 400 images (25 %)\n');
});

it('is a line now and then in a log', () => {
  const { line, at, written } = lineOn(false);
  for (const [ms, done] of [
    [9000, 1],
    [11_000, 200],
    [12_000, 210],
  ] as const)
    at(ms, done);
  line.end();
  expect(written()).toBe('200 of 400 images (50 %)\n');
});
