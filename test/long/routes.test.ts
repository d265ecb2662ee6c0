import { expect, it } from 'vitest';
import { createApiWorld } from '../coordinator/http/api-world.ts';
import { rngOf } from '../fuzz/mutate.ts';
import { attemptOf, faultOfAnswer, RawClient, targetsOf } from '../fuzz/routes.ts';

const FIRST_SEED = 1_000_000;
const REQUESTS = 20_000;

it(`no route fails for a stranger's ${String(REQUESTS)} damaged requests`, async () => {
  const world = await createApiWorld({ behindTlsProxy: true, url: 'https://consilium.test' });
  const address = world.server.address();
  const client = new RawClient(typeof address === 'object' && address !== null ? address.port : 0);
  try {
    const targets = await targetsOf(world);
    for (let seed = FIRST_SEED; seed < FIRST_SEED + REQUESTS; seed++) {
      const target = targets[seed % targets.length];
      if (!target) continue;
      const attempt = attemptOf(target, [], rngOf(seed));
      const fault = faultOfAnswer(await client.send(attempt), attempt.method);
      expect(fault && `seed ${String(seed)}: ${attempt.method} ${attempt.path}: ${fault}`).toBeUndefined();
      world.reports.length = 0;
    }
    expect(world.errors).toEqual([]);
  } finally {
    client.close();
    await world.close();
  }
});
