import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../shared/errors.ts';
import { DATASET_FORMS, openDataset } from '../../../simulations/datasets/open-dataset.ts';
import { withFolder } from '../../shared/data/toy.ts';
import { TEST_DATA_REASON, testDataPath } from '../../test-data.ts';

async function picture(path: string, factor: number): Promise<void> {
  const pixels = Uint8Array.from({ length: 400 }, (_, i) => (i * factor) % 256);
  await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
    .png()
    .toFile(path);
}

describe('openDataset', () => {
  it('opens phantoms and says that they are synthetic', async () => {
    const { dataset, warnings } = await openDataset('phantoms', { count: 12, sites: 2, size: 32, seed: 5 });
    expect([dataset.count, dataset.height]).toEqual([12, 32]);
    expect(dataset.synthetic).toBe(true);
    expect(warnings[0]).toContain('synthetic');
  });

  it('opens folders and tables', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'a'));
      await mkdir(join(folder, 'b'));
      await picture(join(folder, 'a', '1.png'), 3);
      await picture(join(folder, 'b', '2.png'), 5);
      const opened = await openDataset(`folder:${folder}`, { size: 16 });
      expect([opened.dataset.count, opened.dataset.height, opened.dataset.channels]).toEqual([2, 16, 3]);
      await writeFile(join(folder, 'labels.csv'), 'path,befund\na/1.png,x\nb/2.png,y\n');
      const table = await openDataset(`table:${join(folder, 'labels.csv')}`, {
        channels: 1,
        columns: { label: 'Befund' },
      });
      expect([table.dataset.classNames, table.dataset.channels]).toEqual([['x', 'y'], 1]);
    });
  });

  it.each(['', 'mnist', 'phantoms:3', 'folder', 'folder:', 'npz:', 'dicom:x', 'Phantoms'])(
    'lists the choices for "%s"',
    async (spec) => {
      const failing = openDataset(spec);
      await expect(failing).rejects.toThrow(
        `dataset "${spec}" is not known; choose one of ${DATASET_FORMS.join(', ')}`,
      );
      await expect(failing).rejects.toBeInstanceOf(InputError);
    },
  );

  it('lists the choices within MedMNIST', async () => {
    await expect(openDataset('medmnist:breast')).rejects.toThrow(
      /"breast" is no MedMNIST set; choose pathmnist, .*breastmnist/,
    );
    await expect(openDataset('medmnist:breastmnist@32')).rejects.toThrow('choose 28, 64, 128, 224');
    await expect(openDataset('medmnist:chestmnist')).rejects.toThrow('several labels an image');
    await expect(openDataset('medmnist:toString')).rejects.toThrow(InputError);
  });

  const breast = testDataPath('medmnist/breastmnist.npz');
  it.skipIf(breast === undefined)(
    `opens a copy on disk with a warning (skipped when ${TEST_DATA_REASON})`,
    async () => {
      const { dataset, warnings, rejected } = await openDataset('medmnist:breastmnist', {
        file: breast ?? '',
      });
      expect(dataset.name).toBe('medmnist:breastmnist');
      expect(dataset.classNames).toEqual(['malignant', 'normal or benign']);
      expect(dataset.count).toBe(780);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('is not that of the published file');
      expect(rejected).toEqual([]);
    },
  );

  const ham = testDataPath('ham10000-fed-28/ham10000-fed-28.npz');
  it.skipIf(ham === undefined)(
    `opens an array file with sites (skipped when ${TEST_DATA_REASON})`,
    async () => {
      const { dataset } = await openDataset(`npz:${ham ?? ''}`);
      expect(new Set(dataset.sites).size).toBe(4);
      expect(new Set(dataset.patients).size).toBe(7470);
    },
  );
});
