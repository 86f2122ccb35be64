import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkImports } from '../check-imports.mjs';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-imports-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Made {
  sources: Record<string, string>;
  dependencies?: string[];
  references?: string[];
}

async function make(folder: string, { sources, dependencies = [], references = [] }: Made): Promise<void> {
  const name = `@tessera/${folder.split('/')[1]}`;
  const files: Record<string, string> = {
    'package.json': JSON.stringify({
      name,
      exports: { '.': './dist/index.js' },
      dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '1'])),
    }),
    'tsconfig.json': JSON.stringify({ references: references.map((path) => ({ path: `../../${path}` })) }),
    ...sources,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, folder, path)), { recursive: true });
    await writeFile(join(root, folder, path), text);
  }
}

async function breaches(packages: Record<string, Made>): Promise<string[]> {
  for (const group of ['packages', 'services']) await mkdir(join(root, group), { recursive: true });
  for (const [folder, made] of Object.entries(packages)) await make(folder, made);
  return checkImports(root);
}

it('takes packages that keep the rules', async () => {
  const found = await breaches({
    'packages/one': { sources: { 'src/index.ts': "import './other.js';", 'src/other.ts': 'export {};' } },
    'services/two': {
      sources: {
        'src/main.ts': "import { readFile } from 'node:fs';\nimport type { X } from '@tessera/one';",
      },
      dependencies: ['@tessera/one'],
      references: ['packages/one'],
    },
  });
  expect(found).toEqual([]);
});

it.each([
  ['a service is imported', "import '@tessera/service-two';", 'imports the service @tessera/service-two'],
  ['a path leads into another package', "import x from '@tessera/other/src/x.js';", 'does not export'],
  ['a path leads out of the package', "export * from '../../other/src/x.js';", 'reaches outside its sources'],
  ['a dependency belongs to another', "import pino from 'pino';", 'belongs to packages/telemetry'],
  ['the environment is read', 'const port = process.env.PORT;', 'reads process.env'],
  ['an import is not listed', "const lazy = await import('typebox');", 'typebox is imported and not listed'],
])('tells where %s', async (_, source, message) => {
  const found = await breaches({
    'packages/one': { sources: { 'src/index.ts': source } },
    'packages/other': { sources: { 'src/index.ts': 'export {};' } },
    'services/service-two': { sources: { 'src/index.ts': 'export {};' } },
  });
  expect(found.join('\n')).toContain(message);
});

it('tells cycles, and what is listed and not imported', async () => {
  const found = await breaches({
    'packages/one': {
      sources: { 'src/index.ts': "import '@tessera/two';" },
      dependencies: ['@tessera/two', 'left-pad'],
    },
    'packages/two': { sources: { 'src/index.ts': "import '@tessera/one';" }, dependencies: ['@tessera/one'] },
  });
  expect(found).toContain('A cycle: @tessera/one -> @tessera/two -> @tessera/one.');
  expect(found).toContain('packages/one/package.json: left-pad is listed and not imported.');
});

it('does not take passing the whole environment on for reading it', async () => {
  expect(await breaches({ 'packages/one': { sources: { 'src/index.ts': 'load(process.env);' } } })).toEqual(
    [],
  );
});
