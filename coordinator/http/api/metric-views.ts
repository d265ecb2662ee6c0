/** Figures of a model on the coordinator's images, as people are shown them. */
import { z } from 'zod';
import {
  storedEvaluationSchema,
  type estimateSchema,
  type metricsSchema,
} from '../../storage/stored-evaluation.ts';

export type EstimateView = z.infer<typeof estimateSchema>;
export type MetricsView = z.infer<typeof metricsSchema>;

export const evaluationSchema = storedEvaluationSchema.extend({ round: z.int().min(0) });
export type EvaluationView = z.infer<typeof evaluationSchema>;
