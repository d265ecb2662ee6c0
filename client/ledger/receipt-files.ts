/** The receipts of a site: a file a round, below its folder. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { receiptFault, receiptSchema, type Receipt } from './receipt.ts';

const folderOf = (siteFolder: string): string => join(siteFolder, 'receipts');

/** `text`: the same for people, in a file beside; nobody's program reads it. */
export async function writeReceipt(siteFolder: string, receipt: Receipt, text: string): Promise<void> {
  const { runId, round } = receipt.evidence.context;
  const folder = folderOf(siteFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A run's name has no dot.
  const name = join(folder, `${runId}.${String(round).padStart(6, '0')}`);
  const utf8 = new TextEncoder();
  await writeAtomically(`${name}.json`, utf8.encode(`${JSON.stringify(receipt, undefined, 2)}\n`));
  await writeAtomically(`${name}.txt`, utf8.encode(`${text}\n`));
}

export interface CheckedReceipt {
  readonly file: string;
  /** Undefined when the file is no receipt. */
  readonly receipt?: Receipt;
  /** What is wrong with it. */
  readonly fault?: string;
}

/** Sorted by run and round. */
export async function readReceipts(
  siteFolder: string,
  coordinatorKey: Uint8Array,
): Promise<readonly CheckedReceipt[]> {
  const folder = folderOf(siteFolder);
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new StorageError(`${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(files.map((file) => checked(folder, file, coordinatorKey)));
}

async function checked(folder: string, file: string, coordinatorKey: Uint8Array): Promise<CheckedReceipt> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(folder, file), 'utf8'));
  } catch (error) {
    return { file, fault: messageOf(error) };
  }
  const parsed = receiptSchema.safeParse(value);
  if (!parsed.success) return { file, fault: 'is no receipt of this version' };
  const receipt = parsed.data;
  const fault = receiptFault(receipt, coordinatorKey);
  return { file, receipt, ...(fault !== undefined && { fault }) };
}
