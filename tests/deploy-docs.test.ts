/** docs/deploy and its neighbours against what they name: tables, files, values of the chart, services of compose. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { variables } from '@tessera/config';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { withTables } from '../scripts/sizing.js';
import { readText, repository } from './compose-file.js';

const pages = (await readdir(`${repository}docs/deploy`)).map((name) => `docs/deploy/${name}`);
const neighbours = ['README.md', 'docs/backup.md', 'docs/runbook.md', 'docs/upgrading.md'];

it('the sizing tables are what the planner says', async () => {
  const page = await readText('docs/deploy/sizing.md');
  expect(page, 'npx tsx scripts/sizing.ts').toBe(withTables(page));
});

it.each([...pages, ...neighbours])('%s links to pages and sections that there are', async (page) => {
  const text = await readText(page);
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    expect(existsSync(`${repository}${file}`), target).toBe(true);
    if (anchor === undefined) continue;
    const heads = [...(await readText(file)).matchAll(/^#+ (.+)$/gm)].map(([, head = '']) =>
      head
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(heads, target).toContain(anchor);
  }
  for (const [path] of text.matchAll(/\b(?:infra|tests|scripts|packages|services|examples)\/[\w./-]+\.\w+/g))
    expect(existsSync(`${repository}${path}`), path).toBe(true);
});

it.each(pages)('%s names variables, values of the chart and profiles that there are', async (page) => {
  const text = await readText(page);
  const known: string[] = variables.map(({ name }) => name);
  for (const [name] of text.matchAll(/\bTESSERA_[A-Z0-9_]+/g)) expect(known).toContain(name);
  const values = parse(await readText('infra/helm/tessera/values.yaml')) as Record<string, object>;
  const groups = Object.keys(values).join('|');
  for (const [, group = '', name = ''] of text.matchAll(new RegExp(`\`(${groups})\\.([a-zA-Z0-9]+)`, 'g')))
    expect(Object.keys(values[group] as object), `${group}.${name}`).toContain(name);
  const compose = await readText('docker-compose.yml');
  for (const [, profile] of text.matchAll(/--profile (\w+)/g))
    expect(compose).toContain(`      - ${profile}\n`);
});
