/** What a hospital writes down for its agent: everything is in one folder, and the private key never leaves it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { writeAtomically } from '../shared/atomic-file.ts';
import { fromHex, toHex } from '../shared/crypto/bytes.ts';
import { identityFromSeed, type Identity } from '../shared/crypto/identity.ts';
import { randomSeed } from '../shared/crypto/random.ts';
import { InputError, messageOf } from '../shared/errors.ts';
import { siteIdSchema } from '../shared/ids.ts';
import { signedRosterSchema, type SignedRoster } from '../shared/protocol/roster.ts';
import { readYamlFile } from '../shared/yaml-file.ts';
import { sitePolicySchema, type SitePolicy } from './session/policy.ts';

export const siteConfigSchema = z.strictObject({
  siteId: siteIdSchema,
  coordinator: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    federationId: z.string().min(1).max(200),
    /** Ed25519, hexadecimal; compared with the invitation's fingerprint when the site joined. */
    key: z.string().regex(/^[0-9a-f]{64}$/),
    /** PEM file of the authority that signed the coordinator's certificate, where the system does not know it. */
    authority: z.string().min(1).optional(),
  }),
  /** Images with labels on this machine: `folder:…`, `table:…`, `npz:…`. */
  data: z.string().min(1).optional(),
  engine: z.enum(['auto', 'onnx', 'onnx-webgpu', 'onnx-cuda', 'onnx-wasm']).default('onnx'),
});
export type SiteConfig = z.infer<typeof siteConfigSchema>;

const keySchema = z.strictObject({ seed: z.string().regex(/^[0-9a-f]{64}$/) });

export interface SiteFolder {
  readonly path: string;
  readonly config: SiteConfig;
  readonly identity: Identity;
}

const FILES = {
  config: 'site.yaml',
  key: 'identity.json',
  policy: 'policy.yaml',
  roster: 'roster.json',
} as const;

const CONFIG_COMMENT = `# Consilium site agent. Every field is checked when the agent starts.
# data: images with labels on this machine: folder:/data/x-ray (one folder a class), table:/data/labels.csv, npz:/data/images.npz
`;
const POLICY_COMMENT = `# What this hospital allows. It wins over every plan; what is not allowed here does not happen.
# approvedPlans: hashes of plans, written by \`consilium site approve\`
# minimumCohort: the site takes no part in a smaller round
# smallCohortAcknowledged: true to take part in rounds of three or four sites, whose sum says much about each
`;

/** The key of this folder, made when there is none: so that a repeated attempt to join has the same key. */
export function siteIdentity(path: string): Identity {
  const file = join(path, FILES.key);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!existsSync(file))
      writeFileSync(file, `${JSON.stringify({ seed: toHex(randomSeed()) })}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new InputError(`the folder ${path} cannot be made: ${messageOf(cause)}`, { cause });
  }
  return identityFromSeed(fromHex(readYamlFile('key', file, keySchema).seed));
}

export function isEnrolled(path: string): boolean {
  return existsSync(join(path, FILES.config));
}

/** After the coordinator has taken the site in. */
export async function writeSite(path: string, config: SiteConfig, policy: SitePolicy): Promise<void> {
  await writeText(join(path, FILES.policy), POLICY_COMMENT + stringify(policy));
  await writeText(join(path, FILES.config), CONFIG_COMMENT + stringify(config));
}

/** @throws InputError naming the file and the field that is wrong */
export function openSiteFolder(path: string): SiteFolder {
  if (!isEnrolled(path))
    throw new InputError(
      `${path} holds no site; \`consilium site enroll <invitation> --dir ${path}\` makes one`,
    );
  return {
    path,
    config: readYamlFile('configuration', join(path, FILES.config), siteConfigSchema),
    identity: siteIdentity(path),
  };
}

/** @throws InputError: a policy that cannot be read allows nothing */
export function readPolicy({ path }: Pick<SiteFolder, 'path'>): SitePolicy {
  return readYamlFile('policy', join(path, FILES.policy), sitePolicySchema);
}

export async function writePolicy({ path }: Pick<SiteFolder, 'path'>, policy: SitePolicy): Promise<void> {
  await writeText(join(path, FILES.policy), POLICY_COMMENT + stringify(policy));
}

/** The roster that was accepted last; undefined before the first. */
export function readRoster({ path }: Pick<SiteFolder, 'path'>): SignedRoster | undefined {
  const file = join(path, FILES.roster);
  return existsSync(file) ? readYamlFile('roster', file, signedRosterSchema) : undefined;
}

export async function writeRoster({ path }: Pick<SiteFolder, 'path'>, roster: SignedRoster): Promise<void> {
  await writeText(join(path, FILES.roster), `${JSON.stringify(roster, null, 2)}\n`);
}

/** A path of the configuration, from the site's folder. */
export function pathIn({ path }: Pick<SiteFolder, 'path'>, file: string): string {
  return resolve(path, file);
}

const writeText = (file: string, text: string): Promise<void> =>
  writeAtomically(file, new TextEncoder().encode(text));
