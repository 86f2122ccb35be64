/**
 * Builds a package's build/NAME.so from its native/: one object per instruction set, linked into one library.
 * Plain node, no dependencies. Nothing of the C++ library is used, so that any of g++, clang and zig will do.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Never -ffast-math: infinities and NaN are results here. Contraction off: fma only where the source says so. */
const flags = [
  '-std=c++17',
  '-O2',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-exceptions',
  '-fno-rtti',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
  // g++ 12 warns of its own AVX-512 header.
  '-Wno-uninitialized',
  '-Wno-maybe-uninitialized',
  '-Wno-unknown-pragmas',
  '-Wno-pass-failed',
];
const linkFlags = ['-shared', '-fPIC', '-Wl,--as-needed', '-Wl,-z,noexecstack', '-lpthread', '-lm'];

/** Instruction sets by architecture, with the compiler's flags for them. */
const instructionSets = {
  x64: {
    avx512: ['-mavx512f', '-mavx512dq', '-mavx512bw', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'],
    avx2: ['-mavx2', '-mfma'],
    sse2: [],
  },
  arm64: { neon: [] },
};

const everySet = Object.keys(instructionSets[process.arch] ?? { portable: [] });

/** The widest set this machine runs (as cpu.h finds it), or all where it does not say. */
function machineSets() {
  if (process.arch !== 'x64' || !existsSync('/proc/cpuinfo')) return everySet;
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? [];
  const has = (...names) => names.every((name) => flags.includes(name));
  if (has('avx512f', 'avx512dq', 'avx512bw', 'avx512vl', 'fma')) return ['avx512'];
  return has('avx2', 'fma') ? ['avx2'] : everySet;
}

/**
 * @typedef {object} Library
 * @property {string} folder of the package: sources in native/, the library and its record in build/
 * @property {string} name of the file, for example libtessera.so
 * @property {string} what it is called in the log
 * @property {string[]} [shared] files outside native/ that its sources include
 * @property {Unit[]} once compiled once, with the instruction set that every machine has
 * @property {(isa: string) => Unit[]} perSet compiled for each instruction set
 *
 * @typedef {{name: string, source: string, flags: string[]}} Unit
 */

/** @param {Library} library */
function compilationUnits(library, wanted) {
  const sets = Object.entries(instructionSets[process.arch] ?? { portable: [] });
  const perSet = sets
    .filter(([isa]) => wanted.includes(isa))
    .flatMap(([isa, isaFlags]) =>
      library
        .perSet(isa)
        .map((unit) => ({ ...unit, flags: [...isaFlags, `-DTESSERA_ISA=${isa}`, ...unit.flags] })),
    );
  return [...library.once, ...perSet];
}

/** The compilers to try, in order: CXX, the system's, then zig where one was fetched. Each is a command with arguments. */
function compilerCandidates() {
  const named = (process.env.CXX ?? '').split(/\s+/).filter(Boolean);
  const candidates = named.length > 0 ? [named] : [];
  candidates.push(['g++'], ['clang++'], ['c++']);
  const root = join(repository, '.cache', 'native', 'zig');
  const inside = existsSync(root)
    ? readdirSync(root, { recursive: true }).filter((p) => /(^|\/)zig$/.test(String(p)))
    : [];
  for (const zig of [process.env.TESSERA_ZIG, 'zig', ...inside.map((p) => join(root, String(p)))]) {
    // zig's default target is the machine itself; the baseline keeps the SSE2 code SSE2.
    if (zig) candidates.push([zig, 'c++', '-mcpu=baseline']);
  }
  return candidates;
}

/** The first compiler that answers --version, or null with what was tried. */
export function findCompiler() {
  const tried = [];
  for (const command of compilerCandidates()) {
    const probe = spawnSync(
      command[0],
      [...command.slice(1).filter((a) => !a.startsWith('-')), '--version'],
      { encoding: 'utf8' },
    );
    if (probe.status === 0) return { command, version: probe.stdout.split('\n')[0].trim(), tried };
    tried.push(command[0]);
  }
  return { command: null, version: null, tried };
}

function sourceHash(library, compiler) {
  const sourceDir = join(library.folder, 'native');
  const files = readdirSync(sourceDir).sort();
  const hash = createHash('sha256');
  for (const path of [...files.map((file) => join(sourceDir, file)), ...(library.shared ?? [])])
    hash.update(`${basename(path)}\n`).update(readFileSync(path));
  hash.update(
    JSON.stringify([
      flags,
      linkFlags,
      compilationUnits(library, everySet),
      compiler.command,
      compiler.version,
      process.arch,
    ]),
  );
  return hash.digest('hex');
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], [...command.slice(1), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (d) => {
      output += d;
    });
    child.stderr.on('data', (d) => {
      output += d;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command.join(' ')} ${args.join(' ')} ended with ${code}:\n${output}`));
    });
  });
}

async function inParallel(jobs, width) {
  const queue = [...jobs];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let job = queue.shift(); job; job = queue.shift()) await job();
    }),
  );
}

/**
 * Builds a library where its sources, flags or compiler changed, or where it lacks an instruction set that is wanted. The
 * code of a set, and the recorded hash, are the same whichever others are built.
 * @param {Library} library
 * @param {{everySet?: boolean, log?: (line: string) => void}} options `everySet` false: this machine's own
 * @returns {Promise<{built: boolean, path: string, compiler: string, seconds: number}>}
 * @throws Error with a sentence for people: no compiler (`code` NO_COMPILER), or the compiler's own output.
 */
export async function buildLibrary(library, { everySet: wantsEvery = true, log = () => {} } = {}) {
  const sourceDir = join(library.folder, 'native');
  const buildDir = join(library.folder, 'build');
  const libraryPath = join(buildDir, library.name);
  const compiler = findCompiler();
  if (!compiler.command) {
    const error = new Error(
      `No C++ compiler was found (tried ${compiler.tried.join(', ')}). Install one, for example with ` +
        '"apt-get install g++", or name one in the environment variable CXX, then start again.',
    );
    error.code = 'NO_COMPILER';
    throw error;
  }
  const started = Date.now();
  const describe = compiler.version;
  const hash = sourceHash(library, compiler);
  const recordPath = join(buildDir, 'build.json');
  const wanted = wantsEvery ? everySet : machineSets();
  if (existsSync(libraryPath) && existsSync(recordPath)) {
    const built = JSON.parse(readFileSync(recordPath, 'utf8'));
    if (built.hash === hash && wanted.every((isa) => built.instructionSets?.includes(isa)))
      return { built: false, path: libraryPath, compiler: describe, seconds: 0 };
  }
  const work = join(buildDir, `work-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const units = compilationUnits(library, wanted);
    log(`${library.what}: compiling ${units.length} objects with ${describe}`);
    // The largest objects first, so that the last one to end is a small one.
    const jobs = units
      .reverse()
      .map(
        (unit) => () =>
          run(compiler.command, [
            ...flags,
            ...unit.flags,
            '-c',
            join(sourceDir, unit.source),
            '-o',
            join(work, `${unit.name}.o`),
          ]),
      );
    await inParallel(jobs, Math.max(1, Math.min(availableParallelism(), jobs.length)));
    const objects = units.map((unit) => join(work, `${unit.name}.o`));
    const link = (extra) =>
      run(compiler.command, ['-o', join(work, library.name), ...objects, ...linkFlags, ...extra]);
    // Nothing of the C++ library is used; compilers that know the option leave it out of the library's needs.
    await link(['-nostdlib++']).catch(() => link([]));
    renameSync(join(work, library.name), libraryPath);
    const { command } = compiler;
    const record = { hash, instructionSets: wanted, compiler: describe, command, flags, arch: process.arch };
    writeFileSync(join(work, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
    renameSync(join(work, 'build.json'), recordPath);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { built: true, path: libraryPath, compiler: describe, seconds: (Date.now() - started) / 1000 };
}

/** What `node build.mjs` of a package does: every instruction set, told on the terminal. */
export async function buildFromCommandLine(library) {
  try {
    const { built, path, seconds } = await buildLibrary(library, { log: (line) => console.log(line) });
    console.log(built ? `built ${path} in ${seconds.toFixed(1)} s` : `${path} is up to date`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
