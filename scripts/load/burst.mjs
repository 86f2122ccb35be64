/** 1,000 small experiments of 50 clients while a large one runs, 500 of them watched. */
import { setTimeout as sleep } from 'node:timers/promises';
import { largeSpec, smallSpec } from './experiments.mjs';
import { quantile } from './requests.mjs';

/**
 * @param {import('./requests.mjs').Requests} requests
 * @param {{ clients: number, experiments: number, watchers: number, say: (line: string) => void }} options
 * @returns what the table shows
 */
export async function burst(requests, { clients, experiments, watchers, say }) {
  const large = await requests.send('POST large', 'POST', '/v1/experiments', largeSpec);
  if (large === null) throw new Error('The large experiment was not accepted.');
  await untilTilesDone(requests, large.id, 1);
  say(`The large experiment runs: ${large.id}`);
  const largeBefore = await tilesDone(requests, large.id);

  const startedAt = performance.now();
  /** `told`: the event stream said how it ended. @type {Map<string, { submitted: number, ended: number | null, state: string, told: boolean }>} */
  const small = new Map();
  const streams = [];
  let next = 0;
  const client = async () => {
    for (let number = next++; number < experiments; number = next++) {
      const made = await requests.send('POST /v1/experiments', 'POST', '/v1/experiments', smallSpec(number));
      if (made === null) continue;
      const record = { submitted: performance.now(), ended: null, state: 'queued', told: false };
      small.set(made.id, record);
      if (number < watchers) {
        const stream = requests.watch(made.id, (state) => {
          record.state = state;
          if (!isTerminal(state)) return;
          record.told = true;
          record.ended ??= performance.now();
        });
        streams.push(stream);
      }
      await requests.send('GET /v1/experiments/ID', 'GET', `/v1/experiments/${made.id}`);
      await requests.send('GET /v1/experiments', 'GET', '/v1/experiments?limit=20');
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const submittedMs = performance.now() - startedAt;
  say(`${small.size} small experiments submitted in ${(submittedMs / 1000).toFixed(1)} s`);

  // Clients go on asking while the work is done, as people do.
  let isDone = false;
  const asking = Array.from({ length: clients }, async () => {
    const ids = [...small.keys()];
    while (!isDone) {
      const id = ids[Math.floor(Math.random() * ids.length)];
      await requests.send('GET /v1/experiments/ID', 'GET', `/v1/experiments/${id}`);
      await requests.send('GET .../analyses', 'GET', `/v1/experiments/${id}/analyses`);
      await sleep(1000);
    }
  });
  let said = 0;
  for (;;) {
    const open = await openSmall(requests, small);
    if (open === 0) break;
    if (performance.now() - said > 15_000) {
      say(
        `${small.size - open} of ${small.size} done after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
      );
      said = performance.now();
    }
    await sleep(500);
  }
  const doneMs = performance.now() - startedAt;
  isDone = true;
  const told = () => [...small.values()].filter((record) => record.told).length;
  for (const until = performance.now() + 5000; told() < streams.length && performance.now() < until; )
    await sleep(100);
  await Promise.all(asking);
  const largeAfter = await tilesDone(requests, large.id);
  const openStreams = streams.length;
  for (const stream of streams) stream.close();
  await requests.send('POST cancel', 'POST', `/v1/experiments/${large.id}/cancel`);
  const waits = [...small.values()].map(({ submitted, ended }) => (ended - submitted) / 1000);
  return {
    experiments: small.size,
    completed: [...small.values()].filter(({ state }) => state === 'completed').length,
    watchers: openStreams,
    watchersTold: told(),
    submittedSeconds: submittedMs / 1000,
    doneSeconds: doneMs / 1000,
    waitMedian: quantile(waits, 0.5),
    waitLongest: Math.max(...waits),
    largeTiles: largeAfter - largeBefore,
  };
}

const isTerminal = (state) => ['completed', 'failed', 'cancelled'].includes(state);

/** Marks what has ended, by the list as everybody sees it. */
async function openSmall(requests, small) {
  const open = new Set();
  for (const state of ['queued', 'running']) {
    let cursor = '';
    do {
      const page = await requests.send(
        'GET page of 1,000',
        'GET',
        `/v1/experiments?state=${state}&limit=1000${cursor}`,
      );
      for (const { id } of page?.items ?? []) open.add(id);
      cursor = page?.nextCursor ? `&cursor=${page.nextCursor}` : null;
    } while (cursor !== null);
  }
  let left = 0;
  for (const [id, record] of small) {
    if (open.has(id)) left++;
    else if (record.ended === null || record.state !== 'completed') {
      record.ended ??= performance.now();
      const found = await requests.send('GET /v1/experiments/ID', 'GET', `/v1/experiments/${id}`);
      record.state = found?.state ?? 'unknown';
    }
  }
  return left;
}

const tilesDone = async (requests, id) =>
  (await requests.send('GET /v1/experiments/ID', 'GET', `/v1/experiments/${id}`)).progress.tiles.done;

async function untilTilesDone(requests, id, count) {
  while ((await tilesDone(requests, id)) < count) await sleep(250);
}
