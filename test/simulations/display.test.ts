/** What is said in the terminal. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { datasetList } from '../../simulations/datasets/dataset-list.ts';
import { createDisplay, resultTable } from '../../simulations/display.ts';
import type { SimulationProgress } from '../../simulations/progress.ts';
import { exampleFederation } from './report/example-results.ts';

const result = exampleFederation({ sites: 3 });

/** What a stream that is no terminal, or one, is shown. */
function shown(events: readonly SimulationProgress[], isTTY = false): string {
  const stream = Object.assign(new PassThrough(), {
    ...{ isTTY, columns: 120, rows: 40, fd: -1 },
    ...{ cursorTo: () => true, moveCursor: () => true, clearLine: () => true, clearScreenDown: () => true },
    ...{ getColorDepth: () => 1, hasColors: () => false, getWindowSize: (): [number, number] => [120, 40] },
  });
  // All that a display uses of a terminal.
  const display = createDisplay(stream as unknown as NodeJS.WriteStream);
  for (const event of events) display.show(event);
  display.close();
  return String(stream.read() ?? '');
}

const round = (number: number, rounds: number): SimulationProgress => ({
  kind: 'round',
  rounds,
  result: { round: number, cohort: 3, survivors: 2, loss: 0.5, validation: { auc: 0.9 }, durationMs: 2000 },
});

describe('progress', () => {
  it('has the round, the sites, the metric and the time that is left', () => {
    expect(shown([round(3, 10)])).toBe(
      'round 3/10: 2 of 3 sites, training loss 0.500, validation AUC 0.900, accuracy –, 2.0 s, 14.0 s left\n',
    );
    expect(shown([round(10, 10)])).not.toContain('left');
  });

  it('counts one site as one', () => {
    const prepared = { kind: 'prepared', classNames: ['a', 'b'], parameterCount: 1200 } as const;
    expect(shown([{ ...prepared, sites: [{ name: 'a', classCounts: [1, 1] }] }])).toBe(
      '1 site, 1,200 parameters\n',
    );
  });

  it('has the class counts of the federation, and who is not in them', () => {
    const counted = {
      classCounts: [1200, 34],
      ...{ cohort: 3, survivors: 2, dropped: [{ site: 'ward 3', reason: 'deadline' }] },
    };
    expect(shown([{ kind: 'counted', result: counted, classNames: ['healthy', 'ill'] }])).toBe(
      'class counts of the federation: healthy 1,200, ill 34 (training images of 2 of 3 sites together) – ward 3 dropped (deadline)\n',
    );
  });

  it('on a terminal has bars with the phase, the metric and the time left', () => {
    const report = { kind: 'phaseEntered', phase: 'training', cohortSize: 3 } as const;
    const text = shown([{ kind: 'report', round: 1, attempt: 1, report }, round(3, 10)], true);
    expect(text).toContain('training');
    expect(text).toContain('validation AUC 0.900, 14.0 s left');
  });
});

describe('the result', () => {
  it('has a row for each method and each site, the headline, and counts one round as one', () => {
    const [first] = result.rounds;
    const text = resultTable({ ...result, rounds: first ? [first] : [] });
    expect(text).toMatch(/^Federated {2,}0\.\d{3} \(0\.\d{3}–0\.\d{3}\)/m);
    expect(text).toMatch(/^hospital-02 +63 .*±0\.0 \(−4\.0 to \+4\.0\)$/m);
    expect(text).toContain('Federating helped');
    expect(text).toContain('380 kB in 1 round.');
  });

  it('leaves many sites to the files', () => {
    expect(resultTable(exampleFederation({ sites: 21 }))).not.toContain('hospital-02');
  });
});

describe('the list of datasets', () => {
  it('has the forms and every set that can be trained on, with its licence', () => {
    const text = datasetList();
    expect(text).toMatch(/^phantoms /m);
    expect(text).toMatch(/^medmnist:pneumoniamnist +5,856 images, 2 classes, grey, CC BY 4\.0$/m);
    // Several labels an image.
    expect(text).not.toContain('chestmnist');
  });
});
