/** What a site's training process keeps from round to round: its images and the plan's network, compiled. */
import type { CompiledModel, Engine } from '../../shared/learning/engines/engine.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import { compileOptionsOf } from '../../shared/learning/training/recipe.ts';
import { initialWeights, manifestOf, type Manifest } from '../../shared/learning/weights.ts';
import { networkAt, networkOf, type PlanNetwork } from '../../shared/protocol/plan-network.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import type { DataOrder } from './child-messages.ts';
import { readInitialModel } from './initial-model-file.ts';
import { openSiteData, type SiteData } from './site-data.ts';

export interface Bench extends SiteData {
  readonly compiled: CompiledModel;
  /** What the engine runs on, for people. */
  readonly device: string;
  readonly manifest: Manifest;
  /** The weights that the run begins with. */
  readonly initialWeights: () => Float32Array;
}

/** Names what an order is trained with. */
export const benchKeyOf = ({ source, engine, plan }: DataOrder): string =>
  `${source}\n${engine}\n${hashPlan(plan)}`;

/** The images and the network of one order. */
export class OpenBench {
  readonly #plan: Plan;
  readonly #data: SiteData;
  readonly #network: PlanNetwork;
  readonly #engine: Engine;
  #compiled: { readonly model: Model; readonly compiled: CompiledModel } | undefined;

  private constructor(plan: Plan, data: SiteData, network: PlanNetwork, engine: Engine) {
    this.#plan = plan;
    this.#data = data;
    this.#network = network;
    this.#engine = engine;
  }

  /** @throws DataError or InputError when images or network cannot be used for the plan */
  static async open({ source, plan, engine, models }: DataOrder): Promise<OpenBench> {
    // The images first: what is wrong with them is for the people here to put right.
    const data = await openSiteData(source, plan);
    const network = networkOf(plan, await readInitialModel(plan, models));
    return new OpenBench(plan, data, network, await openEngine(engine));
  }

  /** As a round trains: a run's later rounds may train more of the network than its first. */
  async at(round: number): Promise<Bench> {
    const model = networkAt(this.#network, round);
    if (this.#compiled?.model !== model) {
      await this.dispose();
      this.#compiled = {
        model,
        compiled: await this.#engine.compile(model, compileOptionsOf(this.#plan.training)),
      };
    }
    const { seed } = this.#plan;
    return {
      ...this.#data,
      compiled: this.#compiled.compiled,
      device: this.#engine.device,
      manifest: manifestOf(model),
      initialWeights: () => initialWeights(model, seed),
    };
  }

  async dispose(): Promise<void> {
    const last = this.#compiled;
    this.#compiled = undefined;
    await last?.compiled.dispose();
  }
}
