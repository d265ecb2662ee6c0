/** What the page's two data scripts (model.js, runtime.js) leave for the program. */
import type { PageModel } from '../page-model.ts';

declare global {
  var CONSILIUM_MODEL: PageModel;
  /** ONNX Runtime's WebAssembly, gzip, base64. */
  var CONSILIUM_RUNTIME: string;
}

export const pageModel = globalThis.CONSILIUM_MODEL;
export const runtimeText = globalThis.CONSILIUM_RUNTIME;

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
