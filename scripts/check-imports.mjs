/**
 * Who may import what. `node scripts/check-imports.mjs` prints every breach and exits 1 where there is one:
 *  - a service is imported by nobody, and there are no cycles;
 *  - another package is imported by its name and through what it exports, never by a path into it;
 *  - each dependency with an owner is imported by its owner only;
 *  - package.json lists exactly what the sources import, tsconfig.json refers to exactly those of our own;
 *  - only `config` reads variables of the environment (passing all of it on is no reading);
 *  - what must run in a browser imports nothing of Node.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** External package -> the folders whose sources may import it. */
const owners = {
  bullmq: ['packages/queue'],
  ioredis: ['packages/queue'],
  '@prisma/client': ['packages/database'],
  '@prisma/adapter-pg': ['packages/database'],
  pg: ['packages/database', 'packages/queue', 'packages/testkit'],
  koffi: ['packages/analysis', 'packages/engine-native', 'packages/engine-opencl', 'packages/linalg'],
  '@tensorflow/tfjs-core': ['packages/engine-tfjs', 'packages/training'],
  '@tensorflow/tfjs-layers': ['packages/training'],
  '@tensorflow/tfjs-backend-cpu': ['packages/engine-tfjs'],
  '@tensorflow/tfjs-backend-wasm': ['packages/engine-tfjs'],
  pino: ['packages/telemetry'],
  'prom-client': ['packages/telemetry'],
  '@opentelemetry/api': ['packages/telemetry'],
  'bullmq-otel': ['packages/telemetry'],
  yauzl: ['packages/dataset'],
  'tar-stream': ['packages/archive'],
  '@node-rs/crc32': ['packages/store'],
  commander: ['packages/cli'],
  pdfkit: ['packages/figures'],
  '@resvg/resvg-js': ['packages/cli'],
  fastify: ['services/api'],
  react: ['services/dashboard'],
  'react-dom': ['services/dashboard'],
  wouter: ['services/dashboard'],
  '@tanstack/react-query': ['services/dashboard'],
  testcontainers: ['packages/testkit'],
};
const runsInBrowsers = ['packages/spec', 'packages/theory', 'packages/figures', 'services/dashboard'];
const readsEnvironment = ['packages/config', 'packages/testkit'];
/** Of the root's devDependencies, what sources (not only tests) of these folders use. */
const rootProvides = { vitest: ['packages/engine'] };

/** Listed though no source imports them: the generated Prisma client's, a peer of BullMQ's Postgres backend, a font. */
const usedByOthers = {
  '@prisma/client': ['packages/database'],
  pg: ['packages/queue'],
  '@expo-google-fonts/inter': ['packages/cli'],
};

/** @returns {string[]} one sentence a breach */
export function checkImports(root) {
  const packages = readPackages(root);
  return [...packages.values()]
    .flatMap((found) => checkPackage(root, found, packages))
    .concat(findCycles(packages));
}

function readPackages(root) {
  const packages = new Map();
  for (const group of ['packages', 'services']) {
    for (const entry of readdirSync(join(root, group), { withFileTypes: true })) {
      const folder = `${group}/${entry.name}`;
      const file = join(root, folder, 'package.json');
      if (!entry.isDirectory() || !existsSync(file)) continue;
      const manifest = JSON.parse(readFileSync(file, 'utf8'));
      packages.set(manifest.name, { folder, manifest, imports: new Set() });
    }
  }
  return packages;
}

function checkPackage(root, found, packages) {
  const { folder, manifest, imports } = found;
  const breaches = [];
  for (const file of sourceFiles(join(root, folder, 'src'))) {
    const place = relative(root, file);
    const text = readFileSync(file, 'utf8');
    for (const specifier of importsOf(text)) {
      const breach = checkImport({ root, found, packages, file, specifier });
      if (breach) breaches.push(`${place}: ${breach}`);
      if (!specifier.startsWith('.') && !isBuiltin(specifier)) imports.add(packageName(specifier));
    }
    if (!readsEnvironment.includes(folder) && /\bprocess\.env(\.|\[|\?)/.test(withoutComments(text))) {
      breaches.push(`${place}: reads process.env; only packages/config does, once, in each process's main.`);
    }
  }
  for (const folderName of ['test', 'bin']) {
    for (const file of sourceFiles(join(root, folder, folderName))) {
      for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
        const target = specifier.startsWith('.') ? relative(root, resolve(dirname(file), specifier)) : '';
        if (/^(packages|services)\//.test(target) && !target.startsWith(`${folder}/`)) {
          breaches.push(`${relative(root, file)}: reaches into ${target}; import the package by its name.`);
        }
      }
    }
  }
  const listed = Object.keys(manifest.dependencies ?? {});
  for (const name of imports) {
    const isProvided = rootProvides[name]?.includes(folder);
    if (!listed.includes(name) && !isProvided)
      breaches.push(`${folder}/package.json: ${name} is imported and not listed.`);
  }
  for (const name of listed) {
    if (!imports.has(name) && !usedByOthers[name]?.includes(folder))
      breaches.push(`${folder}/package.json: ${name} is listed and not imported.`);
  }
  const references = JSON.parse(readFileSync(join(root, folder, 'tsconfig.json'), 'utf8')).references ?? [];
  const referred = references.map(({ path }) => relative(root, resolve(root, folder, path))).sort();
  const needed = [...imports].filter((name) => packages.has(name)).map((name) => packages.get(name).folder);
  if (referred.join() !== needed.sort().join()) {
    breaches.push(`${folder}/tsconfig.json: refers to [${referred}], and the sources import [${needed}].`);
  }
  return breaches;
}

function checkImport({ root, found, packages, file, specifier }) {
  const { folder } = found;
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(dirname(file), specifier));
    return target.startsWith(`${folder}/src/`) ? null : `reaches outside its sources, into ${target}.`;
  }
  if (isBuiltin(specifier)) {
    return runsInBrowsers.includes(folder) ? `imports ${specifier}, and must run in a browser.` : null;
  }
  const name = packageName(specifier);
  const ours = packages.get(name);
  if (ours) {
    if (ours.folder.startsWith('services/')) return `imports the service ${name}.`;
    const entry = `.${specifier.slice(name.length)}`;
    return entry in ours.manifest.exports ? null : `imports ${specifier}, which ${name} does not export.`;
  }
  const allowed = owners[name];
  return allowed && !allowed.includes(folder)
    ? `imports ${name}, which belongs to ${allowed.join(' and ')}.`
    : null;
}

function findCycles(packages) {
  const breaches = [];
  const done = new Set();
  const visit = (name, path) => {
    if (path.includes(name))
      breaches.push(`A cycle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}.`);
    if (done.has(name) || path.includes(name)) return;
    for (const next of packages.get(name).imports) if (packages.has(next)) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of packages.keys()) visit(name, []);
  return breaches;
}

function sourceFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.(tsx?|mjs|js)$/.test(name) && !name.startsWith('generated/'))
    .map((name) => join(folder, name));
}

function importsOf(text) {
  const code = withoutComments(text);
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'/gm,
    /^\s*import\s*'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function isBuiltin(specifier) {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

function packageName(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const breaches = checkImports(fileURLToPath(new URL('../', import.meta.url)));
  for (const breach of breaches) console.error(breach);
  process.exit(breaches.length > 0 ? 1 : 0);
}
