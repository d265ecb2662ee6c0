/**
 * Class names of the two-dimensional MedMNIST sets, in the order of their label values.
 * Source: Yang et al. 2023, "MedMNIST v2", Scientific Data 10:41, and the label table of its package, version 3.0.2
 * (long names shortened; RetinaMNIST's five grades spelt out).
 */
export const MEDMNIST_CLASSES = {
  pathmnist: [
    'adipose',
    'background',
    'debris',
    'lymphocytes',
    'mucus',
    'smooth muscle',
    'normal colon mucosa',
    'cancer-associated stroma',
    'colorectal adenocarcinoma epithelium',
  ],
  chestmnist: [
    'atelectasis',
    'cardiomegaly',
    'effusion',
    'infiltration',
    'mass',
    'nodule',
    'pneumonia',
    'pneumothorax',
    'consolidation',
    'edema',
    'emphysema',
    'fibrosis',
    'pleural',
    'hernia',
  ],
  dermamnist: [
    'actinic keratoses and intraepithelial carcinoma',
    'basal cell carcinoma',
    'benign keratosis-like lesions',
    'dermatofibroma',
    'melanoma',
    'melanocytic nevi',
    'vascular lesions',
  ],
  octmnist: ['choroidal neovascularization', 'diabetic macular edema', 'drusen', 'normal'],
  pneumoniamnist: ['normal', 'pneumonia'],
  retinamnist: ['grade 0', 'grade 1', 'grade 2', 'grade 3', 'grade 4'],
  breastmnist: ['malignant', 'normal or benign'],
  bloodmnist: [
    'basophil',
    'eosinophil',
    'erythroblast',
    'immature granulocytes',
    'lymphocyte',
    'monocyte',
    'neutrophil',
    'platelet',
  ],
  tissuemnist: [
    'Collecting Duct, Connecting Tubule',
    'Distal Convoluted Tubule',
    'Glomerular endothelial cells',
    'Interstitial endothelial cells',
    'Leukocytes',
    'Podocytes',
    'Proximal Tubule Segments',
    'Thick Ascending Limb',
  ],
  organamnist: [
    'bladder',
    'femur-left',
    'femur-right',
    'heart',
    'kidney-left',
    'kidney-right',
    'liver',
    'lung-left',
    'lung-right',
    'pancreas',
    'spleen',
  ],
  organcmnist: [
    'bladder',
    'femur-left',
    'femur-right',
    'heart',
    'kidney-left',
    'kidney-right',
    'liver',
    'lung-left',
    'lung-right',
    'pancreas',
    'spleen',
  ],
  organsmnist: [
    'bladder',
    'femur-left',
    'femur-right',
    'heart',
    'kidney-left',
    'kidney-right',
    'liver',
    'lung-left',
    'lung-right',
    'pancreas',
    'spleen',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type MedmnistName = keyof typeof MEDMNIST_CLASSES;

export function isMedmnistName(name: string): name is MedmnistName {
  return Object.hasOwn(MEDMNIST_CLASSES, name);
}

/** The set that a file's name begins with: "breastmnist_64.npz" → breastmnist. */
export function medmnistNameOfFile(file: string): MedmnistName | undefined {
  const name = /^[a-z]+mnist(?![a-z])/.exec(file.toLowerCase())?.[0];
  return name !== undefined && isMedmnistName(name) ? name : undefined;
}
