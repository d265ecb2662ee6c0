/**
 * The model file that a plan starts from, and how long the vectors of a round are: what is frozen is neither sent nor
 * masked nor aggregated, so that the lengths follow from the plan and the round alone.
 */
import { z } from 'zod';
import { DEFAULT_ONNX_LIMITS } from '../learning/graph/onnx-limits.ts';
import { hexOf } from './hex.ts';

/** A part of a model's weights has at most so many values. */
export const MAX_PARAMETERS = 1_000_000_000;

/** Parameters by name, `*` standing for any characters. */
const patternsSchema = z.array(z.string().min(1).max(200)).max(100);

/** What a person says of a file that training starts from. */
export const transferRulesSchema = z.strictObject({
  /** Parameters that keep their values. */
  freeze: patternsSchema.default([]),
  /** From this round on nothing is frozen. Absent: never. */
  unfreezeAtRound: z.int().min(2).max(100_000).optional(),
  /** Factor on the learning rate of everything but the head. */
  bodyRateFactor: z.number().positive().max(100).default(1),
});

export const initialModelSchema = z.strictObject({
  ...transferRulesSchema.shape,
  /** SHA-512 of the ONNX file: sites fetch it by this name and use no other. */
  sha512: hexOf(64),
  byteLength: z.int().min(1).max(DEFAULT_ONNX_LIMITS.fileBytes),
  /** Weights that are not frozen at the beginning: the length of what sites send before `unfreezeAtRound`. */
  trainableCount: z.int().min(1).max(MAX_PARAMETERS),
});
export type InitialModel = z.infer<typeof initialModelSchema>;

interface Lengths {
  readonly parameterCount: number;
  readonly initialModel?: InitialModel | undefined;
  readonly federation: { readonly rounds: number };
}

/** Why the rules contradict themselves in a run of so many rounds; undefined when they do not. */
export function transferConflict(
  { freeze, unfreezeAtRound }: z.infer<typeof transferRulesSchema>,
  rounds: number,
): string | undefined {
  if (unfreezeAtRound === undefined) return undefined;
  if (freeze.length === 0) return 'unfreezeAtRound needs freeze: nothing is frozen';
  return unfreezeAtRound > rounds
    ? `unfreezeAtRound is after the last round, ${String(rounds)}: leave it out`
    : undefined;
}

/** The same of a whole plan. */
export function initialModelConflict({
  parameterCount,
  initialModel,
  federation,
}: Lengths): string | undefined {
  if (!initialModel) return undefined;
  const { freeze, trainableCount } = initialModel;
  const contradiction = transferConflict(initialModel, federation.rounds);
  if (contradiction !== undefined) return contradiction;
  if (freeze.length === 0 ? trainableCount !== parameterCount : trainableCount >= parameterCount)
    return 'trainableCount does not fit freeze and parameterCount';
  return undefined;
}

/** What of a plan says how long its vectors are. */
export type VectorPlan = Pick<Lengths, 'parameterCount' | 'initialModel'>;

/** Values of the weights that take part in a round: length of the model that is sent and of an update's delta. */
export function vectorLengthOf({ parameterCount, initialModel }: VectorPlan, round: number): number {
  if (!initialModel) return parameterCount;
  const { unfreezeAtRound, trainableCount } = initialModel;
  return unfreezeAtRound !== undefined && round >= unfreezeAtRound ? parameterCount : trainableCount;
}
