/** The site's ledger for its page: read once, and then only what was added; the whole chain is checked when asked. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SiteFolder } from '../config.ts';
import { BEGINNING, checkChain, type ChainCheck, type LedgerEntry } from '../ledger/chain.ts';
import { LEDGER_FILE } from '../ledger/ledger-file.ts';

interface Known {
  readonly bytes: number;
  readonly entries: readonly LedgerEntry[];
  readonly head: ChainCheck['head'];
  readonly fault?: ChainCheck['fault'];
}

const NOTHING: Known = { bytes: 0, entries: [], head: BEGINNING };
const LINE_END = 0x0a;

export class LedgerReader {
  readonly #path: string;
  readonly #publicKey: Uint8Array;
  #known: Known = NOTHING;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ path, identity }: SiteFolder) {
    this.#path = join(path, LEDGER_FILE);
    // The agent may dispose of the identity at its end; the public key is no secret.
    this.#publicKey = Uint8Array.from(identity.publicKey);
  }

  /** All entries so far, each checked once. */
  read(): Promise<Omit<Known, 'bytes'>> {
    const work = this.#last.then(() => this.#update());
    this.#last = work.catch(() => undefined);
    return work;
  }

  async #update(): Promise<Known> {
    const added = await this.#added();
    if (added.length === 0 || this.#known.fault) return this.#known;
    const { bytes, entries, head } = this.#known;
    const text = added.toString('utf8').slice(0, -1);
    const check = checkChain(text.split('\n'), this.#publicKey, head);
    const fault = check.fault && { ...check.fault, line: entries.length + check.fault.line };
    this.#known = {
      bytes: bytes + added.length,
      entries: [...entries, ...check.entries],
      head: check.head,
      ...(fault && { fault }),
    };
    return this.#known;
  }

  /** Whole lines after those that are known. A file that became shorter is read from its beginning. */
  async #added(): Promise<Buffer> {
    const file = await open(this.#path, 'r').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!file) {
      this.#known = NOTHING;
      return Buffer.alloc(0);
    }
    try {
      const { size } = await file.stat();
      if (size < this.#known.bytes) this.#known = NOTHING;
      const start = this.#known.bytes;
      const buffer = Buffer.alloc(size - start);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
      const read = buffer.subarray(0, bytesRead);
      return read.subarray(0, read.lastIndexOf(LINE_END) + 1);
    } finally {
      await file.close();
    }
  }
}
