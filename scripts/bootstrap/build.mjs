import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analysisLibrary } from '../../packages/analysis/build.mjs';
import { engineLibrary } from '../../packages/engine-native/build.mjs';
import { buildLibrary } from '../native/build-library.mjs';
import { mustRun, plainEnv, root, StartError, step } from './run.mjs';
import { foldersIn, hashOf, isCurrent, writeStamp } from './stamp.mjs';

const prismaStamp = join(root, '.cache/prisma-stamp');
const buildStamp = join(root, '.cache/build-stamp');
const dashboardStamp = join(root, '.cache/dashboard-stamp');

const nativeLibraries = [engineLibrary, analysisLibrary];

/**
 * Generates the database client, compiles TypeScript and C++ and bundles the dashboard, where sources have changed.
 * @param {boolean} everySet the C++ for every instruction set of this kind of machine, or for its own alone
 */
export async function build(everySet) {
  const packages = [...foldersIn('packages'), ...foldersIn('services')];
  const sources = packages.flatMap((folder) => [
    `${folder}/src`,
    `${folder}/package.json`,
    `${folder}/tsconfig.json`,
  ]);
  const generated = join(root, 'packages/database/src/generated/client.ts');
  const schema = hashOf(['prisma/schema.prisma', 'package-lock.json']);
  if (!isCurrent(prismaStamp, schema) || !existsSync(generated)) {
    await step('Generating the database client', generateClient);
    writeStamp(prismaStamp, schema);
  }
  const hash = hashOf([...sources, 'tsconfig.base.json', 'tsconfig.json', 'package-lock.json']);
  const compiling =
    isCurrent(buildStamp, hash) && lacksNothing(packages)
      ? null
      : step('Compiling TypeScript (tsc -b)', () => compileTypes(packages));
  // Its own record of sources and compiler tells it when there is nothing to do.
  const native = nativeLibraries.map((library) => buildLibrary(library, { everySet, log: console.log }));
  await Promise.all([compiling, ...native]);
  if (compiling) writeStamp(buildStamp, hash);
  await buildDashboard();
}

/** Bundles the dashboard from its sources and the compiled packages they import. */
async function buildDashboard() {
  const folder = 'services/dashboard';
  const own = ['src', 'public', 'index.html', 'vite.config.ts', 'package.json'].map(
    (name) => `${folder}/${name}`,
  );
  const { dependencies } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const ours = Object.keys(dependencies).filter((name) => name.startsWith('@tessera/'));
  const packages = ours.map((name) => `packages/${name.slice('@tessera/'.length)}/src`);
  const hash = hashOf([...own, ...packages, 'tsconfig.base.json', 'package-lock.json']);
  if (isCurrent(dashboardStamp, hash) && existsSync(join(root, folder, 'build/index.html'))) return;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  await step('Building the dashboard', () =>
    mustRun('Building the dashboard', process.execPath, [vite, 'build', folder, '--logLevel', 'warn']),
  );
  writeStamp(dashboardStamp, hash);
}

/** `/bin/true` stands in for an engine that only `prisma migrate` needs and that would be downloaded. */
async function generateClient() {
  const env = plainEnv({
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  });
  const prisma = join(root, 'node_modules/prisma/build/index.js');
  await mustRun('Generating the database client', process.execPath, [prisma, 'generate'], { env });
}

/**
 * tsc trusts its records of what it built, and TypeScript 7.0.2 has been seen to record a new file without
 * writing it: where outputs are missing, everything is built anew.
 */
async function compileTypes(packages) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const compile = (...options) =>
    mustRun('Compiling TypeScript', process.execPath, [tsc, '-b', '--pretty', 'false', ...options]);
  const isFirst = packages.every((folder) => !existsSync(join(root, folder, 'dist')));
  await compile();
  if (lacksNothing(packages)) return;
  if (!isFirst) await compile('--force');
  if (!lacksNothing(packages)) throw new StartError('tsc -b left out some of the compiled files.');
}

/** Whether every source has its compiled file. */
function lacksNothing(packages) {
  return packages.every((folder) =>
    readdirSync(join(root, folder, 'src'), { recursive: true })
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
      .every((name) => existsSync(join(root, folder, 'dist', name.replace(/\.tsx?$/, '.js')))),
  );
}
