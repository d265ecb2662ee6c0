/**
 * Writes a folder that classifies images in a browser: a page, its program, the model, and ONNX Runtime's WebAssembly, all
 * as plain scripts, so that it works from a web server and by opening index.html in a folder alike.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { InputError } from '../../shared/errors.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import type { OpenedModel } from '../predict/model-location.ts';
import type { PageModel } from './page-model.ts';
import { PAGE_STYLE, pageHtml } from './page-text.ts';

export interface ExportOptions {
  readonly title?: string;
  /** The page gives no answer below this confidence, 0…1. */
  readonly abstainBelow: number;
}

/** ONNX Runtime's licence asks for this beside every copy. */
const NOTICE = `This folder contains ONNX Runtime Web, copyright Microsoft Corporation, under the MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/** The page's program as one classic script: modules do not load from a folder. */
async function bundledProgram(): Promise<string> {
  // Sources run as they are; what is shipped is compiled beside this file.
  const entry = fileURLToPath(new URL(`./page/app${extname(import.meta.url)}`, import.meta.url));
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'inline',
    // The runtime asks where it was loaded from only when it has to load its WebAssembly, which the page hands over.
    define: { 'import.meta.url': '""' },
    logLevel: 'error',
  });
  return result.outputFiles[0]?.text ?? '';
}

/** A string that stays one inside a script, whatever it holds. */
const scriptText = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** A classifier's pages are small beside the runtime's 5 MB, but a page of gigabytes opens nowhere. */
const LARGEST_MODEL_BYTES = 256 * 2 ** 20;

function pageModelOf({ classifier, bytes }: OpenedModel, options: ExportOptions): PageModel {
  const { file, notes, preprocessing } = classifier;
  const { classNames, activation } = file.description;
  return {
    title: options.title ?? file.metadata.get('consilium.dataset') ?? 'Image classifier',
    ...{ classNames, activation, preprocessing },
    temperature: notes.calibration?.temperature ?? 1,
    calibrated: notes.calibration !== undefined,
    abstainBelow: options.abstainBelow,
    imageDims: file.model.imageDims,
    weightsDigest: weightsDigest(file.weights),
    onnx: Buffer.from(bytes).toString('base64'),
  };
}

/**
 * @returns the names of the files and their bytes
 * @throws InputError when the folder is not empty or the model is too large for a page
 */
export async function exportPage(
  folder: string,
  model: OpenedModel,
  options: ExportOptions,
): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  if (existsSync(folder) && (await readdir(folder)).length > 0)
    throw new InputError(`--web ${folder} is not empty; give a folder that is empty or does not exist`);
  if (model.bytes.length > LARGEST_MODEL_BYTES)
    throw new InputError(`${model.path} is too large for a web page (${String(model.bytes.length)} bytes)`);
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  const wasm = gzipSync(await readFile(runtime), { level: 9 });
  const page = pageModelOf(model, options);
  const isSynthetic = model.classifier.file.metadata.get('consilium.synthetic') === 'true';
  const notes = isSynthetic
    ? ['This model was trained on synthetic images: it says nothing about real ones.']
    : [];
  const files: readonly (readonly [name: string, text: string])[] = [
    ['index.html', pageHtml(page, notes)],
    ['style.css', PAGE_STYLE],
    ['app.js', await bundledProgram()],
    ['model.js', `globalThis.CONSILIUM_MODEL=${scriptText(page)};\n`],
    ['runtime.js', `globalThis.CONSILIUM_RUNTIME=${scriptText(wasm.toString('base64'))};\n`],
    ['NOTICE.txt', NOTICE],
  ];
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  return files.map(([name, text]) => ({ name, bytes: Buffer.byteLength(text) }));
}
