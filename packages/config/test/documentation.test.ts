import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { variables } from '../src/index.js';

it('docs/configuration.md lists every variable with its default, in order, and no other', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(TESSERA_[A-Z0-9_]+)` \| ([^|]*) \|/gm)].map(([, name, text]) => ({
    name,
    default: text?.trim() === '' ? null : text?.trim().replaceAll('`', ''),
  }));
  expect(rows).toEqual(variables.map(({ name, default: value }) => ({ name, default: value })));
});

it('.env.example names only known variables', async () => {
  const example = await readFile(new URL('../../../.env.example', import.meta.url), 'utf8');
  const known: string[] = variables.map((variable) => variable.name);
  for (const [, name] of example.matchAll(/^#?\s*(TESSERA_[A-Z0-9_]+)=/gm)) expect(known).toContain(name);
});
