import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readFolder } from '../../../shared/data/folder-reader.ts';
import type { CollectionProgress } from '../../../shared/data/image-collection.ts';
import { classCounts } from '../../../shared/data/select.ts';
import { readTable } from '../../../shared/data/table-reader.ts';
import { TEST_DATA_REASON, testDataPath } from '../../test-data.ts';
import { withFolder } from './toy.ts';

/** Writes a PNG with a pattern of its own at `path`, making its folders. */
async function picture(path: string, seed = 1, size: readonly [number, number] = [20, 16]): Promise<void> {
  const [width, height] = size;
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * (7 + seed)) % 256);
  await mkdir(dirname(path), { recursive: true });
  await sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(path);
}

async function blank(path: string): Promise<void> {
  await sharp({ create: { width: 20, height: 16, channels: 3, background: '#777' } })
    .png()
    .toFile(path);
}

describe('readFolder', () => {
  it('reads class folders, at any depth, with progress', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'b class', 'x.1.png'), 1);
      await picture(join(folder, 'a', 'deep', 'größe 胸.png'), 2);
      await picture(join(folder, 'a', 'y.png'), 3);
      await writeFile(join(folder, 'a', '.DS_Store'), 'x');
      const seen: CollectionProgress[] = [];
      const { dataset, rejected } = await readFolder(folder, { onProgress: (p) => seen.push(p) });
      expect(dataset.classNames).toEqual(['a', 'b class']);
      expect(Array.from(dataset.labels)).toEqual([0, 0, 1]);
      expect([dataset.height, dataset.width, dataset.channels]).toEqual([16, 20, 1]);
      expect(dataset.patients).toEqual([
        join('a', 'deep', 'größe 胸.png'),
        join('a', 'y.png'),
        join('b class', 'x.1.png'),
      ]);
      expect(Array.from(dataset.pixels.subarray(640, 643))).toEqual([0, 8, 16]);
      expect(rejected).toEqual([]);
      expect(seen.filter(({ phase }) => phase === 'pixels').at(-1)).toEqual({
        phase: 'pixels',
        done: 3,
        total: 3,
      });
    });
  });

  it('collects unusable files with their reasons', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'a', 'good.png'));
      await picture(join(folder, 'b', 'good.png'));
      await picture(join(folder, 'a', 'tiny.png'), 1, [8, 8]);
      await blank(join(folder, 'a', 'blank.png'));
      await writeFile(join(folder, 'a', 'broken.jpg'), 'no image');
      await writeFile(join(folder, 'b', 'notes.txt'), 'x');
      const { dataset, rejected } = await readFolder(folder);
      expect(dataset.count).toBe(2);
      const reasons = new Map(rejected.map(({ file, reason }) => [file, reason]));
      expect(reasons.get(join('a', 'tiny.png'))).toBe('tiny (8×8 pixels; at least 16 a side are needed)');
      expect(reasons.get(join('a', 'blank.png'))).toBe('blank (all pixels are nearly equal)');
      expect(reasons.get(join('a', 'broken.jpg'))).toBe('not a PNG, JPEG, TIFF, WebP or BMP image');
      expect(reasons.get(join('b', 'notes.txt'))).toContain('not an image');
      expect(rejected).toHaveLength(4);
    });
  });

  it('wants a size when the images differ, and keeps 16 bits of any', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'a', '1.png'), 1, [20, 16]);
      await mkdir(join(folder, 'b'));
      await sharp(
        Uint16Array.from({ length: 600 }, (_, i) => i * 100),
        { raw: { width: 30, height: 20, channels: 1 } },
      )
        .toColourspace('grey16')
        .png()
        .toFile(join(folder, 'b', '2.png'));
      await expect(readFolder(folder)).rejects.toThrow('the images have 2 different sizes (20×16, 30×20…)');
      const { dataset } = await readFolder(folder, { size: { height: 24, width: 24 } });
      expect(dataset.pixels).toBeInstanceOf(Uint16Array);
      expect([dataset.height, dataset.width]).toEqual([24, 24]);
    });
  });

  it('says which class is empty or unusable', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'a', '1.png'));
      await expect(readFolder(folder)).rejects.toThrow('1 sub-folder(s) found');
      await mkdir(join(folder, 'b'));
      await expect(readFolder(folder)).rejects.toThrow('class folder "b" holds no image');
      await writeFile(join(folder, 'b', '1.jpg'), 'x');
      await expect(readFolder(folder)).rejects.toThrow('no usable image of class "b"');
      await writeFile(join(folder, 'a', '1.png'), 'x');
      await expect(readFolder(folder)).rejects.toThrow('none of 2 images can be used');
      await expect(readFolder(join(folder, 'none'))).rejects.toThrow('cannot be read');
    });
  });

  it('does not follow links out of the folder', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'secret', '1.png'));
      await picture(join(folder, 'data', 'a', '1.png'));
      await picture(join(folder, 'data', 'b', '1.png'));
      await symlink(join(folder, 'secret'), join(folder, 'data', 'a', 'link'));
      await symlink(join(folder, 'secret', '1.png'), join(folder, 'data', 'b', 'link.png'));
      expect((await readFolder(join(folder, 'data'))).dataset.count).toBe(2);
    });
  });

  it('stops when asked to', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'a', '1.png'));
      await picture(join(folder, 'b', '1.png'));
      await expect(readFolder(folder, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    });
  });
});

const table = (folder: string, lines: readonly string[], name = 'labels.csv'): Promise<void> =>
  writeFile(join(folder, name), `\uFEFF${lines.join('\r\n')}\r\n`);

