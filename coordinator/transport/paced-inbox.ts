/**
 * Hands over what sites send piece by piece, with a turn of the event loop in between. Five hundred answers arrive within
 * a moment, and each costs a flush of the disk: heeded in one go they would keep the coordinator from its heartbeats for
 * so long that it would take its own silence for theirs.
 */
import { nextTurn } from '../../shared/next-turn.ts';

interface Piece<Owner> {
  readonly owner: Owner;
  readonly bytes: number;
  readonly heed: () => void;
}

export class PacedInbox<Owner> {
  readonly #maxBytes: number;
  readonly #queue: Piece<Owner>[] = [];
  readonly #bytesOf = new Map<Owner, number>();
  #isBusy = false;

  /** @param maxBytes that wait of one owner */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** In the order of the calls, at once when nothing waits. What has no bytes is always taken. False, and nothing is kept, when there is too much of this owner already. */
  add(owner: Owner, bytes: number, heed: () => void): boolean {
    const waiting = this.#bytesOf.get(owner) ?? 0;
    if (bytes > 0 && waiting > 0 && waiting + bytes > this.#maxBytes) return false;
    this.#bytesOf.set(owner, waiting + bytes);
    this.#queue.push({ owner, bytes, heed });
    if (!this.#isBusy) void this.#work();
    return true;
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let piece = this.#queue.shift(); piece; piece = this.#queue.shift()) {
      const { owner, bytes, heed } = piece;
      const left = (this.#bytesOf.get(owner) ?? 0) - bytes;
      if (left > 0) this.#bytesOf.set(owner, left);
      else this.#bytesOf.delete(owner);
      heed();
      await nextTurn();
    }
    this.#isBusy = false;
  }
}
