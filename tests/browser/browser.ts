/** Real Chromium for tests: pages that collect what went wrong in them. */
/// <reference lib="dom" />
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/bootstrap/chromium.mjs';

/** Where Chromium is; null: the tests are left out, and `npm test` says so. */
export const chromiumPath: string | null = findChromium();

/** Loaded machines are slow, not wrong. */
export const patience = 60_000;

export interface TestPage {
  page: Page;
  /** Errors of scripts, refused resources and breaches of the content security policy. */
  complaints: string[];
}

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath as string,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

export async function openPage(
  browser: Browser,
  url: string,
  options: { width?: number; height?: number; theme?: 'light' | 'dark' } = {},
): Promise<TestPage> {
  const { width = 1280, height = 900, theme = 'light' } = options;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
  page.setDefaultTimeout(patience);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    const { url } = message.location();
    // A loaded server says so by 503, and the page asks again.
    const isPassing = message.text().includes('status of 503');
    if (message.type() === 'error' && !isPassing) complaints.push(`${message.text()} ${url}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Breaches of WCAG 2.2 A and AA on the page as it is, in words. */
export async function accessibilityBreaches(page: Page): Promise<string[]> {
  // By the debugger's way, which the page's own policy does not bind.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const runner = (globalThis as unknown as { axe: typeof axe }).axe;
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const found = await runner.run(document, { runOnly: tags });
    return found.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`),
    }));
  });
  return violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.slice(0, 5).join('\n  ')}`);
}

/** Whether the page is wider than its window: it would scroll sideways. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
