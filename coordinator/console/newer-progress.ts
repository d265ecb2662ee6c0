/** Which of two tellings of a running round is the newer one. */
import type { Progress } from '../http/api/round-views.ts';

/**
 * Of what was asked for and what was told, the newer. A run between two rounds answers null: what was told before that
 * belongs to a round that has ended.
 * @param askedAtMs when the server answered, by its clock
 */
export function newerProgress(
  asked: Progress | null,
  askedAtMs: number,
  told: Progress | undefined,
): Progress | undefined {
  return told && told.serverNowMs > askedAtMs ? told : (asked ?? undefined);
}
