import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../shared/errors.ts';
import {
  addTrainOptions,
  parseTrainOptions,
  trainRequestOf,
} from '../../../simulations/cli/train-options.ts';
import type { TrainRequest } from '../../../simulations/train/train-request.ts';

function requestOf(...flags: readonly string[]): TrainRequest {
  const command = addTrainOptions(new Command('train'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...flags], { from: 'user' });
  return trainRequestOf(parseTrainOptions(command.opts()));
}

describe('flags of consilium train', () => {
  it('need none: phantoms, one seed, everything else by the preset', () => {
    expect(requestOf()).toMatchObject({
      source: { dataset: 'phantoms' },
      seeds: [0],
      engine: 'onnx',
      architecture: {},
      recipe: {},
    });
    expect(requestOf().recipe).toEqual({});
  });

  it('make the request', () => {
    const request = requestOf(
      ...[
        '--dataset',
        'medmnist:pneumoniamnist',
        '--file',
        'a.npz',
        '--model',
        'resnet',
        '--normalization',
        'group',
      ],
      ...['--epochs', '4', '--batch-size', '8', '--learning-rate', '0.01', '--augmentation', 'xray'],
      ...[
        '--class-weights',
        'effective',
        '--logit-adjustment',
        '0.5',
        '--patience',
        '3',
        '--select',
        'accuracy',
      ],
      ...[
        '--seed',
        '7',
        '--seeds',
        '3',
        '--engine',
        'onnx-wasm',
        '--intensity',
        'zscore',
        '--weight-decay',
        '0',
      ],
    );
    expect(request).toMatchObject({
      source: { dataset: 'medmnist:pneumoniamnist', file: 'a.npz' },
      seeds: [7, 8, 9],
      engine: 'onnx-wasm',
      architecture: { name: 'resnet', normalization: 'group' },
      selection: 'accuracy',
      preprocessing: { intensity: { kind: 'zscore', scope: 'dataset' } },
    });
    expect(request.recipe).toEqual({
      epochs: 4,
      batchSize: 8,
      learningRate: 0.01,
      weightDecay: 0,
      augmentation: 'xray',
      classWeighting: { kind: 'effective' },
      logitAdjustmentTau: 0.5,
      earlyStopping: { patience: 3 },
    });
  });

  it.each([
    ['--epochs', '1.5'],
    ['--epochs', '0'],
    ['--batch-size', '-1'],
    ['--learning-rate', '0'],
    ['--dropout', '1'],
    ['--test-fraction', '1'],
    ['--validation-fraction', '0'],
    ['--seed', '-1'],
    ['--workers', '0'],
  ])('%s %s is refused, naming the flag', (flag, value) => {
    const parse = () => requestOf(flag, value);
    expect(parse).toThrow(InputError);
    expect(parse).toThrow(flag);
  });

  it.each([
    ['--learning-rate', 'fast'],
    ['--seed', ''],
    ['--model', 'vit'],
    ['--engine', 'torch'],
    ['--no-such-flag', '1'],
  ])('%s %s is refused by the parser, naming the flag', (flag, value) => {
    expect(() => requestOf(flag, value)).toThrow(flag);
  });
});

describe('flags of transfer learning', () => {
  it('make the request', () => {
    const flags =
      '--init a.onnx --freeze stem.* layer1.* --unfreeze-at epoch:3 --body-lr 0.1 --freeze-normalization';
    const request = requestOf(...flags.split(' '));
    expect(request.transfer).toEqual({
      ...{ file: 'a.onnx', freeze: ['stem.*', 'layer1.*'] },
      ...{ unfreezeAtEpoch: 3, bodyRateFactor: 0.1 },
    });
    expect(request.recipe).toEqual({ frozenNormalization: true });
    expect(requestOf('--init', 'a.onnx').transfer).toEqual({ file: 'a.onnx', freeze: [], bodyRateFactor: 1 });
    expect(requestOf()).not.toHaveProperty('transfer');
  });

  it.each([
    ['--freeze stem.*', /need --init/],
    ['--body-lr 0.1', /need --init/],
    ['--init a.onnx --model cnn', /no meaning with --init/],
    ['--init a.onnx --unfreeze-at epoch:3', /needs --freeze/],
    ['--init a.onnx --freeze a --unfreeze-at 3', /--unfreeze-at: expected epoch:N/],
    ['--init a.onnx --freeze a --unfreeze-at epoch:0', /--unfreeze-at: expected epoch:N/],
    ['--init a.onnx --body-lr 0', /--body-lr/],
  ])('%s is refused', (flags, message) => {
    expect(() => requestOf(...flags.split(' '))).toThrow(message);
    expect(() => requestOf(...flags.split(' '))).toThrow(InputError);
  });
});
