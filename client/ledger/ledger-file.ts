/**
 * The ledger of a site on disk: append-only, a line an entry, flushed before the promise is kept. A line that the end of
 * the program has cut short is taken away, and the next entry says so; anything else that does not fit is a fault that
 * the program does not repair. The running agent and a command may both append: a lock file keeps them apart.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import { withLock } from '../lock-file.ts';
import type { SiteAct } from './acts.ts';
import { checkChain, nextLine, type Actor, type ChainCheck, type LedgerHead } from './chain.ts';

export const LEDGER_FILE = 'ledger.jsonl';
const LINE_END = 0x0a;

export interface LedgerReading extends ChainCheck {
  /** Of a line that was cut short. */
  readonly tail?: Uint8Array;
}

/** The whole ledger, checked; empty where there is none yet. */
export async function readLedger(folder: string, publicKey: Uint8Array): Promise<LedgerReading> {
  const path = join(folder, LEDGER_FILE);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw new StorageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const end = bytes.lastIndexOf(LINE_END) + 1;
  const text = bytes.subarray(0, end).toString('utf8');
  const check = checkChain(text === '' ? [] : text.slice(0, -1).split('\n'), publicKey);
  return { ...check, ...(end < bytes.length && { tail: bytes.subarray(end) }) };
}

export interface SiteLedgerOptions {
  /** Of the site. */
  readonly folder: string;
  readonly identity: Identity;
  readonly clock: Pick<Clock, 'nowMs'>;
}

export class SiteLedger {
  readonly #options: SiteLedgerOptions;
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();
  /** As of the last entry of this process. */
  #known: { readonly head: LedgerHead; readonly bytes: number } | undefined;

  constructor(options: SiteLedgerOptions) {
    this.#options = options;
    this.#path = join(options.folder, LEDGER_FILE);
  }

  /** Where it stands after the last entry of this process; undefined before there is one. */
  get head(): LedgerAnchor | undefined {
    const head = this.#known?.head;
    return head && { entries: head.seq, hash: head.prevHash };
  }

  /**
   * One entry at a time, in the order of the calls.
   * @throws StorageError when it cannot be written, or when the ledger has been changed
   */
  enter(event: SiteAct, actor: Actor = 'agent'): Promise<void> {
    const lock = join(this.#options.folder, 'ledger.lock');
    const work = this.#last.then(() => withLock(lock, () => this.#append(event, actor)));
    this.#last = work.catch(() => undefined);
    return work;
  }

  async #append(event: SiteAct, actor: Actor): Promise<void> {
    const file = await open(this.#path, 'a+', 0o600).catch((cause: unknown) => {
      throw this.#unwritable(cause);
    });
    try {
      const { size } = await file.stat();
      const { head, repair, bytes } =
        this.#known?.bytes === size ? { ...this.#known, repair: undefined } : await this.#look(size);
      if (repair) await file.truncate(bytes);
      let at = head;
      let text = '';
      const add = (act: SiteAct, by: Actor): void => {
        const time = new Date(this.#options.clock.nowMs()).toISOString();
        const next = nextLine(at, { time, actor: by, event: act }, this.#options.identity);
        text += `${next.line}\n`;
        at = next.head;
      };
      if (repair) add(repair, 'agent');
      add(event, actor);
      const added = Buffer.from(text, 'utf8');
      await file.appendFile(added);
      await file.datasync();
      this.#known = { head: at, bytes: bytes + added.byteLength };
    } catch (cause) {
      this.#known = undefined;
      if (cause instanceof StorageError) throw cause;
      throw this.#unwritable(cause);
    } finally {
      await file.close();
    }
  }

  /** Somebody else has written, or nobody has looked yet. */
  async #look(size: number): Promise<{
    readonly head: LedgerHead;
    readonly bytes: number;
    readonly repair: SiteAct | undefined;
  }> {
    const { folder, identity } = this.#options;
    const { head, fault, tail } = await readLedger(folder, identity.publicKey);
    if (fault)
      throw new StorageError(
        `${this.#path}: line ${String(fault.line)} ${fault.what}; nothing is added to a ledger that was changed: restore it from a backup, or keep it as evidence and move it away`,
      );
    const repair: SiteAct | undefined = tail && {
      ...{ kind: 'repaired', lostBytes: tail.byteLength, lostHash: sha512Hex(tail) },
    };
    return { head, bytes: size - (tail?.byteLength ?? 0), repair };
  }

  #unwritable(cause: unknown): StorageError {
    return new StorageError(
      `${this.#path} cannot be written: ${messageOf(cause)}; without its ledger the site sends nothing`,
      { cause },
    );
  }
}
