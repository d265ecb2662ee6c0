/** A worker thread that trains on its own session; loads TypeScript where it has to. */
import { parentPort, workerData } from 'node:worker_threads';

const { register } = await import('tsx/esm/api');
register();
const { openNativeEngine } = await import('../../shared/learning/engines/onnx-native.ts');
const { prepareStep } = await import('./learning-step.ts');

const step = await prepareStep(await openNativeEngine(), workerData);
await step.run(5);
parentPort.postMessage('ready');
parentPort.on('message', async (durationMs) => {
  if (durationMs === 0) {
    await step.compiled.dispose();
    parentPort.close();
    return;
  }
  const start = performance.now();
  let steps = 0;
  while (performance.now() - start < durationMs) {
    await step.run(1);
    steps++;
  }
  parentPort.postMessage((1000 * steps) / (performance.now() - start));
});
