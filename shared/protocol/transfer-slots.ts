/** Bounds the memory of payloads that arrive: a fixed number of places and a queue, first come first served. */
export class TransferSlots<Owner> {
  readonly #size: number;
  readonly #taken = new Set<Owner>();
  readonly #queue = new Map<Owner, () => void>();

  /** @param size at least 1 */
  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `start` now or when a place is free. An owner has at most one place or one turn in the queue. */
  claim(owner: Owner, start: () => void): void {
    this.#queue.set(owner, start);
    this.#fill();
  }

  /** Gives the place or the turn back. */
  free(owner: Owner): void {
    this.#queue.delete(owner);
    this.#taken.delete(owner);
    this.#fill();
  }

  waiting(): Iterable<Owner> {
    return this.#queue.keys();
  }

  #fill(): void {
    for (const [owner, start] of this.#queue) {
      if (this.#taken.size >= this.#size) return;
      this.#queue.delete(owner);
      this.#taken.add(owner);
      start();
    }
  }
}
