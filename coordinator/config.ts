/** What an administrator writes down for the coordinator: `coordinator.yaml` in its folder. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { createAgreementKeyPair, type AgreementKeyPair } from '../shared/crypto/agreement.ts';
import { fromHex, toHex } from '../shared/crypto/bytes.ts';
import { fingerprintOf } from '../shared/crypto/fingerprint.ts';
import { identityFromSeed, type Identity } from '../shared/crypto/identity.ts';
import { randomSeed } from '../shared/crypto/random.ts';
import { InputError, messageOf } from '../shared/errors.ts';
import { problemsOf, readYamlFile } from '../shared/yaml-file.ts';

export const DEFAULT_PORT = 8443;
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

export const coordinatorConfigSchema = z
  .strictObject({
    /** Where the coordinator listens. */
    host: z.string().min(1).max(253).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(DEFAULT_PORT),
    /** How sites reach it; stands in every invitation. */
    url: z.url({ protocol: /^https?$/ }),
    /** PEM files. Without them the coordinator speaks plain HTTP: on loopback, or behind a proxy that does TLS. */
    tls: z.strictObject({ certificate: z.string().min(1), key: z.string().min(1) }).optional(),
    /** Plain HTTP beyond loopback: only where a proxy in front of it does TLS. */
    behindTlsProxy: z.boolean().default(false),
    /** Images that global models are judged with: `folder:…`, `table:…`, `npz:…`. */
    validation: z.string().min(1).optional(),
  })
  .refine((config) => config.tls !== undefined || config.behindTlsProxy || LOOPBACK.includes(config.host), {
    path: ['tls'],
    error:
      'without TLS the coordinator listens on loopback only: give certificate and key, or set behindTlsProxy where a proxy does TLS',
  });
export type CoordinatorConfig = z.infer<typeof coordinatorConfigSchema>;

const keysSchema = z.strictObject({
  /** Seed of the federation's Ed25519 key. */
  seed: z.string().regex(/^[0-9a-f]{64}$/),
  /** X25519. */
  boxPublicKey: z.string().regex(/^[0-9a-f]{64}$/),
  boxSecretKey: z.string().regex(/^[0-9a-f]{64}$/),
});

const environmentSchema = z.object({
  DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, 'expected postgres://user:password@host/database')
    .optional(),
  CONSILIUM_METRICS_TOKEN: z.string().min(32, 'expected 32 characters or more').optional(),
});

export interface Secrets {
  /** Who shows it may read the counters; undefined: programs on this machine only. */
  readonly metricsToken: string | undefined;
}

/** @throws InputError naming the variable that cannot be used */
function readEnvironment(): z.infer<typeof environmentSchema> {
  const parsed = environmentSchema.safeParse(process.env);
  if (!parsed.success) throw new InputError(problemsOf(parsed.error));
  return parsed.data;
}

/** From the environment. @throws InputError naming the variable that cannot be used */
export function readSecrets(): Secrets {
  const metricsToken = readEnvironment().CONSILIUM_METRICS_TOKEN;
  // What is written down of it, by accident, is that it is there.
  const secrets = { toJSON: () => ({ metricsToken: metricsToken === undefined ? 'none' : 'set' }) };
  return Object.defineProperty({ ...secrets, metricsToken }, 'metricsToken', { enumerable: false });
}

/** Everything of one coordinator is in one folder: back it up as a whole. */
export interface CoordinatorFolder {
  readonly path: string;
  readonly config: CoordinatorConfig;
  readonly identity: Identity;
  readonly boxKeys: AgreementKeyPair;
  /** Names the federation: the fingerprint of its key, without spaces. */
  readonly federationId: string;
  /** A file of this folder, or the postgres:// URL of DATABASE_URL. */
  readonly database: string;
  readonly models: string;
  /** Where runs stand. */
  readonly runs: string;
}

const CONFIG_FILE = 'coordinator.yaml';
const KEYS_FILE = 'keys.json';

const COMMENT = `# Consilium coordinator. Every field is checked when the coordinator starts.
# host, port: where it listens.   url: how hospitals reach it.
# tls: { certificate: file.pem, key: file.pem }
# validation: images that global models are judged with, e.g. folder:/data/validation
# behindTlsProxy: true where a proxy on this machine does TLS; its X-Forwarded-For is then believed.
# Secrets stand in the environment: DATABASE_URL (postgres://…; without it the database is a file of this folder) and
# CONSILIUM_METRICS_TOKEN (32 characters or more: who shows it as bearer token may read /metrics; without it only
# programs on this machine may, and nobody behind a proxy).
`;

/** Makes the folder with fresh keys. @throws InputError when there is a coordinator already */
export function initCoordinator(path: string, config: CoordinatorConfig): CoordinatorFolder {
  if (existsSync(join(path, KEYS_FILE)))
    throw new InputError(
      `${path} holds a coordinator already; choose another folder, or remove it with all its keys`,
    );
  const box = createAgreementKeyPair();
  const keys = {
    seed: toHex(randomSeed()),
    boxPublicKey: toHex(box.publicKey),
    boxSecretKey: toHex(box.secretKey),
  };
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(path, CONFIG_FILE), COMMENT + stringify(config));
    // Last, and only when there is none: whoever finds it finds a complete folder.
    writeFileSync(join(path, KEYS_FILE), `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new InputError(`the folder ${path} cannot be made: ${messageOf(cause)}`, { cause });
  }
  return openCoordinatorFolder(path);
}

/** @throws InputError naming the file and the field that is wrong */
export function openCoordinatorFolder(path: string): CoordinatorFolder {
  const help = `\`consilium coordinator init --dir ${path}\` makes a coordinator`;
  const keys = readYamlFile('key', join(path, KEYS_FILE), keysSchema, help);
  const config = readYamlFile('configuration', join(path, CONFIG_FILE), coordinatorConfigSchema, help);
  const identity = identityFromSeed(fromHex(keys.seed));
  return {
    path,
    config,
    identity,
    boxKeys: { publicKey: fromHex(keys.boxPublicKey), secretKey: fromHex(keys.boxSecretKey) },
    federationId: fingerprintOf(identity.publicKey).replaceAll(' ', ''),
    database: readEnvironment().DATABASE_URL ?? join(path, 'coordinator.db'),
    models: join(path, 'models'),
    runs: join(path, 'runs'),
  };
}

/** A path of the configuration, from the folder where that stands. */
export function pathIn(folder: Pick<CoordinatorFolder, 'path'>, file: string): string {
  return resolve(folder.path, file);
}
