/**
 * The exported page: an image that is dropped on it is classified here, in the browser, by the same lines that
 * `consilium predict` runs. Nothing is sent: the page's content security policy forbids every connection.
 */
import { prepareImage } from '../../../shared/data/prepare-image.ts';
import type { RawImage } from '../../../shared/data/resize.ts';
import { openBrowserModel, type BrowserModel } from '../../../shared/learning/engines/onnx-browser.ts';
import { occlusionMap } from '../../../shared/learning/explanations/occlusion.ts';
import { overlay, pictureOf } from '../../../shared/learning/explanations/overlay.ts';
import {
  decide,
  probabilitiesOf,
  type DecisionRule,
  type Prediction,
} from '../../../shared/learning/inference/prediction.ts';
import { decodeFile, UnusableImage } from './decode.ts';
import { bytesOf, gunzip, pageModel, runtimeText } from './globals.ts';

const { classNames, activation, temperature, abstainBelow, imageDims } = pageModel;
const rule: DecisionRule = { classNames, activation, temperature, abstainBelow };

/** Covered images that go through the model at a time. */
const OCCLUSION_BATCH = 16;

function element<T extends HTMLElement>(id: string, kind: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${id}`);
  return found;
}

const status = element('status', HTMLElement);
const chooser = element('file', HTMLInputElement);
const drop = element('drop', HTMLElement);
const result = element('result', HTMLElement);
const rows = element('rows', HTMLTableSectionElement);
const answer = element('answer', HTMLElement);
const picture = element('picture', HTMLCanvasElement);
const explain = element('explain', HTMLButtonElement);

function say(text: string, state: 'busy' | 'ready' | 'error'): void {
  status.textContent = text;
  status.dataset['state'] = state;
}

function draw({ width, height, pixels }: RawImage): void {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = pixels[3 * i + c] ?? 0;
  picture.width = width;
  picture.height = height;
  picture.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0);
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function show({ label, abstained, confidence, probabilities }: Prediction): void {
  answer.textContent = abstained
    ? `No answer: ${label} is the most probable, with ${percent(confidence)} below the chosen ${percent(abstainBelow)}.`
    : `${label}, ${percent(confidence)}`;
  const order = classNames.map((name, c) => ({ name, p: probabilities[c] ?? 0 })).sort((a, b) => b.p - a.p);
  rows.replaceChildren(
    ...order.map(({ name, p }) => {
      const row = document.createElement('tr');
      const [head, bar, value] = [
        document.createElement('th'),
        document.createElement('td'),
        document.createElement('td'),
      ];
      const meter = document.createElement('meter');
      meter.value = p;
      head.scope = 'row';
      head.textContent = name;
      bar.append(meter);
      value.textContent = percent(p);
      value.dataset['probability'] = String(p);
      row.append(head, bar, value);
      return row;
    }),
  );
  result.hidden = false;
}

/** The image that is shown, ready for the model, and the class that was found. */
let current: { readonly planes: Float32Array; readonly classIndex: number } | undefined;

async function classify(model: BrowserModel, file: Blob): Promise<void> {
  say('Looking at the image …', 'busy');
  try {
    const planes = prepareImage(await decodeFile(file), pageModel);
    const prediction = decide(await model.logits(planes, imageDims), rule);
    current = { planes, classIndex: prediction.classIndex };
    draw(pictureOf(planes, imageDims));
    show(prediction);
    explain.disabled = false;
    say('Done. The image has not left this computer.', 'ready');
  } catch (error) {
    result.hidden = true;
    say(error instanceof UnusableImage ? error.message : 'The image could not be classified.', 'error');
  }
}

/** Covers every place in turn and shows where the probability falls. */
async function explainCurrent(model: BrowserModel): Promise<void> {
  if (current === undefined) return;
  const { planes, classIndex } = current;
  explain.disabled = true;
  say('Covering one place after the other …', 'busy');
  const black = planes.reduce((least, value) => Math.min(least, value), Infinity);
  const map = await occlusionMap({
    ...{
      image: planes,
      baseline: new Float32Array(planes.length).fill(black),
      imageDims,
      batch: OCCLUSION_BATCH,
    },
    score: async (images) =>
      probabilitiesOf(await model.logits(images, imageDims), rule).filter(
        (_, i) => i % classNames.length === classIndex,
      ),
  });
  draw(overlay(pictureOf(planes, imageDims), map));
  explain.disabled = false;
  say('Bright: where covering the image lowers the probability most.', 'ready');
}

async function start(): Promise<void> {
  say('Starting the model …', 'busy');
  const model = await openBrowserModel(bytesOf(pageModel.onnx), await gunzip(bytesOf(runtimeText)));
  const take = (files: FileList | null | undefined): void => {
    const file = files?.item(0);
    if (file) void classify(model, file);
  };
  chooser.disabled = false;
  chooser.addEventListener('change', () => {
    take(chooser.files);
  });
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  document.addEventListener('dragleave', () => {
    drop.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take(event.dataTransfer?.files);
  });
  explain.addEventListener('click', () => {
    void explainCurrent(model);
  });
  say('Ready: drop an image here.', 'ready');
}

start().catch((error: unknown) => {
  say(error instanceof Error ? error.message : 'The page could not start.', 'error');
});