describe('readTable', () => {
  it('reads path, label, patient, split, site and attributes', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'images', 'x 1.png'), 1);
      await picture(join(folder, 'images', 'y.png'), 2);
      await table(folder, [
        'Path,LABEL,Patient,Split,site,Sex,age,Body_Part',
        '"images/x 1.png",ill,P1,train,Bonn,f,61,back',
        'y.png,well,P2,Test,Köln,m,,',
      ]);
      const { dataset, attributes, rejected } = await readTable(join(folder, 'labels.csv'));
      expect(rejected).toEqual([]);
      expect(dataset.classNames).toEqual(['ill', 'well']);
      expect(dataset.patients).toEqual(['P1', 'P2']);
      expect(dataset.officialSplit).toEqual(['train', 'test']);
      expect(dataset.sites).toEqual(['Bonn', 'Köln']);
      expect(attributes).toEqual([
        { sex: 'f', age: '61', location: 'back' },
        { sex: 'm', age: '', location: '' },
      ]);
    });
  });

  it('reads semicolons and tabs, and other column names', async () => {
    await withFolder(async (folder) => {
      await picture(join(folder, 'img', 'ISIC_1.png'), 1);
      await picture(join(folder, 'img', 'ISIC_2.png'), 2);
      await table(folder, ['Bild;Befund', 'ISIC_1;a', 'ISIC_2;b']);
      const path = join(folder, 'labels.csv');
      await expect(readTable(path)).rejects.toThrow('labels.csv: no column for "path"');
      const { dataset } = await readTable(path, { columns: { path: 'bild', label: 'BEFUND' } });
      expect(dataset.patients).toEqual(['ISIC_1', 'ISIC_2']);
      await table(folder, ['image\tclass', 'ISIC_1\ta', 'ISIC_2\tb'], 'labels.tsv');
      expect((await readTable(join(folder, 'labels.tsv'))).dataset.count).toBe(2);
    });
  });

  it('refuses rows that lead out of the folder, name nothing or contradict each other', async () => {
    await withFolder(async (parent) => {
      const folder = join(parent, 'data');
      await picture(join(parent, 'outside.png'));
      await picture(join(folder, 'a', '1.png'), 1);
      await picture(join(folder, 'b', '1.png'), 2);
      await picture(join(folder, '2.png'), 3);
      await picture(join(folder, '3.png'), 4);
      await table(folder, [
        'path,label,patient',
        '../outside.png,x,1',
        `${join(parent, 'outside.png')},x,1`,
        'none.png,x,1',
        '1.png,x,1',
        'a/1.png,x,1',
        'b/1.png,y,2',
        './b/1.png,y,2',
        '2.png,x,3',
        '2.png,y,3',
        '3.png,x,',
        '3.png,,4',
        ',x,4',
      ]);
      const { dataset, rejected } = await readTable(join(folder, 'labels.csv'));
      expect(dataset.count).toBe(2);
      expect(rejected.map(({ reason }) => reason)).toEqual([
        'the path leads out of the folder of the images',
        'the path leads out of the folder of the images',
        'no such file below the folder of the images',
        '2 files have this name; give the path below the folder',
        'no patient in the table, so it cannot be kept on one side of a split',
        'no label in the table',
        'no path in the table',
        'listed more than once; the first row counts',
        'listed with different labels (x, y)',
      ]);
    });
  });

  it('names tables that cannot be read', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'labels.csv');
      await expect(readTable(path)).rejects.toThrow(/^labels\.csv: /);
      await table(folder, ['path,label']);
      await expect(readTable(path)).rejects.toThrow('labels.csv: the table has no rows');
      await table(folder, ['path,label', 'a,b,c']);
      await expect(readTable(path)).rejects.toThrow(/^labels\.csv: /);
      await table(folder, ['path,label', 'a,b']);
      await expect(readTable(path)).rejects.toThrow('none of 1 rows can be used (a: no such file');
    });
  });
});

const mednist = testDataPath('mednist-6x1000');
describe('the MedNIST folder', () => {
  it.skipIf(mednist === undefined)(
    `has six classes of usable 64×64 images (skipped when ${TEST_DATA_REASON})`,
    async () => {
      const { dataset, rejected } = await readFolder(mednist ?? '', { limitPerClass: 47 });
      expect(dataset.classNames).toEqual(['AbdomenCT', 'BreastMRI', 'CXR', 'ChestCT', 'Hand', 'HeadCT']);
      expect(classCounts(dataset)).toEqual([47, 47, 47, 47, 47, 45]);
      expect([dataset.height, dataset.width, dataset.channels]).toEqual([64, 64, 1]);
      // Two of these files really are of one grey.
      expect(rejected).toEqual(
        ['000044', '000046'].map((file) => ({
          file: join('HeadCT', `${file}.jpeg`),
          reason: 'blank (all pixels are nearly equal)',
        })),
      );
    },
  );
});

const ham = testDataPath('ham10000-200x150/HAM10000_metadata.csv');
describe('the HAM10000 table', () => {
  it.skipIf(ham === undefined)(`finds images by identifier (skipped when ${TEST_DATA_REASON})`, async () => {
    const { dataset, attributes } = await readTable(ham ?? '', {
      limitRows: 60,
      size: { height: 28, width: 28 },
    });
    expect([dataset.count, dataset.channels]).toEqual([60, 3]);
    expect(dataset.patients.slice(0, 3)).toEqual(['HAM_0000118', 'HAM_0000118', 'HAM_0002730']);
    expect(dataset.sites?.[0]).toBe('vidir_modern');
    expect(attributes?.[0]).toEqual({ sex: 'male', age: '80.0', location: 'scalp' });
  });
});
