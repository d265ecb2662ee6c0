/** What `consilium simulate` prints when a run or a study is over. */
import { join } from 'node:path';
import { resultTable } from './display.ts';
import type { SimulationOutcome } from './harness.ts';
import { counted } from '../shared/format.ts';
import { headline } from './report/headline.ts';
import { comparedMethods } from './report/methods.ts';
import type { RunFolder } from './run-folder.ts';
import type { StudyOutcome } from './study/study.ts';
import { summaryTable } from './study/summary.ts';

export function studyText({ rows, runs }: StudyOutcome, path: string): string {
  return (
    `\n${summaryTable(rows)}\n` +
    `${counted(runs.length, 'run')}, mean ± standard deviation over seeds, 95 % t-intervals of paired differences.\n` +
    `Summary: ${join(path, 'summary.csv')}\n`
  );
}

export function resultText({ result, finalDigest }: SimulationOutcome, folder: RunFolder): string {
  return (
    `\n${resultTable(result)}` +
    `Kept: the model of round ${String(result.bestRound)}, the best on the validation set.\n` +
    `Weights after the last round: ${finalDigest.slice(0, 32)}…\nReport: ${folder.reportPath}\n`
  );
}

export function resultJson({ result, finalDigest }: SimulationOutcome, folder: RunFolder): string {
  const { seed, bestRound, weightsDigest } = result;
  const test = comparedMethods(result);
  const value = {
    seed,
    bestRound,
    weightsDigest,
    finalDigest,
    headline: headline(result),
    test,
    sites: result.siteTests,
    gains: result.gains,
    folder: folder.path,
    report: folder.reportPath,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
