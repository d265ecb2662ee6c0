/**
 * FedAvgM: Hsu, Qi, Brown 2019, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual
 * Classification", §4.2: v ← β·v + Δ, w ← w + η·v. Their Δ has the other sign; η is 1 in the paper.
 */

/** The velocity v after a round whose mean update is `meanDelta`; float64, so that β = 0 keeps every bit of it. */
export function nextVelocity(velocity: Float64Array, meanDelta: Float64Array, beta: number): Float64Array {
  return velocity.map((v, i) => beta * v + (meanDelta[i] ?? 0));
}
