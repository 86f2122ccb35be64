import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepareChromium } from './bootstrap/chromium.mjs';
import { hasCifar10 } from './bootstrap/cifar10.mjs';
import { prepareHelm } from './bootstrap/helm.mjs';
import { prepareProgram } from './bootstrap/programs.mjs';
import { preparePython } from './bootstrap/python.mjs';
import { prepareRedis } from './bootstrap/redis.mjs';
import { plainEnv, root, say } from './bootstrap/run.mjs';
import { bootstrap } from './bootstrap.mjs';

/** @returns {Promise<number>} the exit code */
export async function runTests(args) {
  try {
    await bootstrap({ everySet: true });
  } catch (error) {
    console.error(error.name === 'StartError' ? error.message : error);
    return 1;
  }
  const isCI = Boolean(process.env.CI);
  const missing = [
    ['Redis, and with it the tests of delivery through Redis', await prepareRedis()],
    ['Chromium, and with it the tests of the dashboard', await prepareChromium()],
    [
      'Python, and with it the Python client, the comparisons with scipy, zarr-python and xarray, and (where no Docker engine answers) S3',
      await preparePython(),
    ],
  ].filter(([, reason]) => reason !== null);
  // Checks of files for clusters: whoever deploys has these, who changes the code may not.
  const leftOut = [
    ['the tests of the Helm chart', await prepareHelm()],
    ['the unit tests of the alerts', await prepareProgram('promtool')],
    ['the check of the Slurm scripts by shellcheck', await prepareProgram('shellcheck')],
  ].filter(([, reason]) => reason !== null);
  const checks = await runChecks();
  for (const [what, reason] of missing) say(`${isCI ? 'Missing' : 'Left out'}: ${what} (${reason}).`);
  for (const [what, reason] of leftOut) say(`Left out: ${what} (${reason}).`);
  sayDataLeftOut();
  await sayDevicesLeftOut();
  const vitest = await show([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args]);
  const failed = checks.filter(({ code }) => code !== 0).map(({ name }) => name);
  if (isCI) failed.push(...missing.map(([what]) => what));
  if (vitest !== 0) failed.push('tests');
  if (failed.length > 0) console.error(`\nFailed: ${failed.join('; ')}.`);
  return failed.length > 0 ? 1 : 0;
}

/** Everything that needs no service. All of it runs, so that one look shows every fault. */
async function runChecks() {
  const checks = [
    [
      'formatting and lint',
      [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
    ],
    ['types of the tests', [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.tests.json']],
    ['import rules', ['scripts/check-imports.mjs']],
  ];
  const results = [];
  for (const [name, command] of checks) {
    const code = await show(command);
    say(`${code === 0 ? 'ok' : 'FAILED'}: ${name}`);
    results.push({ name, code });
  }
  return results;
}

function sayDataLeftOut() {
  if (!process.env.TESSERA_GOLDENS_DIR) {
    say(
      'Left out: the large extended-precision goldens (TESSERA_GOLDENS_DIR is not set); the committed ones are compared.',
    );
  }
  const folder = process.env.TESSERA_CIFAR10_DIR;
  if (!folder || !hasCifar10(folder)) {
    say('Left out: tests on real CIFAR-10 images (TESSERA_CIFAR10_DIR names no folder with them).');
  }
}

async function sayDevicesLeftOut() {
  const { listDevices } = await import('@tessera/engine-opencl');
  try {
    if (listDevices().length > 0) return;
    say(
      'Left out: the tests of the OpenCL engine (there is no OpenCL device; pocl-opencl-icd makes one of the CPU).',
    );
  } catch (error) {
    say(`Left out: the tests of the OpenCL engine (${error.message})`);
  }
}

/** Runs a program of Node's with our output. @returns {Promise<number>} its exit code */
export function show(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...plainEnv(), ...env },
      stdio: 'inherit',
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
