/**
 * Somebody's wish that a run waits. It takes effect between two rounds: what the sites have begun to train is not
 * thrown away, and nothing is announced until the run is resumed.
 */
export class PauseSwitch {
  #isPaused = false;
  #waiting: (() => void)[] = [];

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when the run may go on, or when `signal` comes; at once when it is not paused. */
  whenResumed(signal?: AbortSignal): Promise<void> {
    if (!this.#isPaused || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
