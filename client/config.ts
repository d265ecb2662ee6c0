/** What a hospital writes down for its agent: everything is in one folder, and the private key never leaves it. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument, stringify } from 'yaml';
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
import { createMemory } from './session/session-memory.ts';
import { isSafeUrl, URL_FAULT } from './transport/coordinator-url.ts';

const siteConfigSchema = z.strictObject({
  siteId: siteIdSchema,
  coordinator: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).refine(isSafeUrl, URL_FAULT),
    federationId: z.string().min(1).max(200),
    /** Ed25519, hexadecimal; compared with the invitation's fingerprint when the site joined. */
    key: z.string().regex(/^[0-9a-f]{64}$/),
    /** PEM file of the authority that signed the coordinator's certificate, where the system does not know it. */
    authority: z.string().min(1).optional(),
  }),
  /** Images with labels on this machine: `folder:…`, `table:…`, `npz:…`. */
  data: z.string().min(1).optional(),
  engine: z.enum(['auto', 'onnx', 'onnx-webgpu', 'onnx-cuda', 'onnx-wasm']).default('onnx'),
  /** The site's own page, on 127.0.0.1 only. Absent: shown, on any free port. */
  page: z
    .strictObject({ enabled: z.boolean().default(true), port: z.int().min(0).max(65_535).default(0) })
    .optional(),
});
export type SiteConfig = z.infer<typeof siteConfigSchema>;

/** A site that has not joined yet has no name and no coordinator. */
const siteDraftSchema = siteConfigSchema.partial({ siteId: true, coordinator: true });
export type SiteDraft = z.infer<typeof siteDraftSchema>;

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

const CONFIG_COMMENT = `# Consilium site agent. Every field is checked when the agent starts; an unknown one is an error.
# siteId, coordinator: written by \`consilium site enroll <invitation>\`
# coordinator.authority: PEM file of the authority of the coordinator's certificate, where the system does not know it
# data: images with labels on this machine: folder:/data/x-ray (one folder a class), table:/data/labels.csv, npz:/data/images.npz
# engine: auto, onnx, onnx-webgpu, onnx-cuda or onnx-wasm; \`consilium site doctor\` says which work here
# page: { enabled: true, port: 0 }: the site's own page, on this machine only; port 0 is any that is free
# The way out: HTTPS_PROXY and NO_PROXY in the environment of the agent, as for curl.
`;
const POLICY_COMMENT = `# What this hospital allows. It wins over every plan; what is not allowed here does not happen.
# approvedPlans: hashes of plans, written by \`consilium site approve\`
# minimumCohort: the site takes no part in a smaller round
# smallCohortAcknowledged: true to take part in rounds of three or four sites, whose sum says much about each
# minimumThreshold: so many sites at least must agree before anything of this site is unmasked
# rosterHash: the one list of sites that is accepted; without it, the one of the last \`consilium site approve\`
# twoPersonApproval: true: a plan holds only when two people have approved it, each on their own link of the site's page
# ledgerCounts: how the ledger counts the images that were trained on: exact, span (10-99, 100-999, …) or none
# disclosedCounts: how the coordinator's people are told of the images here: exact (with each class), span or none
# disclosesDecisions, disclosesProgram: false where they are not told what was decided about plans, or what runs here
# The agent reads this file again before every round. It must belong to the agent's account, and nobody else may write to it:
# a file that cannot be read, has an unknown field or wrong permissions allows nothing.
`;

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new InputError(`the folder ${path} cannot be made: ${messageOf(cause)}`, { cause });
  }
}

/** The key of this folder, made when there is none: so that a repeated attempt to join has the same key. */
export function siteIdentity(path: string): Identity {
  const file = join(path, FILES.key);
  makeFolder(path);
  try {
    if (!existsSync(file))
      writeFileSync(file, `${JSON.stringify({ seed: toHex(randomSeed()) })}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new InputError(`${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
  return identityFromSeed(fromHex(readYamlFile('key', file, keySchema).seed));
}

/** Before the site has joined a federation, and of one that has. @throws InputError for a file that is wrong */
export function readDraft(path: string): SiteDraft | undefined {
  const file = join(path, FILES.config);
  return existsSync(file) ? readYamlFile('configuration', file, siteDraftSchema) : undefined;
}

/** Whether people have written down already what the site allows. */
export const hasPolicy = (path: string): boolean => existsSync(join(path, FILES.policy));

export function isEnrolled(path: string): boolean {
  return readDraft(path)?.coordinator !== undefined;
}

/**
 * Configuration and policy to be read by people before the site joins. Returns the files that were written.
 * @throws InputError when one of them is there already: nothing is overwritten
 */
export async function initSite(
  path: string,
  draft: SiteDraft,
  policy: SitePolicy,
): Promise<readonly string[]> {
  const files = [join(path, FILES.config), join(path, FILES.policy)] as const;
  for (const file of files)
    if (existsSync(file)) throw new InputError(`${file} is there already; nothing was written`);
  makeFolder(path);
  await writeText(files[1], POLICY_COMMENT + stringify(policy));
  await writeText(files[0], CONFIG_COMMENT + stringify(draft));
  return files;
}

/** After the coordinator has taken the site in. What people have written into the files stays. */
export async function writeSite(path: string, config: SiteConfig, policy: SitePolicy): Promise<void> {
  // Before the configuration, by which the folder counts as a site's: from then on a site without memory is a fault.
  await createMemory(path);
  const policyFile = join(path, FILES.policy);
  if (!existsSync(policyFile)) await writeText(policyFile, POLICY_COMMENT + stringify(policy));
  const file = join(path, FILES.config);
  if (!existsSync(file)) {
    await writeText(file, CONFIG_COMMENT + stringify(config));
    return;
  }
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [field, value] of Object.entries(config)) document.set(field, value);
  await writeText(file, document.toString());
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

/** @throws InputError: a policy that cannot be read, or that others can change, allows nothing */
export function readPolicy({ path }: Pick<SiteFolder, 'path'>): SitePolicy {
  const file = join(path, FILES.policy);
  const policy = readYamlFile('policy', file, sitePolicySchema);
  if (isOpenToOthers(file, 0o022))
    throw new InputError(
      `policy ${file} can be changed by other accounts of this machine: \`chmod 600 ${file}\`, after looking at what it says`,
    );
  return policy;
}

/** Whether a file's permissions allow any of `bits` (0o077: anything to group and others). */
export function isOpenToOthers(file: string, bits: number): boolean {
  // Windows has no such bits.
  return process.platform !== 'win32' && (statSync(file).mode & bits) !== 0;
}

export const keyFileOf = ({ path }: Pick<SiteFolder, 'path'>): string => join(path, FILES.key);

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
