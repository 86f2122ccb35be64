/** infra/slurm: its script with a stand-in for srun, against a real API, database and worker. */
import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findProgram } from '../scripts/bootstrap/programs.mjs';
import { repository } from './compose-file.js';
import { openProcesses, type Processes } from './processes.js';

const script = `${repository}infra/slurm/workers.sbatch`;
const shellcheck = findProgram('shellcheck');

/** Runs the command as srun does: a number for each task, signals handed on, the last failure's code. */
const srun = `#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift; done
for ((i = 0; i < \${SLURM_NTASKS:-1}; i++)); do SLURM_PROCID=$i "$@" & done
trap 'kill -TERM $(jobs -p)' TERM
while [[ -n $(jobs -pr) ]]; do wait; done
for job in $(jobs -p); do wait "$job" || exit $?; done
`;

vi.setConfig({ testTimeout: 180_000 });

let processes: Processes;
let folder: string;
let url: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-slurm-'));
  await writeFile(join(folder, 'srun'), srun, { mode: 0o755 });
  processes = await openProcesses();
  const services = ['api', 'aggregator'] as const;
  [url = ''] = await Promise.all(services.map((service) => processes.start(service).ready()));
});
afterAll(async () => {
  await processes?.close();
  await rm(folder, { recursive: true, force: true });
});

async function settings(lines: readonly string[]): Promise<string> {
  const file = join(folder, 'tessera.env');
  await writeFile(file, lines.join('\n'));
  await chmod(file, 0o600);
  return file;
}

function submit(file: string) {
  const child = spawn('bash', [script, file], {
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      HOME: folder,
      SLURM_CPUS_PER_TASK: '1',
      SLURM_NTASKS: '2',
      SLURM_ARRAY_JOB_ID: '7',
      SLURM_ARRAY_TASK_ID: '3',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (log += bytes));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, log: () => log };
}

it.skipIf(shellcheck === null)(`passes shellcheck${shellcheck ? '' : ' (left out: no shellcheck)'}`, () => {
  for (const file of ['infra/slurm/workers.sbatch', 'infra/docker/secrets.sh', 'infra/helm/render.sh'])
    execFileSync(shellcheck as string, [`${repository}${file}`]);
});

it('starts workers that do an experiment, and ends them when no experiment has been open for a while', async () => {
  const file = await settings([
    `export TESSERA_DATABASE_URL='${processes.databaseUrl}' TESSERA_DATA_DIR='${processes.dataDir}' TESSERA_URL=${url}`,
    `tessera_home=${repository} tessera_idle_seconds=1`,
  ]);
  const { id } = await new TesseraClient(url).createExperiment({
    name: 'on a queue of machines',
    dataset: { id: 'synthetic', train: 8, test: 4 },
    architecture: { family: 'fcn', activation: { name: 'relu' } },
    grid: { weightVariance: [2], biasVariance: [0], depth: [1, 2] },
  } as never);
  const job = submit(file);
  expect((await new TesseraClient(url).waitFor(id)).state, job.log()).toBe('completed');
  expect(await job.ended, job.log()).toBe(0);
  expect(job.log()).toContain('tessera: 2 workers of 1 cores on');
  expect(job.log()).toContain('no experiment has been open for 1 s; the workers end.');
  expect(job.log().match(/"msg":"ready"/g)).toHaveLength(2);
  expect(job.log().match(/"msg":"stopped"/g)).toHaveLength(2);
  expect(job.log()).not.toContain('unknown');
  const { rows } = await processes.db.pool.query("SELECT id FROM workers WHERE role = 'worker'");
  expect(rows).toEqual([]);
});

it('says what is missing', async () => {
  const refused = async (lines: readonly string[]) => {
    const job = submit(await settings(lines));
    expect(await job.ended).toBe(1);
    return job.log();
  };
  expect(await refused([])).toContain('tessera_home: set it to a built clone');
  expect(await refused([`tessera_home=${folder}`])).toContain(`run npm run build in ${folder}`);
  const away = [`tessera_home=${repository}`, 'export TESSERA_URL=http://127.0.0.1:9'];
  expect(await refused(away)).toContain('the API at http://127.0.0.1:9 does not answer');
  await chmod(await settings(away), 0o644);
  const open = submit(join(folder, 'tessera.env'));
  expect([await open.ended, open.log()]).toEqual([1, expect.stringContaining('opens to others')]);
});
