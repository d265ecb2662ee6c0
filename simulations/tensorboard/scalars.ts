/** Which curves a run gives to TensorBoard. Equal things have equal tags, in a simulation as in central training. */
import type { EpochResult, FederationResult, RoundResult, SeedResult } from '../report/result-types.ts';
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import type { Scalar } from './event.ts';

/** The scalars of one step of one line in the charts. */
export interface StepScalars {
  /** The line's name: "federation", a site, "seed 1". */
  readonly curve: string;
  readonly step: number;
  readonly scalars: readonly Scalar[];
}

const FEDERATION = 'federation';

const siteCurve = (site: string): string => `site ${site}`;

/** Metrics by name under a heading; what has no value is left out. */
function scalarsOf(heading: string, values: Readonly<Record<string, number | undefined>>): Scalar[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ tag: `${heading}/${name}`, value }],
  );
}

/** The federation's own line, and one for each site. */
export function roundScalars(result: RoundResult): StepScalars[] {
  const { round, loss, validation, localValidation, survivors, durationMs, bytesUp, bytesDown } = result;
  const own = localValidation && { loss: localValidation.loss, accuracy: localValidation.accuracy };
  const federation: StepScalars = {
    curve: FEDERATION,
    step: round,
    scalars: [
      ...scalarsOf('training', { loss }),
      ...scalarsOf('validation', validation ?? {}),
      ...scalarsOf('siteValidation', own ?? {}),
      ...scalarsOf('round', { survivors, durationMs, bytesUp, bytesDown }),
    ],
  };
  const sites = (result.sites ?? []).map(({ site, ...entry }): StepScalars => ({
    curve: siteCurve(site),
    step: round,
    scalars: [
      ...scalarsOf('training', { loss: entry.loss }),
      ...scalarsOf('siteValidation', entry.validation ?? {}),
    ],
  }));
  return [federation, ...sites];
}

/** On the held-out global test set, at the round whose model was kept. */
export function testScalars({ test, rounds, bestRound }: FederationResult): StepScalars[] {
  const step = bestRound ?? rounds.length;
  const line = (curve: string, evaluation: Evaluation, heading = 'test'): StepScalars => ({
    curve,
    step,
    scalars: evaluationScalars(evaluation, heading),
  });
  return [
    line(FEDERATION, test.federated),
    ...(test.pooled ? [line('pooled', test.pooled)] : []),
    ...(test.local ?? []).map(({ site, evaluation }) => line(siteCurve(site), evaluation, 'testLocalOnly')),
    ...(test.personalised ?? []).map(({ site, evaluation }) =>
      line(siteCurve(site), evaluation, 'testPersonalised'),
    ),
    ...(test.finetuned ?? []).map(({ site, evaluation }) =>
      line(siteCurve(site), evaluation, 'testFinetuned'),
    ),
  ];
}

function evaluationScalars({ metrics }: Evaluation, heading: string): Scalar[] {
  return scalarsOf(
    heading,
    Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
  );
}

/** Of central training: every epoch, and the test result at the epoch that was kept. */
export function seedScalars({ seed, epochs, bestEpoch, test }: SeedResult): StepScalars[] {
  const curve = `seed ${String(seed)}`;
  return [
    ...epochs.map((epoch): StepScalars => ({ curve, step: epoch.epoch, scalars: epochScalars(epoch) })),
    { curve, step: bestEpoch ?? epochs.length, scalars: evaluationScalars(test, 'test') },
  ];
}

function epochScalars({ loss, learningRate, validation }: EpochResult): Scalar[] {
  return [...scalarsOf('training', { loss, learningRate }), ...scalarsOf('validation', validation ?? {})];
}
