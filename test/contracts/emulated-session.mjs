/**
 * Runs a graph with the native runtime on whatever processor this process believes it has:
 * `node emulated-session.mjs <graphs.json> <results.json>`. Plain JavaScript, because a compiler would take minutes under
 * emulation. Tensors travel as { dims, data } with float32 values in base64.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import ort from 'onnxruntime-node';

const decode = (text) => {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};
const encode = (values) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

const [, , graphsPath, resultsPath] = process.argv;
const results = [];
for (const { graph, inputs } of JSON.parse(readFileSync(graphsPath, 'utf8'))) {
  const session = await ort.InferenceSession.create(Buffer.from(graph, 'base64'), {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { dims, data }]) => [
      name,
      new ort.Tensor('float32', decode(data), dims),
    ]),
  );
  const outputs = await session.run(feeds);
  await session.release();
  results.push(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, encode(data)])));
}
writeFileSync(resultsPath, JSON.stringify(results));
