/** What taking part is worth, for the site's page: computed when somebody asks, in a process of its own, and kept. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { messageOf } from '../../shared/errors.ts';
import { readYamlFile } from '../../shared/yaml-file.ts';
import { MODELS_FOLDER } from '../agent/site.ts';
import type { SiteFolder } from '../config.ts';
import type { BenefitRequest } from '../training/benefit.ts';
import { createChildTrainer } from '../training/child-trainer.ts';
import type { PageAgent } from './page-agent.ts';
import { PageRefusal } from './refusal.ts';
import type { BenefitResult, BenefitView } from './views.ts';

const measuredSchema = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
const resultSchema = z.strictObject({
  time: z.iso.datetime(),
  runId: z.string(),
  round: z.int().min(1),
  planName: z.string(),
  images: z.int().min(1),
  patients: z.int().min(1),
  rows: z.array(
    z.strictObject({
      model: z.enum(['local', 'federated', 'finetuned']),
      accuracy: measuredSchema,
      auc: measuredSchema.nullable(),
    }),
  ),
});

const FILE = 'benefit.json';

interface BenefitSurroundings {
  readonly folder: SiteFolder;
  readonly agent: PageAgent;
  readonly clock: Clock;
}

export class BenefitDesk {
  readonly #at: BenefitSurroundings;
  readonly #changed: () => void;
  readonly #end = new AbortController();
  #isRunning = false;
  #problem: string | null = null;
  #work: Promise<void> = Promise.resolve();

  /** `changed`: called when a comparison begins or has ended. */
  constructor(at: BenefitSurroundings, changed: () => void) {
    this.#at = at;
    this.#changed = changed;
  }

  view(): BenefitView {
    const request = this.#at.agent.lastRequest();
    return {
      missing: this.#missing(request),
      subject: request ? subjectOf(request) : null,
      ...{ isRunning: this.#isRunning, problem: this.#problem, result: this.#result() },
    };
  }

  /** Begins a comparison unless one runs. @throws PageRefusal when something is missing for it */
  compute(): BenefitView {
    const request = this.#at.agent.lastRequest();
    const missing = this.#missing(request);
    if (missing !== null || !request) throw new PageRefusal(409, 'missing', missing ?? 'nothing to compare');
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#problem = null;
      this.#changed();
      this.#work = this.#run(request);
    }
    return this.view();
  }

  /** Resolves when nothing is compared any more. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#work;
  }

  #missing(request: BenefitRequest | undefined): string | null {
    if (!request)
      return "The federation's model is not here: it comes with every round. Take part in one, then compare.";
    if (request.context.round < 2)
      return 'The model of the first round has learned nothing yet: wait for the second round.';
    if ((request.plan.evaluation?.localValidationFraction ?? 0) === 0)
      return 'The plan trains on all images of this hospital, so that none are left to judge by: a plan with evaluation.localValidationFraction holds some back.';
    return null;
  }

  async #run(request: BenefitRequest): Promise<void> {
    const { folder, clock } = this.#at;
    const { path, config } = folder;
    const trainer = createChildTrainer(
      {
        source: sourceFrom(path, config.data ?? ''),
        engine: config.engine,
        models: join(path, MODELS_FOLDER),
      },
      clock,
    );
    try {
      const benefit = await trainer.compare({ ...request, signal: this.#end.signal });
      const time = new Date(clock.nowMs()).toISOString();
      const result: BenefitResult = { time, ...subjectOf(request), ...benefit };
      const text = `${JSON.stringify(result, undefined, 2)}\n`;
      await writeAtomically(join(path, FILE), new TextEncoder().encode(text));
    } catch (error) {
      this.#problem = messageOf(error);
    } finally {
      await trainer.close();
      this.#isRunning = false;
      this.#changed();
    }
  }

  /** One that cannot be read is computed again. */
  #result(): BenefitResult | null {
    const file = join(this.#at.folder.path, FILE);
    try {
      return existsSync(file) ? readYamlFile('comparison', file, resultSchema) : null;
    } catch {
      return null;
    }
  }
}

const subjectOf = ({ context, plan }: BenefitRequest) => ({
  runId: context.runId ?? '',
  round: context.round,
  planName: plan.task.name,
});
