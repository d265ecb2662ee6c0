/** The section that shows where the model looks, and what a report with images in it must say about itself. */
import type { ImageGrid, Section } from './model.ts';
import type { DatasetSummary } from './result-types.ts';

export function sampleSection(grid: ImageGrid | undefined): readonly Section[] {
  if (grid === undefined) return [];
  return [
    {
      title: 'Where the model looks',
      text: 'Test images: of every class the one the model is surest of, then its surest mistakes. A bright place speaks for the answer; it does not prove that the model reasons as a reader would.',
      blocks: [grid],
    },
  ];
}

/** The last line of a report, which must say whether it may be passed on. */
export function imageFooter(dataset: Pick<DatasetSummary, 'synthetic'>, grid: ImageGrid | undefined): string {
  if (grid === undefined || dataset.synthetic)
    return 'Made by Consilium. This file contains no images of patients and makes no request.';
  return 'Made by Consilium. This file contains test images: it is as confidential as they are. It makes no request.';
}
