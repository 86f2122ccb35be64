/**
 * Copies what one service needs at run time into an empty folder: its own package, the packages of this repository
 * it depends on (package.json, dist, and the files in `alongside`), and the installed packages they depend on.
 * Development dependencies, sources, type declarations and source maps stay behind.
 *
 *     node infra/docker/assemble.mjs services/worker /out [PACKAGE...]
 *
 * The layout is the repository's, so that links and relative paths hold. Run it after `npm ci` and the build.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Files of the repository that a package reads at run time beside its dist. */
const alongside = {
  '@tessera/analysis': ['packages/analysis/build'],
  '@tessera/api': ['services/dashboard/build'],
  '@tessera/database': ['prisma/migrations'],
  '@tessera/engine-native': ['packages/engine-native/build'],
  '@tessera/engine-opencl': ['packages/engine-opencl/kernels'],
};

/** Prisma's client carries compilers for databases we do not use, 4 MB each. */
const foreignDatabases = /^query_compiler_(?:small_bg|fast_bg\.(?!postgresql\b))/;

/** Files that no running program reads. */
const leftBehind = /\.(?:map|d\.[cm]?ts|tsbuildinfo)$/;

/**
 * Every package that `start` needs, itself included.
 * @param {string} start folder of a package, relative to the repository
 * @param {string[]} more installed packages that it takes where they are there (optional peers)
 * @returns {Map<string, {manifest: object, isOurs: boolean, links: string[]}>} by real folder relative to the repository
 * @throws Error naming a dependency that is not installed
 */
export function runtimePackages(start, root = repository, more = []) {
  const found = new Map();
  const visit = (folder) => {
    if (found.has(folder)) return;
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const isOurs = !folder.split(sep).includes('node_modules');
    const entry = { manifest, isOurs, links: [] };
    found.set(folder, entry);
    for (const { name, isOptional } of dependencies(manifest)) {
      const place = resolvePackage(root, folder, name);
      if (place === null) {
        if (isOptional) continue;
        throw new Error(`${manifest.name} needs ${name}, which is not installed. Run "npm ci" first.`);
      }
      const real = relative(root, realpathSync(join(root, place)));
      visit(real);
      if (real !== place) found.get(real).links.push(place);
    }
  };
  visit(start);
  for (const name of more) {
    const place = resolvePackage(root, start, name);
    if (place === null) throw new Error(`${name} is not installed.`);
    visit(place);
  }
  return found;
}

function dependencies(manifest) {
  const optional = Object.keys(manifest.optionalDependencies ?? {});
  const required = Object.keys(manifest.dependencies ?? {}).filter((name) => !optional.includes(name));
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true,
  );
  return [
    ...[...required, ...peers].map((name) => ({ name, isOptional: false })),
    ...optional.map((name) => ({ name, isOptional: true })),
  ];
}

/** Node's own rule: node_modules here, then in every folder above, up to the repository. */
function resolvePackage(root, folder, name) {
  for (let place = folder; ; place = dirname(place)) {
    const candidate = join(place, 'node_modules', name);
    if (existsSync(join(root, candidate, 'package.json'))) return candidate;
    if (place === '.') return null;
  }
}

/**
 * Assembles `start` in `target`, which must be empty or absent.
 * @throws Error when a package of the repository is not built
 */
export function assemble(start, target, root = repository, more = []) {
  mkdirSync(target, { recursive: true });
  if (readdirSync(target).length > 0) throw new Error(`${target} is not empty.`);
  const packages = runtimePackages(start, root, more);
  const copy = (path) =>
    cpSync(join(root, path), join(target, path), {
      recursive: true,
      verbatimSymlinks: true,
      filter: isWanted,
    });
  for (const [folder, { manifest, isOurs, links }] of packages) {
    if (isOurs) {
      for (const path of [
        join(folder, 'package.json'),
        join(folder, 'dist'),
        ...(alongside[manifest.name] ?? []),
      ]) {
        if (!existsSync(join(root, path)))
          throw new Error(`There is no ${path}. Build the repository first.`);
        copy(path);
      }
    } else {
      copyInstalled(root, folder, target);
    }
    for (const link of links) {
      const place = join(target, link);
      mkdirSync(dirname(place), { recursive: true });
      if (!existsSync(place)) symlinkSync(relative(dirname(place), join(target, folder)), place);
    }
  }
  return packages;
}

/** An installed package without packages installed inside it: those that are needed are entries of their own. */
function copyInstalled(root, folder, target) {
  const nested = join(root, folder, 'node_modules');
  cpSync(join(root, folder), join(target, folder), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => path !== nested && isWanted(path),
  });
}

function isWanted(path) {
  const name = basename(path);
  return !leftBehind.test(name) && !(foreignDatabases.test(name) && path.includes(join('@prisma', 'client')));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [start, target, ...more] = process.argv.slice(2);
  if (start === undefined || target === undefined) {
    console.error('Usage: node infra/docker/assemble.mjs PACKAGE_FOLDER TARGET_FOLDER [PACKAGE...]');
    process.exit(2);
  }
  console.log(`${start}: ${assemble(start, target, repository, more).size} packages`);
}
