import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/* The direction of imports is the architecture: proto <- net, proto <- state, features read state and call
 * commands, ui knows neither, and only app sees everything. */
const closed = (from, ...targets) => ({
  files: [`src/${from}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: targets.map((target) => ({
          group: [`@/${target}`, `@/${target}/**`, `**/../${target}/**`],
          message: `src/${from} does not import src/${target}.`,
        })),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'coverage', 'mock/out', 'src/proto/*.gen.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'Text is rendered as text.' },
      ],
    },
  },
  closed('proto', 'net', 'state', 'features', 'ui', 'app'),
  closed('net', 'state', 'features', 'ui', 'app'),
  closed('state', 'net', 'features', 'ui', 'app'),
  closed('features', 'net', 'app'),
  closed('ui', 'proto', 'net', 'state', 'features', 'app'),
  {
    files: ['tests/**/*.{ts,tsx}'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/require-await': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
  {
    files: ['mock/**/*.mjs', 'tests/browser/*.mjs', 'build/theme.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['console', 'process', 'Buffer', 'URL', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'document', 'localStorage', 'sessionStorage', 'window', 'Event'].map((g) => [g, 'readonly']),
      ),
    },
  },
);
