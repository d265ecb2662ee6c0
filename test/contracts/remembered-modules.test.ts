import './remembered-modules.ts';
import { expect, it } from 'vitest';
import { newSecrets } from '../../client/session/round-secrets.ts';
import { secureRandom } from '../../shared/crypto/random.ts';
import { contextOf, planOf } from '../coordinator/fixtures.ts';
import { restartSecrets } from './remembered-crypto.ts';

const context = contextOf(planOf());

it('puts itself in the place of the primitives, also for those who use them', () => {
  restartSecrets();
  const [bytes, secrets] = [secureRandom(32), newSecrets(context)];
  restartSecrets();
  expect(secureRandom(32)).toEqual(bytes);
  expect(newSecrets(context)).toEqual(secrets);
  expect(secureRandom(32)).not.toEqual(bytes);
});
