/**
 * Builds build/libtessera.so from native/: one object per instruction set and precision, linked into one library.
 * Plain node, no dependencies. `node build.mjs` builds every instruction set; the bootstrap builds this machine's own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const sourceDir = join(here, 'native');
const buildDir = join(here, 'build');
export const libraryPath = join(buildDir, 'libtessera.so');

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

function compilationUnits(wanted) {
  const sets = instructionSets[process.arch] ?? { portable: [] };
  const units = [
    { name: 'library', source: 'library.cpp', flags: [] },
    { name: 'threads', source: 'threads.cpp', flags: [] },
  ];
  for (const [isa, isaFlags] of Object.entries(sets)) {
    if (!wanted.includes(isa)) continue;
    for (const real of ['double', 'float']) {
      const defines = [
        `-DTESSERA_ISA=${isa}`,
        `-DTESSERA_REAL=${real}`,
        ...(real === 'double' ? ['-DTESSERA_READ_IN'] : []),
      ];
      units.push({ name: `${isa}-${real}`, source: 'unit.cpp', flags: [...isaFlags, ...defines] });
    }
  }
  return units;
}

/** The compilers to try, in order: CXX, the system's, then zig where one was fetched. Each is a command with arguments. */
function compilerCandidates() {
  const named = (process.env.CXX ?? '').split(/\s+/).filter(Boolean);
  const candidates = named.length > 0 ? [named] : [];
  candidates.push(['g++'], ['clang++'], ['c++']);
  const root = join(here, '..', '..', '.cache', 'native', 'zig');
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

function sourceHash(compiler) {
  const hash = createHash('sha256');
  for (const file of readdirSync(sourceDir).sort())
    hash.update(`${file}\n`).update(readFileSync(join(sourceDir, file)));
  hash.update(
    JSON.stringify([
      flags,
      linkFlags,
      compilationUnits(everySet),
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
 * Builds the library where its sources, flags or compiler changed, or where it lacks an instruction set that is wanted. The
 * code of a set, and the recorded hash, are the same whichever others are built.
 * @param {{everySet?: boolean, log?: (line: string) => void}} options `everySet` false: this machine's own
 * @returns {Promise<{built: boolean, path: string, compiler: string, seconds: number}>}
 * @throws Error with a sentence for people: no compiler (`code` NO_COMPILER), or the compiler's own output.
 */
export async function buildNative({ everySet: wantsEvery = true, log = () => {} } = {}) {
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
  const hash = sourceHash(compiler);
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
    const units = compilationUnits(wanted);
    log(`compiling ${units.length} objects with ${describe}`);
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
      run(compiler.command, ['-o', join(work, 'libtessera.so'), ...objects, ...linkFlags, ...extra]);
    // Nothing of the C++ library is used; compilers that know the option leave it out of the library's needs.
    await link(['-nostdlib++']).catch(() => link([]));
    renameSync(join(work, 'libtessera.so'), libraryPath);
    const { command } = compiler;
    const record = { hash, instructionSets: wanted, compiler: describe, command, flags, arch: process.arch };
    writeFileSync(join(work, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
    renameSync(join(work, 'build.json'), recordPath);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { built: true, path: libraryPath, compiler: describe, seconds: (Date.now() - started) / 1000 };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const result = await buildNative({ log: (line) => console.log(line) });
    console.log(
      result.built
        ? `built ${result.path} in ${result.seconds.toFixed(1)} s`
        : `${result.path} is up to date`,
    );
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
