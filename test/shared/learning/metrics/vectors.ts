/** The expected values in test/vectors/metrics, which make.py there computes with scikit-learn and SciPy. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const numbers = z.array(z.number());
const valueByName = z.record(z.string(), z.number().nullable());

const classifierSchema = z.object({
  madeWith: z.record(z.string(), z.string()),
  cases: z.array(
    z.object({
      name: z.string(),
      classCount: z.number(),
      labels: numbers,
      probabilities: z.array(numbers),
      weights: numbers.optional(),
      confusion: z.array(numbers),
      overall: valueByName,
      classes: z.array(valueByName),
      roc: z.object({ fpr: numbers, tpr: numbers, thresholds: numbers }).optional(),
      precisionRecall: z.object({ recall: numbers, precision: numbers, thresholds: numbers }).optional(),
    }),
  ),
});

const statisticsSchema = z.object({
  deLong: z.array(
    z.object({
      labels: numbers,
      a: numbers,
      b: numbers,
      aucA: z.number(),
      aucB: z.number(),
      standardErrorA: z.number(),
      standardErrorB: z.number(),
      standardErrorDifference: z.number(),
      p: z.number(),
    }),
  ),
  studentQuantiles: z.array(
    z.object({ confidence: z.number(), degreesOfFreedom: z.number(), value: z.number() }),
  ),
  studentTwoSided: z.array(z.object({ t: z.number(), degreesOfFreedom: z.number(), value: z.number() })),
  logGamma: z.array(z.object({ x: z.number(), value: z.number() })),
  erfc: z.array(z.object({ x: z.number(), value: z.number() })),
  pairedTTest: z.object({
    a: numbers,
    b: numbers,
    t: z.number(),
    p: z.number(),
    low: z.number(),
    high: z.number(),
  }),
});

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/metrics/${name}`, import.meta.url), 'utf8'));

export const classifierCases = classifierSchema.parse(read('scikit-learn.json')).cases;
export const statistics = statisticsSchema.parse(read('statistics.json'));
