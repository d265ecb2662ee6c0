import { describe, expect, it } from 'vitest';
import { weightsDigest } from '../../../shared/learning/weights.ts';
import { modelHashOf } from '../../../shared/protocol/model-hash.ts';
import { decodeModel, encodeModel } from '../../../shared/protocol/model-payload.ts';
import { strategySchema, type StrategyName } from '../../../shared/protocol/strategy.ts';

const planWith = (name: StrategyName) => ({
  parameterCount: 2,
  federation: { strategy: strategySchema.parse(name) },
});
const weights = Float32Array.of(1, -2);
const serverControl = Float32Array.of(0.5, 4);

describe('the payload of a request to train', () => {
  it('is the weights, and for SCAFFOLD the control variate behind them', () => {
    expect(decodeModel(encodeModel(weights), planWith('fedavg'), 1)).toEqual({ weights });
    expect(encodeModel(weights, serverControl)).toHaveLength(16);
    expect(decodeModel(encodeModel(weights, serverControl), planWith('scaffold'), 1)).toEqual({
      weights,
      serverControl,
    });
  });

  it('is nothing when its length is another than the plan’s', () => {
    expect(decodeModel(encodeModel(weights), planWith('scaffold'), 1)).toBeUndefined();
    expect(decodeModel(encodeModel(weights, serverControl), planWith('fedavg'), 1)).toBeUndefined();
    expect(decodeModel(new Uint8Array(7), planWith('fedavg'), 1)).toBeUndefined();
  });

  it('is named by all of its bytes', () => {
    expect(modelHashOf(weights)).toBe(weightsDigest(weights));
    expect(modelHashOf(weights, serverControl)).not.toBe(modelHashOf(weights, Float32Array.of(0.5, 5)));
  });
});
