/** Models compiled by the real engines, one of each specification. A worker keeps them as long as it lives. */
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { Engine, EngineName } from '../../shared/learning/engines/engine.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { compileOptionsOf } from '../../shared/learning/training/recipe.ts';
import { adaptModel, frozenForms } from '../../shared/learning/transfer/initial-model.ts';
import { initialWeights, manifestOf } from '../../shared/learning/weights.ts';
import type { ModelSource, OpenModel } from './execute.ts';
import type { ModelSpec } from './tasks.ts';

export function createModelSource(open: (name: EngineName) => Promise<Engine> = openEngine): ModelSource {
  const engines = new Map<EngineName, Promise<Engine>>();
  const models = new Map<string, Promise<OpenModel>>();

  const engineOf = (name: EngineName): Promise<Engine> => {
    const engine = engines.get(name) ?? open(name);
    engines.set(name, engine);
    return engine;
  };
  const compile = async (spec: ModelSpec): Promise<OpenModel> => {
    const model = modelOf(spec);
    const engine = await engineOf(spec.engine);
    const compiled = await engine.compile(model, compileOptionsOf(spec.recipe));
    const { name, device } = engine;
    return {
      compiled,
      manifest: manifestOf(model),
      initialWeights: (seed) => initialWeights(model, seed),
      engine: { name, device },
    };
  };
  return {
    open(spec) {
      const key = keyOf(spec);
      const model = models.get(key) ?? compile(spec);
      models.set(key, model);
      return model;
    },
    async dispose() {
      const open = await Promise.allSettled(models.values());
      models.clear();
      for (const model of open) if (model.status === 'fulfilled') await model.value.compiled.dispose();
    },
  };
}

/** Recipes that differ in what the compiled step does not depend on share one. */
function keyOf({ engine, architecture, imageDims, classCount, recipe, initial }: ModelSpec): string {
  // Of a model file its digest stands for its bytes.
  const from = initial && [
    ...[initial.sha512, initial.classNames, initial.freeze, initial.bodyRateFactor, initial.isThawed],
  ];
  return JSON.stringify([engine, architecture, imageDims, classCount, compileOptionsOf(recipe), from]);
}

function modelOf({ architecture, imageDims, classCount, initial }: ModelSpec): Model {
  if (!initial) return buildModel(architecture, imageDims, classCount);
  // A copy: what reads files takes no views of shared memory.
  const { model } = adaptModel(initial.bytes.slice(), { imageDims, classNames: initial.classNames });
  const { start, thawed } = frozenForms(model, initial);
  return initial.isThawed ? thawed : start;
}
