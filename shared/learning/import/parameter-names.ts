/** Names for the parameters of an imported model: the file's, as far as they are readable and free. */

/** Inputs and outputs of the graphs that are derived from a model. */
const RESERVED = new Set([
  ...['images', 'targets', 'sampleWeights', 'logits', 'probabilities', 'loss', 'exampleNorms'],
]);
const RESERVED_PREFIX = /^(?:mask|gradient|statistics):/;
const LONGEST = 120;

/** Printable, of bounded length, not reserved and not taken. */
export function parameterName(wanted: string, isTaken: (name: string) => boolean): string {
  const plain = wanted.replaceAll(/[^\x21-\x7e]+/g, '_').slice(0, LONGEST);
  const stem =
    plain === '' || RESERVED.has(plain) || RESERVED_PREFIX.test(plain) ? `parameter.${plain}` : plain;
  if (!isTaken(stem)) return stem;
  for (let number = 2; ; number++) {
    const name = `${stem}#${String(number)}`;
    if (!isTaken(name)) return name;
  }
}
