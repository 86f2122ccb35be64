/** The dashboard in real Chromium, over a whole stack. */
import { gzipSync } from 'node:zlib';
import { startStack, type TestStack } from '@tessera/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibilityBreaches, chromiumPath, launchChromium, openPage, overflowOf } from './browser.js';

describe.skipIf(chromiumPath === null)('the dashboard', () => {
  let stack: TestStack;
  let browser: Browser;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStack({ workers: 1 }), launchChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('shows its first view for less than 300 kB, from this server alone, within its own policy', async () => {
    const { page, complaints } = await openPage(browser, 'about:blank');
    const loaded: Promise<[string, number]>[] = [];
    page.on('response', (response) => {
      if (new URL(response.url()).pathname.startsWith('/v1/')) return;
      loaded.push(
        response.body().then((body) => {
          const isFont = response.url().endsWith('.woff2');
          return [response.url(), isFont ? body.length : gzipSync(body).length] as [string, number];
        }),
      );
    });
    await page.goto(stack.url, { waitUntil: 'networkidle' });
    await page.getByRole('heading', { name: 'Experiments' }).waitFor();
    const sizes = await Promise.all(loaded);
    for (const [url] of sizes) expect(new URL(url).origin).toBe(stack.url);
    const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
    console.log(`first view: ${(bytes / 1000).toFixed(0)} kB compressed, ${sizes.length} files`);
    expect(bytes).toBeLessThan(300_000);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('can be read by everyone, narrow and wide, light and dark', async () => {
    for (const [width, theme] of [
      [360, 'light'],
      [2560, 'dark'],
    ] as const) {
      const { page } = await openPage(browser, stack.url, { width, theme });
      for (const path of ['/', '/new', '/compare', '/theory', '/cluster']) {
        await page.goto(stack.url + path, { waitUntil: 'networkidle' });
        await page.getByRole('heading', { level: 1 }).waitFor();
        expect(await accessibilityBreaches(page), `${path} at ${width}`).toEqual([]);
        expect(await overflowOf(page), `${path} at ${width}`).toBe(0);
      }
      await page.close();
    }
  });
});
