/** `consilium report compare A B`: two finished runs side by side. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../shared/clock.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { compareRuns } from '../compare/compare-runs.ts';
import { comparisonReport } from '../compare/comparison-report.ts';
import { comparisonJson, comparisonText } from '../compare/comparison-text.ts';
import { readRun } from '../compare/run-summary.ts';
import { runInterruptible } from '../interruptible.ts';
import { renderReport } from '../report/render-report.ts';

interface CompareOptions {
  readonly out?: string;
  readonly json?: true;
}

export function reportCommand(): Command {
  return new Command('report').description('look at finished runs').addCommand(compareCommand());
}

function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Shows two finished runs of simulate or train side by side: settings that differ, figures with intervals, curves.',
    )
    .argument('<A>', "a run's folder")
    .argument('<B>', "another run's folder")
    .option('--out <file>', 'the HTML report (default: runs/comparison-<time>.html)')
    .option('--json', 'print the comparison as JSON, and write no report unless --out is given')
    .action((a: string, b: string, options: CompareOptions) =>
      runInterruptible(() => compare([a, b], options)),
    );
}

async function compare([a, b]: readonly [string, string], { out, json }: CompareOptions): Promise<void> {
  if (out !== undefined && existsSync(out))
    throw new InputError(`--out ${out} exists already: choose another file, no report is overwritten`);
  const comparison = compareRuns(await readRun(a), await readRun(b));
  process.stdout.write(json ? comparisonJson(comparison) : comparisonText(comparison));
  if (json && out === undefined) return;
  const file = out ?? defaultFile();
  await writeReport(file, renderReport(comparisonReport(comparison)));
  if (!json) process.stdout.write(`Report: ${file}\n`);
}

function defaultFile(): string {
  const time = new Date(systemClock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '');
  return join('runs', `comparison-${time}.html`);
}

async function writeReport(file: string, html: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, html);
  } catch (cause) {
    throw new InputError(`--out ${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
}
