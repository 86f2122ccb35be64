import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorRegistry, TesseraError } from '../src/index.js';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| +`([a-z-]+)` +\| +(\d+) +\| +(.+?) +\| +(.+?) +\|$/gm)].map(
  ([, code, status]) => [code, Number(status)],
);

describe('the registry of errors and docs/errors.md', () => {
  it('list the same codes with the same status, each once', () => {
    const registry = Object.entries(errorRegistry).map(([code, { status }]) => [code, status]);
    const byCode = (a: unknown[], b: unknown[]) => String(a[0]).localeCompare(String(b[0]));
    expect(rows.sort(byCode)).toEqual(registry.sort(byCode));
  });

  it('the page lists no row the test cannot read', () => {
    const tableRows = page.split('\n').filter((line) => line.startsWith('|') && line.includes('`'));
    expect(tableRows).toHaveLength(rows.length);
  });
});

describe('TesseraError', () => {
  it('has the status of its code and keeps its problems and cause', () => {
    const cause = new Error('disk full');
    const problems = [{ pointer: '/name', message: 'name is required' }];
    const error = new TesseraError('invalid-spec', 'The spec has a problem.', { problems, cause });
    expect(error).toMatchObject({ code: 'invalid-spec', status: 400, problems, cause });
    expect(new TesseraError('not-found', 'gone')).toMatchObject({ status: 404, problems: [] });
  });
});
