/**
 * `npm run load`: how the service behaves under many small experiments, many watchers and a large experiment, on a stack of its
 * own. `--soak MINUTES` runs a steady load afterwards and samples the memory of every process. Prints tables in Markdown.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeDataFolder } from '@tessera/embedded';
import { startStack } from '@tessera/testkit';
import { burst } from './burst.mjs';
import { memoryFigure } from './memory-figure.mjs';
import { quantile, Requests } from './requests.mjs';
import { soak } from './soak.mjs';

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '50' },
    experiments: { type: 'string', default: '1000' },
    watchers: { type: 'string', default: '500' },
    soak: { type: 'string', default: '0' },
    'soak-only': { type: 'boolean', default: false },
    figure: { type: 'string' },
  },
});
const say = (line) => process.stderr.write(`${line}\n`);

const dataDir = await mkdtemp(join(tmpdir(), 'tessera-load-'));
const stack = await startStack({
  dataDir,
  workers: Math.max(1, availableParallelism() - 1),
  readyTimeoutMs: 180_000,
});
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void stack.stop().then(() => process.exit(130)));
let isFine = true;
try {
  const requests = new Requests(stack.url);
  console.log(
    `Machine: ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.version}.\n`,
  );
  if (!options['soak-only']) {
    const found = await burst(requests, {
      clients: Number(options.clients),
      experiments: Number(options.experiments),
      watchers: Number(options.watchers),
      say,
    });
    isFine = showBurst(found, requests);
  }
  if (Number(options.soak) > 0) {
    requests.times.clear();
    const { memory, experiments } = await soak(requests, {
      minutes: Number(options.soak),
      clients: 8,
      pids: stack.pids,
      say,
    });
    if (options.figure) await writeFile(options.figure, memoryFigure(memory));
    isFine = showSoak(memory, experiments, requests, Number(options.soak)) && isFine;
  }
  requests.close();
} finally {
  await stack.stop();
  await removeDataFolder(dataDir);
}
process.exitCode = isFine ? 0 : 1;

function showTimes(requests) {
  console.log('| request | count | median ms | 99th percentile ms | longest ms |\n|---|---|---|---|---|');
  let worst = 0;
  for (const [kind, times] of requests.times) {
    const row = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)];
    worst = Math.max(worst, row[1]);
    console.log(`| ${kind} | ${times.length} | ${row.map((time) => time.toFixed(0)).join(' | ')} |`);
  }
  console.log(
    `\nRequests that did not succeed: ${[...requests.failures].map(([name, n]) => `${name}: ${n}`).join(', ') || 'none'}.\n`,
  );
  return worst;
}

function showBurst(found, requests) {
  const worst = showTimes(requests);
  const rows = [
    ['small experiments submitted, completed', `${found.experiments}, ${found.completed}`],
    ['seconds until all were submitted', found.submittedSeconds.toFixed(1)],
    ['seconds until all were completed', found.doneSeconds.toFixed(1)],
    [
      'seconds from POST to completed: median, longest',
      `${found.waitMedian.toFixed(1)}, ${found.waitLongest.toFixed(1)}`,
    ],
    ['tiles of the large experiment meanwhile', found.largeTiles],
    ['event streams, of which told the end', `${found.watchers}, ${found.watchersTold}`],
  ];
  console.log('| what | number |\n|---|---|');
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log('');
  return (
    worst < 1000 &&
    found.completed === found.experiments &&
    found.watchersTold === found.watchers &&
    found.largeTiles > 0 &&
    requests.failures.size === 0
  );
}

/** What a process may gain in an hour and still be called flat: noise of a garbage-collected heap is larger in 20 minutes. */
const flatPerHour = 60;

function showSoak(memory, experiments, requests, minutes) {
  const worst = showTimes(requests);
  console.log(`${experiments} experiments were made, watched, read and deleted in ${minutes} minutes.\n`);
  console.log('| process | MiB at first | MiB at last | peak | MiB per hour |\n|---|---|---|---|---|');
  const rows = memory.summary(Math.min(180, 20 * minutes));
  for (const { name, start, end, peak, growthPerHour } of rows)
    console.log(
      `| ${name} | ${start.toFixed(0)} | ${end.toFixed(0)} | ${peak.toFixed(0)} | ${growthPerHour.toFixed(1)} |`,
    );
  return worst < 1000 && rows.every(({ growthPerHour }) => growthPerHour < flatPerHour);
}
