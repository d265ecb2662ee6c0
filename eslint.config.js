import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Import boundaries: what each top-level folder may not import. */
const boundaries = {
  shared: ['coordinator', 'client', 'simulations', 'test'],
  coordinator: ['client', 'simulations', 'test'],
  client: ['coordinator', 'simulations', 'test'],
  simulations: ['test'],
};

/** Heavy dependencies and the one folder where each may be imported. */
const homes = [
  { names: ['onnxruntime-node', 'onnxruntime-web', 'onnxruntime-common'], home: 'shared/learning/engines' },
  {
    names: ['@tensorflow/tfjs', '@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'],
    home: 'shared/learning/engines',
  },
  { names: ['tweetnacl'], home: 'shared/crypto' },
  { names: ['socket.io'], home: 'coordinator/transport' },
  { names: ['socket.io-client'], home: 'client/transport' },
  { names: ['protobufjs'], home: 'shared/learning/graph' },
  { names: ['shamir-secret-sharing'], home: 'shared/secagg' },
];

/** Folders beside its home where a heavy dependency may be imported as well. */
const secondHomes = [
  { names: ['protobufjs'], home: 'simulations/tensorboard' },
  { names: ['socket.io-client'], home: 'shared/ui' },
  { names: ['socket.io'], home: 'client/ui' },
];

const foldersImport = (folder, forbidden) => ({
  files: [`${folder}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: forbidden.map((name) => ({
          regex: `^(\\.\\./)+${name}(/|$)`,
          message: `${folder} does not import from ${name}.`,
        })),
        paths: homes.flatMap(({ names, home }) =>
          names.map((name) => ({
            name,
            allowTypeImports: true,
            message: `${name} is used only in ${home}.`,
          })),
        ),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'runs/', 'coverage/'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: 'Randomness comes from shared/rng.ts.',
        },
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'Time comes from shared/clock.ts.',
        },
      ],
    },
  },
  ...Object.entries(boundaries).map(([folder, forbidden]) => foldersImport(folder, forbidden)),
  ...homes.map(({ home }) => ({
    files: [`${home}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: boundaries.shared.map((n) => ({
            regex: `^(\\.\\./)+${n}(/|$)`,
            message: `shared does not import from ${n}.`,
          })),
        },
      ],
    },
  })),
  ...secondHomes.map(({ home, names }) => ({
    files: [`${home}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: boundaries[home.split('/')[0]].map((n) => ({
            regex: `^(\\.\\./)+${n}(/|$)`,
            message: `${home} does not import from ${n}.`,
          })),
          paths: homes.flatMap((first) =>
            first.names
              .filter((name) => !names.includes(name))
              .map((name) => ({
                name,
                allowTypeImports: true,
                message: `${name} is used only in ${first.home}.`,
              })),
          ),
        },
      ],
    },
  })),
  { files: ['shared/clock.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  prettier,
);
