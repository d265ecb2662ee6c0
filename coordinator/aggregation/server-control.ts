/**
 * The server's control variate of SCAFFOLD: Karimireddy et al. 2020, "SCAFFOLD: Stochastic Controlled Averaging for
 * Federated Learning", Algorithm 1, line 17: c ← c + |S|/N · mean of Δcᵢ over the sites S of the round, of N enrolled.
 *
 * The mean is weighted by examples as that of the model, so that with all sites in every round c is the weighted mean
 * of the sites' cᵢ, the gradient of the pooled loss; with equal counts it is the paper's.
 */

/**
 * @param control c, [parameters]; float32 because it is sent as such and both ends must use the same
 * @param meanDelta weighted mean of Δcᵢ over the round's sites
 * @param share |S|/N, in (0, 1]
 */
export function nextServerControl(
  control: Float32Array,
  meanDelta: Float64Array,
  share: number,
): Float32Array {
  return control.map((c, i) => c + share * (meanDelta[i] ?? 0));
}
