/**
 * `npm run chaos -- --seed S --faults N [--runs R] [--backend postgres|redis|both] [--log FILE]`: faults at seeded random
 * instants against a cluster of real processes. Exits 0 only when every invariant held and all bytes agree.
 */
import { appendFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadSettings } from '@tessera/config';
import { type QueueBackend, queueBackends } from '@tessera/testkit';
import { doneRuns, summaryTable } from './report.js';
import { Cluster, type RunResult, run } from './run.js';
import { describeFault, planFaults } from './schedule.js';

/** Faults of a run where `--runs` does not say: what a minute or so has room for. */
const faultsOfOneRun = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    faults: { type: 'string', default: '40' },
    runs: { type: 'string' },
    backend: { type: 'string', default: 'both' },
    /** One JSON line a run is appended here; runs that it holds already are not run again. */
    log: { type: 'string' },
  },
});

const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : count('seed', values.seed, 0);
const faults = count('faults', values.faults, 1);
const backends = chooseBackends(values.backend);
const runs =
  values.runs === undefined
    ? Math.max(backends.length, Math.ceil(faults / faultsOfOneRun))
    : count('runs', values.runs, 1);
const images = loadSettings(process.env).settings.cifar10Dir;
if (images === null) console.log('Synthetic images: TESSERA_CIFAR10_DIR is not set.');

const results: RunResult[] = values.log === undefined ? [] : await doneRuns(values.log);
let cluster: Cluster | null = null;
for (let index = 0; index < runs; index++) {
  const backend = backends[Math.floor((index * backends.length) / runs)] as QueueBackend;
  const share = Math.floor(((index + 1) * faults) / runs) - Math.floor((index * faults) / runs);
  if (results.some((done) => done.seed === seed + index && done.backend === backend)) continue;
  console.log(
    `\nRun ${index + 1} of ${runs}: seed ${seed + index}, ${share} faults, deliveries by ${backend}`,
  );
  for (const fault of planFaults(seed + index, share, backend)) console.log(`  ${describeFault(fault)}`);
  if (cluster && cluster.stack.backend !== backend) {
    await cluster.stop(false);
    cluster = null;
  }
  cluster ??= await Cluster.start(backend, images);
  const say = (line: string) => console.log(`  > ${line}`);
  const result: RunResult = await run(cluster, { seed: seed + index, faults: share, say });
  results.push(result);
  if (values.log !== undefined) await appendFile(values.log, `${JSON.stringify(result)}\n`);
  const { seconds, experiments, tiles, longestStallMs, recoveryMs, violations, folder } = result;
  console.log(
    `  ${violations.length === 0 ? 'ok' : 'FAILED'}: ${experiments} experiments, ${tiles} tiles computed, ` +
      `longest stall ${longestStallMs} ms, recovered in ${recoveryMs} ms, ${seconds} s`,
  );
  if (violations.length > 0) {
    console.log(`  Logs: ${folder}`);
    await cluster.stop(true);
    cluster = null;
    console.log(
      `  Again: npm run chaos -- --seed ${seed + index} --faults ${share} --runs 1 --backend ${backend}`,
    );
  }
}
await cluster?.stop(false);
console.log(`\n${summaryTable(results)}`);
process.exitCode = results.every(({ violations }) => violations.length === 0) ? 0 : 1;

function count(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`--${name} ${text}: must be an integer, ${least} or more.`);
  process.exit(2);
}

function chooseBackends(asked: string): readonly QueueBackend[] {
  const possible = queueBackends();
  if (asked === 'both') {
    if (possible.length < 2) console.log('Left out: Redis (no redis-server is on PATH).');
    return possible;
  }
  const chosen = possible.filter((backend) => backend === asked);
  if (chosen.length > 0) return chosen;
  console.error(`--backend ${asked}: must be one of both, ${possible.join(', ')}.`);
  process.exit(2);
}
