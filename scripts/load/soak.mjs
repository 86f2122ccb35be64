/** A steady load for minutes: experiments come, are watched, end and are deleted; memory is sampled all the while. */
import { setTimeout as sleep } from 'node:timers/promises';
import { smallSpec } from './experiments.mjs';
import { MemoryRecord } from './memory.mjs';

const sampleMs = 2000;

/**
 * @param {import('./requests.mjs').Requests} requests
 * @param {{ minutes: number, clients: number, pids: () => Promise<Record<string, number>>, say: (line: string) => void }} options
 */
export async function soak(requests, { minutes, clients, pids, say }) {
  const memory = new MemoryRecord();
  const endsAt = performance.now() + 60_000 * minutes;
  let done = 0;
  let next = 0;
  const client = async () => {
    while (performance.now() < endsAt) {
      const made = await requests.send('POST /v1/experiments', 'POST', '/v1/experiments', smallSpec(next++));
      if (made === null) {
        await sleep(1000);
        continue;
      }
      const { id } = made;
      await new Promise((resolve) => {
        const stream = requests.watch(id, (state) => {
          if (['completed', 'failed'].includes(state)) stream.close();
        });
        stream.ended.then(resolve, resolve);
      });
      await requests.send('GET .../analyses', 'GET', `/v1/experiments/${id}/analyses`);
      await requests.send('GET .../kappa.npy', 'GET', `/v1/experiments/${id}/analyses.csv`).catch(() => {});
      await requests.send('GET /v1/experiments', 'GET', '/v1/experiments?limit=50');
      await requests.send('DELETE /v1/experiments/ID', 'DELETE', `/v1/experiments/${id}`);
      done++;
      await sleep(200);
    }
  };
  const clientsDone = Promise.all(Array.from({ length: clients }, client));
  let said = performance.now();
  while (performance.now() < endsAt) {
    memory.sample(await pids());
    if (performance.now() - said > 60_000) {
      said = performance.now();
      const left = Math.round((endsAt - said) / 60_000);
      const sizes = [...memory.series]
        .map(([name, values]) => `${name} ${values.at(-1).toFixed(0)}`)
        .join(', ');
      say(`${done} experiments made, watched and deleted; ${left} minutes left; MiB: ${sizes}`);
    }
    await sleep(sampleMs);
  }
  await Promise.race([clientsDone, sleep(60_000)]);
  return { memory, experiments: done };
}
