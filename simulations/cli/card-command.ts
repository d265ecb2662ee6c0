/** `consilium card`: the model card of a finished run, anew and with what only people can say. */
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { cardMarkdown } from '../card/card-markdown.ts';
import type { Statements } from '../card/card.ts';
import { CARD_FILES, writeCard } from '../card/write-card.ts';
import { runInterruptible } from '../interruptible.ts';
import { parseFlags } from './options.ts';

const text = z.string().min(1).max(10_000).optional();
const optionsSchema = z.object({
  intendedUse: text,
  licence: text,
  contact: text,
  json: z.boolean().default(false),
});

export function cardCommand(): Command {
  return new Command('card')
    .summary('write the model card of a run')
    .description(
      'Writes model-card.md and model-card.json into the folder of a finished run. Every figure is read from the run’s\n' +
        'files, whose digests the card lists.',
    )
    .argument('<run>', 'the folder of a finished run')
    .option('--intended-use <text>', 'what the model is for')
    .option('--licence <text>', 'of the model')
    .option('--contact <text>', 'who answers questions about it')
    .option('--json', 'print the card as JSON instead of Markdown')
    .action((folder: string, raw: unknown) =>
      runInterruptible(async () => {
        const { json, ...said } = parseFlags(optionsSchema, raw);
        const given = Object.entries(said).filter(([, value]) => value !== undefined);
        const statements: Statements = Object.fromEntries(given);
        const card = await writeCard(folder, statements);
        process.stdout.write(json ? `${JSON.stringify(card, undefined, 2)}\n` : cardMarkdown(card));
        process.stderr.write(`written: ${CARD_FILES.map((file) => join(folder, file)).join(', ')}\n`);
      }),
    );
}
