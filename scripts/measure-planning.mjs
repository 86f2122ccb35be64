/**
 * `node scripts/measure-planning.mjs [IMAGES]`: how long an experiment of many tiles takes from its POST to its last
 * task row, and what the API process holds meanwhile. Tiles of one image: 1,413 images (the default) are 998,991 tiles.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { manyTiles, peakMiB, post, taskRows, withMeasuredApi } from './measured-api.mjs';

const images = Number(process.argv[2] ?? 1413);

await withMeasuredApi(async ({ url, client, pid }) => {
  const started = performance.now();
  const { id, progress } = await post(url, manyTiles(images));
  const posted = performance.now();
  let slowest = 0;
  let rows = 0;
  let firstRows = null;
  // The API must answer meanwhile.
  while (rows < progress.tiles.total) {
    const asked = performance.now();
    const shown = await fetch(`${url}/v1/experiments/${id}`);
    await shown.arrayBuffer();
    slowest = Math.max(slowest, performance.now() - asked);
    rows = await taskRows(client, id);
    firstRows ??= rows > 0 ? performance.now() : null;
    await sleep(10);
  }
  const last = performance.now();
  const cancelling = performance.now();
  const cancelled = await fetch(`${url}/v1/experiments/${id}/cancel`, { method: 'POST' });
  if (cancelled.status !== 202) throw new Error(await cancelled.text());
  const seconds = (from, to) => `${((to - from) / 1000).toFixed(2)} s`;
  console.log(`${rows.toLocaleString('en-US')} task rows`);
  console.log(`POST to its answer            ${seconds(started, posted)}`);
  console.log(`POST to the first rows        ${seconds(started, firstRows)}`);
  console.log(`POST to the last row          ${seconds(started, last)}`);
  console.log(`slowest GET meanwhile         ${(slowest / 1000).toFixed(2)} s`);
  console.log(`cancel                        ${seconds(cancelling, performance.now())}`);
  console.log(`API process at its peak       ${await peakMiB(pid)} MiB`);
});
