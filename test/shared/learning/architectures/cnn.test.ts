import { expect, it } from 'vitest';
import { cnn } from '../../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../../shared/learning/architectures/schema.ts';
import { manifestOf } from '../../../../shared/learning/weights.ts';

const options = cnnOptionsSchema.parse({ filters: [32, 64], dense: 128, head: 'pool' });

it("head 'pool' halves the last feature map before the dense part", () => {
  const dense = 64 * 8 * 8 * 128 + 128;
  const convolutions = 32 * 27 + 32 + (64 * 288 + 64);
  expect(manifestOf(cnn([3, 32, 32], 10, options)).length).toBe(convolutions + dense + (128 * 10 + 10));
  const flat = cnn([3, 32, 32], 10, { ...options, head: 'flatten' });
  expect(manifestOf(flat).length).toBe(convolutions + 4 * (dense - 128) + 128 + (128 * 10 + 10));
});

it('refuses images that one more pooling would leave nothing of', () => {
  expect(() => cnn([1, 3, 3], 2, options)).toThrow('at least 4 pixels a side, got 3');
  expect(manifestOf(cnn([1, 4, 4], 2, options)).entries.at(-1)?.length).toBe(2);
});
