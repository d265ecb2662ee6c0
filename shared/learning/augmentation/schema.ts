/**
 * What augmentation may do to a training image, and presets by modality. Every default is the identity.
 *
 * Ranges are symmetric around the identity and drawn uniformly, anew for each image. Intensities are relative
 * to the image's own range (largest minus smallest value), so that the same numbers serve images in 0…1 and
 * z-scored ones.
 */
import { z } from 'zod';

export const augmentationSchema = z.strictObject({
  /** Rotation in ± this angle. */
  rotationDegrees: z.number().min(0).max(180).default(0),
  /** Shift in ± this fraction of the width and of the height, each drawn by itself. */
  shiftFraction: z.number().min(0).max(0.5).default(0),
  /** Magnification in 1 − f … 1 + f. */
  zoomFraction: z.number().min(0).max(0.9).default(0),
  /** Mirrors left and right in half of the images; to be left off where laterality matters. */
  flipLeftRight: z.boolean().default(false),
  flipUpDown: z.boolean().default(false),
  /** Added intensity in ± this fraction of the image's range. */
  brightness: z.number().min(0).max(1).default(0),
  /** Distance from the image's mean is multiplied by 1 − c … 1 + c. */
  contrast: z.number().min(0).max(0.9).default(0),
  /** Exponent on the image's relative intensity in 1/(1+g) … 1+g, uniform in its logarithm. */
  gamma: z.number().min(0).max(3).default(0),
  /** Standard deviation of Gaussian noise, up to this fraction of the image's range. */
  noiseStdDev: z.number().min(0).max(1).default(0),
  /** Standard deviation of a Gaussian blur, up to this many pixels. */
  blurStdDevPixels: z.number().min(0).max(5).default(0),
  /** Side of a square that is replaced by the image's mean, up to this fraction of the smaller side. */
  cutoutFraction: z.number().min(0).max(0.9).default(0),
  /** Probability of each of noise, blur and cut-out in an image, each drawn by itself. */
  corruptionProbability: z.number().min(0).max(1).default(0.3),
});
export type Augmentation = z.infer<typeof augmentationSchema>;

export const AUGMENTATION_PRESETS = ['none', 'xray', 'ultrasound', 'dermatoscopy', 'ct'] as const;
export type AugmentationPreset = (typeof AUGMENTATION_PRESETS)[number];

/** The settings behind a preset's name. */
export function augmentationPreset(name: AugmentationPreset): Augmentation {
  switch (name) {
    case 'none':
      return augmentationSchema.parse({});
    case 'xray':
      // No flip: the heart is on one side. Small rotations: the patient stands upright.
      return augmentationSchema.parse({
        rotationDegrees: 8,
        shiftFraction: 0.06,
        zoomFraction: 0.1,
        brightness: 0.08,
        contrast: 0.15,
      });
    case 'ultrasound':
      // Shadows fall away from the probe, so nothing is turned upside down; gain varies between devices.
      return augmentationSchema.parse({
        rotationDegrees: 10,
        shiftFraction: 0.08,
        zoomFraction: 0.1,
        flipLeftRight: true,
        brightness: 0.05,
        contrast: 0.15,
        gamma: 0.2,
      });
    case 'dermatoscopy':
      // A lesion has no up and no left; both flips and a modest rotation lose less than large rotations.
      return augmentationSchema.parse({
        rotationDegrees: 20,
        shiftFraction: 0.08,
        zoomFraction: 0.12,
        flipLeftRight: true,
        flipUpDown: true,
        brightness: 0.05,
        contrast: 0.1,
      });
    case 'ct':
      // No flip: organs have sides. Intensities are calibrated (Hounsfield), so they hardly move.
      return augmentationSchema.parse({
        rotationDegrees: 10,
        shiftFraction: 0.06,
        zoomFraction: 0.1,
        brightness: 0.02,
        contrast: 0.05,
        noiseStdDev: 0.02,
      });
  }
}
