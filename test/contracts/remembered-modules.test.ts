import './remembered-modules.ts';
import { expect, it } from 'vitest';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { randomSeed } from '../../shared/crypto/random.ts';
import { restartSecrets } from './remembered-crypto.ts';

it('puts itself in the place of the primitives, also for those who use them', () => {
  restartSecrets();
  const [seed, { publicKey }] = [randomSeed(), createIdentity()];
  restartSecrets();
  expect(randomSeed()).toEqual(seed);
  expect(createIdentity().publicKey).toEqual(publicKey);
  expect(randomSeed()).not.toEqual(seed);
});
