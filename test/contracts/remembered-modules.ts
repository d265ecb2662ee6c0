/**
 * Puts the remembering primitives of `remembered-crypto.ts` in the place of the real ones, for a test file that imports
 * this before all else: modules that are loaded earlier keep what they have.
 */
import { vi } from 'vitest';

vi.mock('../../shared/crypto/ed25519-native.ts', async (load) =>
  (await import('./remembered-crypto.ts')).rememberedEd25519(await load()),
);
vi.mock('../../shared/crypto/x25519-native.ts', async (load) =>
  (await import('./remembered-crypto.ts')).rememberedX25519(await load()),
);
vi.mock('../../shared/crypto/sealed-box.ts', async (load) =>
  (await import('./remembered-crypto.ts')).rememberedBoxes(await load()),
);
vi.mock('../../shared/secagg/shares.ts', async (load) =>
  (await import('./remembered-crypto.ts')).rememberedShares(await load()),
);
vi.mock('../../shared/crypto/random.ts', async (load) =>
  (await import('./remembered-crypto.ts')).repeatedRandom(await load()),
);
