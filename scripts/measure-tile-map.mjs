/**
 * `node scripts/measure-tile-map.mjs [IMAGES] [PICTURE]`: frames of the dashboard's tile map while it is dragged and
 * zoomed by a mouse, in Chromium without a screen and without a GPU. Tiles of one image: 1,414 images (the default) are
 * 1,000,405 tiles. Their states are written into the database as a day of work leaves them: no worker computes here. With
 * PICTURE the page is saved there as a PNG.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { findChromium } from './bootstrap/chromium.mjs';
import { manyTiles, post, taskRows, withMeasuredApi } from './measured-api.mjs';

const images = Number(process.argv[2] ?? 1414);
const picture = process.argv[3];
const seconds = 6;
const failedText = (total) =>
  `${Math.ceil((Math.floor(0.6 * total) + 400) / 9973).toLocaleString('en-US')} failed`;

await withMeasuredApi(async ({ url, client }) => {
  const { id, progress } = await post(url, manyTiles(images));
  const { total } = progress.tiles;
  while ((await taskRows(client, id)) < total) await sleep(200);
  // What is done grows from the first tile; some are in work, a few have failed.
  await client.query(
    `UPDATE tasks SET worker_id = 'worker-' || index % 7, milliseconds = 20 + index % 400,
       state = CASE WHEN index % 9973 = 0 THEN 'failed' WHEN index < $2 THEN 'done' ELSE 'leased' END,
       leased_until = CASE WHEN index >= $2 AND index % 9973 <> 0 THEN now() + interval '1 day' END
     WHERE experiment_id = $1 AND wave = 'train' AND index < $2 + 400`,
    [id, Math.floor(0.6 * total)],
  );
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
    const opened = performance.now();
    await page.goto(`${url}/experiments/${id}`);
    await page
      .getByText(/[1-9][0-9,]* done/)
      .first()
      .waitFor({ timeout: 120_000 });
    await page.waitForFunction(
      (n) => document.querySelector('.legend')?.textContent?.includes(n),
      failedText(total),
      {
        timeout: 120_000,
      },
    );
    console.log(`${total.toLocaleString('en-US')} tiles`);
    console.log(`from the address to the whole map ${((performance.now() - opened) / 1000).toFixed(1)} s`);
    if (picture) await page.screenshot({ path: picture });
    const box = await page.locator('.tile-plane canvas').boundingBox();
    print('dragged and zoomed', await frames(page, () => play(page, box)));
    let isOver = false;
    const [changing] = await Promise.all([
      frames(page, () => play(page, box)).finally(() => {
        isOver = true;
      }),
      change(client, id, Math.floor(0.6 * total), () => isOver),
    ]);
    print('the same while 2,000 tiles a second change', changing);
  } finally {
    await browser.close();
  }
});

/** Drags in circles and zooms from all of it to single tiles and back, by real events of the mouse. */
async function play(page, { x, y, width, height }) {
  const [cx, cy] = [x + width / 2, y + height / 2];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    for (let step = 0; step < 24; step++) {
      await page.mouse.move(cx, cy);
      await page.mouse.wheel(0, step < 12 ? -160 : 160);
    }
    await page.mouse.move(cx, cy);
    await page.mouse.down();
    for (let step = 0; step < 48; step++) {
      const angle = (step / 24) * Math.PI;
      await page.mouse.move(cx + 0.3 * width * Math.sin(angle), cy + 0.3 * height * (1 - Math.cos(angle)));
    }
    await page.mouse.up();
  }
}

/** Milliseconds between frames, and of each drawing of the map, while something is done. */
async function frames(page, act) {
  await page.evaluate(() => {
    performance.clearMeasures();
    const seen = { times: [], isOver: false };
    window.tesseraFrames = seen;
    const note = (time) => {
      seen.times.push(time);
      if (!seen.isOver) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  });
  await act();
  return page.evaluate(() => {
    window.tesseraFrames.isOver = true;
    const { times } = window.tesseraFrames;
    return {
      between: times.slice(1).map((time, i) => time - times[i]),
      drawing: performance.getEntriesByName('tile map frame').map(({ duration }) => duration),
    };
  });
}

function print(what, { between, drawing }) {
  const at = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
  const ms = (value) => `${value.toFixed(1)} ms`;
  const mean = between.reduce((sum, value) => sum + value, 0) / between.length;
  const slow = between.filter((value) => value > 1000 / 30 + 1).length;
  console.log(`${what}:`);
  console.log(
    `  ${between.length} frames, ${(1000 / mean).toFixed(1)} a second; ${slow} slower than 30 a second`,
  );
  console.log(
    `  between frames: median ${ms(at(between, 0.5))}, 95% ${ms(at(between, 0.95))}, 99% ${ms(at(between, 0.99))}, most ${ms(at(between, 1))}`,
  );
  console.log(
    `  the map's own drawing: ${drawing.length} times, median ${ms(at(drawing, 0.5))}, 99% ${ms(at(drawing, 0.99))}`,
  );
}

/** Completes what is in work and takes the next, a hundred at a time. */
async function change(client, id, first, isOver) {
  for (let at = first; !isOver(); at += 100) {
    await client.query(
      `UPDATE tasks SET state = CASE WHEN index < $2 + 100 THEN 'done' ELSE 'leased' END, milliseconds = 50, worker_id = 'worker-1',
         leased_until = CASE WHEN index >= $2 + 100 THEN now() + interval '1 day' END
       WHERE experiment_id = $1 AND kernel_index = 0 AND wave = 'train' AND index >= $2 AND index < $2 + 500 AND state <> 'failed'`,
      [id, at],
    );
    await sleep(50);
  }
}
