/** PyTorch in a process of its own, timed step by step for a comparison in the same run. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface TorchCase {
  readonly kind: 'cnn' | 'resnet';
  readonly imageDims: readonly [number, number, number];
  readonly batchSize: number;
  readonly filters?: readonly number[];
  readonly dense?: number;
  readonly widths?: readonly number[];
}

export type MemoryFormat = 'contiguous' | 'channels_last';
export const MEMORY_FORMATS: readonly MemoryFormat[] = ['contiguous', 'channels_last'];

/** glibc's allocator as PyTorch runs fastest with it: huge pages, and no memory given back between steps. */
export const TUNED_ALLOCATOR: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  MALLOC_TRIM_THRESHOLD_: '4000000000',
  MALLOC_MMAP_THRESHOLD_: '4000000000',
};

export class TorchPeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #version = '';

  private constructor(python: string, environment: Readonly<Record<string, string>>) {
    const script = fileURLToPath(new URL('torch_worker.py', import.meta.url));
    this.#process = spawn(python, [script], { env: { ...process.env, ...environment } });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Undefined where this Python has no PyTorch. */
  static async start(
    python: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<TorchPeer | undefined> {
    const peer = new TorchPeer(python, environment);
    peer.#process.on('error', () => undefined);
    const first = await peer.#lines.next();
    if (first.done === true) return undefined;
    const hello = JSON.parse(first.value) as { version: string };
    peer.#version = hello.version;
    return peer;
  }

  get version(): string {
    return this.#version;
  }

  /** Milliseconds of each of `steps` training steps. */
  async run(torchCase: TorchCase, format: MemoryFormat, steps: number): Promise<number[]> {
    this.#process.stdin.write(`${JSON.stringify({ case: torchCase, format, steps })}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('PyTorch ended in the middle of the comparison.');
    return JSON.parse(line.value) as number[];
  }

  stop(): void {
    this.#process.stdin.end();
  }
}
