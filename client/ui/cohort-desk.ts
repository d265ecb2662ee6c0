/** The site's images for its page: the last scan, a new one while people watch, and a few samples. */
import type { Clock } from '../../shared/clock.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { messageOf } from '../../shared/errors.ts';
import { readManifest, scanCohort, writeManifest, type CohortManifest } from '../cohort/scan.ts';
import type { SiteFolder } from '../config.ts';
import { PageRefusal } from './refusal.ts';
import { Samples } from './samples.ts';
import type { DataView, PageRole, SamplesView } from './views.ts';

/** A page shows no more; the manifest has them all. */
const MAX_REJECTED = 500;

interface Scan {
  readonly isRunning: boolean;
  readonly done: number | null;
  readonly total: number | null;
  readonly problem: string | null;
}

const NO_SCAN: Scan = { isRunning: false, done: null, total: null, problem: null };

export class CohortDesk {
  readonly #folder: SiteFolder;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #changed: () => void;
  readonly #samples = new Samples();
  readonly #end = new AbortController();
  #scan: Scan = NO_SCAN;
  #work: Promise<void> = Promise.resolve();

  /** `changed`: called when a scan has ended or gone on. */
  constructor(folder: SiteFolder, clock: Pick<Clock, 'nowMs'>, changed: () => void) {
    this.#folder = folder;
    this.#clock = clock;
    this.#changed = changed;
  }

  async view(role: PageRole): Promise<DataView> {
    const source = this.#source() ?? null;
    const read = await this.#manifest();
    const { manifest } = read;
    const isOther = manifest !== undefined && manifest.source !== source;
    const problem = isOther
      ? `the last scan was of ${manifest.source}, the site's data are ${source ?? 'none'} now: scan again`
      : (read.problem ?? null);
    return {
      ...{ source, problem, scan: this.#scan },
      manifest: manifest ? manifestView(manifest, role === 'administrator') : null,
    };
  }

  /** None where the last scan was of other data. @throws DataError when the data cannot be read any more */
  async samples(): Promise<SamplesView> {
    const { manifest } = await this.#manifest();
    const isSame = manifest !== undefined && manifest.source === this.#source();
    return { groups: isSame ? await this.#samples.groups(manifest) : [] };
  }

  /** PNG of one of the samples. @throws PageRefusal for a name that is none */
  async picture(id: string): Promise<Uint8Array> {
    const { manifest } = await this.#manifest();
    const bytes = manifest && (await this.#samples.picture(manifest, id));
    if (!bytes) throw new PageRefusal(404, 'not-found', 'there is no such sample: look at the page again');
    return bytes;
  }

  /** Begins a scan unless one runs. @throws PageRefusal when the site has no data */
  scan(): void {
    if (this.#scan.isRunning) return;
    const source = this.#source();
    if (source === undefined)
      throw new PageRefusal(
        409,
        'no-data',
        `site.yaml in ${this.#folder.path} names no data: write data: folder:/… into it`,
      );
    this.#scan = { ...NO_SCAN, isRunning: true };
    this.#changed();
    this.#work = this.#run(source);
  }

  /** Resolves when nothing is scanned any more. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#work;
  }

  async #run(source: string): Promise<void> {
    let problem: string | null = null;
    try {
      const manifest = await scanCohort(source, {
        nowMs: this.#clock.nowMs(),
        signal: this.#end.signal,
        onProgress: ({ done, total }) => {
          this.#scan = { ...this.#scan, done, total };
          this.#changed();
        },
      });
      await writeManifest(this.#folder.path, manifest);
    } catch (error) {
      problem = messageOf(error);
    }
    this.#scan = { ...NO_SCAN, problem };
    this.#changed();
  }

  #source(): string | undefined {
    const { path, config } = this.#folder;
    return config.data === undefined ? undefined : sourceFrom(path, config.data);
  }

  async #manifest(): Promise<{ readonly manifest?: CohortManifest; readonly problem?: string }> {
    try {
      const manifest = await readManifest(this.#folder.path);
      return manifest ? { manifest } : {};
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }
}

function manifestView(manifest: CohortManifest, mayLook: boolean): DataView['manifest'] {
  const { time, imageCount, patientCount, synthetic, digest, files, classes, rejected } = manifest;
  return {
    ...{ time, imageCount, patientCount, synthetic, digest, classes },
    fileCount: files.length,
    rejectedCount: rejected.length,
    rejected: rejected
      .slice(0, MAX_REJECTED)
      .map(({ file, reason }) => ({ file: mayLook ? file : null, reason })),
  };
}
