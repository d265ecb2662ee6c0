/** From what an attempt, or a transfer in it, came to in the round's words to the words of the run. */
import { InvariantError } from '../../shared/errors.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import type { TransferRefusal } from '../../shared/protocol/transfer-messages.ts';
import type { RoundOutcome } from '../round/interpreter.ts';
import type { AttemptRecord, ValidationResult } from './progress.ts';

/** What the run remembers of an attempt. @throws InvariantError for a published model that nobody has judged */
export function recordOf(
  { round, localValidation, meanLoss, anchors }: RoundOutcome,
  validation: ValidationResult | undefined,
): AttemptRecord {
  const { context, dropped } = round;
  const known = [...anchors]
    .map(([siteId, anchor]) => ({ siteId, ...anchor }))
    .sort((a, b) => (a.siteId < b.siteId ? -1 : 1));
  const anchored = known.length > 0 && { anchors: known };
  const position = { round: context.round, attempt: context.attempt, dropped, ...anchored };
  if (round.phase === 'aborted')
    return { outcome: 'aborted', reason: round.reason, ...(round.spent && { spent: true }), ...position };
  if (round.classCounts) {
    const { survivors, classCounts, unmasked } = round;
    const transcript = unmasked && { transcript: unmasked.transcript };
    return { outcome: 'counted', survivors, classCounts, ...transcript, ...position };
  }
  if (!validation) throw new InvariantError('a round was published without an evaluation');
  const { survivors, newModelHash, unmasked } = round;
  const optional = {
    ...(localValidation && { localValidation }),
    ...(meanLoss !== undefined && { meanLoss }),
    ...(unmasked && { transcript: unmasked.transcript }),
  };
  return { outcome: 'published', modelHash: newModelHash, survivors, validation, ...optional, ...position };
}

/** What a breach of the rules of transfer is to the round. */
export function dropReasonOf(reason: TransferRefusal): DropReason {
  switch (reason) {
    case 'too-long':
    case 'too-many-bytes':
    case 'chunk-too-large':
      return 'oversize';
    case 'too-short':
      return 'wrong-shape';
    case 'malformed':
    case 'wrong-offset':
    case 'overlap':
    case 'empty-chunk':
      return 'malformed';
  }
}
