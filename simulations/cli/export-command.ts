/** `consilium export`: a trained model in forms that others use. */
import { Command } from 'commander';
import { z } from 'zod';
import { runInterruptible } from '../interruptible.ts';
import { openModel } from '../predict/model-location.ts';
import { formatBytes } from '../../shared/format.ts';
import { exportPage } from '../web-page/export-page.ts';
import { numberFlag, parseFlags } from './options.ts';

const optionsSchema = z.object({
  model: z.string().min(1),
  web: z.string().min(1),
  title: z.string().min(1).max(200).optional(),
  abstain: z.number().min(0).max(1),
});
type ExportFlags = z.infer<typeof optionsSchema>;

export function exportCommand(): Command {
  return new Command('export')
    .summary('write a web page that classifies images in the browser')
    .description(
      'Writes a folder with a web page and the model. The page classifies an image that is dropped on it entirely in the\n' +
        'browser; it works from any web server and by opening its index.html.',
    )
    .requiredOption('--model <path>', 'the folder of a run, or a model file')
    .requiredOption('--web <folder>', 'where the page goes: an empty or new folder')
    .option('--title <text>', 'heading of the page (default: what the model was trained on)')
    .option('--abstain <confidence>', 'the page gives no answer below this confidence, 0 to 1', numberFlag, 0)
    .action((raw: unknown) => runInterruptible(() => exportModel(parseFlags(optionsSchema, raw))));
}

async function exportModel({ model: path, web, title, abstain }: ExportFlags): Promise<void> {
  const model = await openModel(path, 'onnx');
  try {
    const files = await exportPage(web, model, {
      abstainBelow: abstain,
      ...(title !== undefined && { title }),
    });
    const list = files.map(({ name, bytes }) => `  ${name} (${formatBytes(bytes)})`).join('\n');
    process.stdout.write(`${web}:\n${list}\n`);
  } finally {
    await model.classifier.dispose();
  }
}
