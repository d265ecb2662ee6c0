/** From the hospital's images to what a plan trains on and, where the plan says so, what the site judges models with. */
import { InputError } from '../../shared/errors.ts';
import { openLocal } from '../../shared/data/open-local.ts';
import { preprocess, selectExamples } from '../../shared/data/preprocess.ts';
import { cutByPatient } from '../../shared/data/split.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { Plan } from '../../shared/protocol/plan.ts';

export interface SiteData {
  readonly data: LabelledImages;
  /** Whole patients that the site does not train on. */
  readonly validation?: LabelledImages;
  /** [validation images]; those of one patient share one value. */
  readonly validationPatients?: readonly string[];
  /** Images that are not used. */
  readonly rejectedCount: number;
}

/** @throws DataError or InputError when the images cannot be read or are of other classes than the plan's */
export async function openSiteData(source: string, plan: Plan): Promise<SiteData> {
  const { classNames, imageDims } = plan.task;
  const [channels, height, width] = imageDims;
  const { dataset, rejected } = await openLocal(source, { size: { height, width }, channels });
  if (dataset.classNames.join('\n') !== classNames.join('\n'))
    throw new InputError(
      `${source} has the classes ${dataset.classNames.join(', ')}, but the plan has ${classNames.join(', ')}: rename the folders or labels`,
    );
  const everything = Int32Array.from({ length: dataset.count }, (_, i) => i);
  const { cut, rest } = cutByPatient(dataset, everything, {
    fraction: plan.evaluation.localValidationFraction,
    seed: plan.seed,
    purpose: 'local validation',
  });
  const all = await preprocess(dataset, plan.preprocessing, rest);
  if (all.imageDims.join('×') !== imageDims.join('×'))
    throw new InputError(
      `${source} has images of ${all.imageDims.join('×')}, but the plan has ${imageDims.join('×')}`,
    );
  return {
    data: selectExamples(all, rest),
    ...(cut.length > 0 && {
      validation: selectExamples(all, cut),
      validationPatients: cut.map((i) => dataset.patients[i] ?? ''),
    }),
    rejectedCount: rejected.length,
  };
}
