/** Puts a model card beside the model it describes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cardMarkdown } from './card-markdown.ts';
import { cardOf, type ModelCard, type Statements } from './card.ts';
import { readRunFiles } from './run-files.ts';

export const CARD_FILES = ['model-card.md', 'model-card.json'] as const;

/** @throws InputError, DataError as `readRunFiles` */
export async function writeCard(folder: string, statements: Statements = {}): Promise<ModelCard> {
  const card = cardOf(await readRunFiles(folder), statements);
  await writeFile(join(folder, CARD_FILES[0]), cardMarkdown(card));
  await writeFile(join(folder, CARD_FILES[1]), `${JSON.stringify(card, undefined, 2)}\n`);
  return card;
}
