/** Models compiled by the real engines, one of each specification. A worker keeps them as long as it lives. */
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { Engine, EngineName } from '../../shared/learning/engines/engine.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import { compileOptionsOf } from '../../shared/learning/training/recipe.ts';
import { manifestOf } from '../../shared/learning/weights.ts';
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
    const model = buildModel(spec.architecture, spec.imageDims, spec.classCount);
    const engine = await engineOf(spec.engine);
    const compiled = await engine.compile(model, compileOptionsOf(spec.recipe));
    const { name, device } = engine;
    return { compiled, manifest: manifestOf(model), engine: { name, device } };
  };
  return {
    open(spec) {
      // Recipes that differ in what the compiled step does not depend on share one.
      const { engine, architecture, imageDims, classCount, recipe } = spec;
      const key = JSON.stringify([engine, architecture, imageDims, classCount, compileOptionsOf(recipe)]);
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
