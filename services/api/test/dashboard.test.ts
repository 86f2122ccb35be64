/** The dashboard's pages and files, as the API serves them. Built by `npm run build`, as everything else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, runApi } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
});
afterAll(() => api.close());

describe('the dashboard', () => {
  it.each([
    '/',
    '/new',
    '/experiments/x',
    '/experiments/x/results',
    '/compare?ids=a,b',
    '/theory',
    '/cluster',
  ])(
    'answers %s with its one document, asked for anew each time, that runs no inline script',
    async (url) => {
      const { statusCode, headers, body } = await api.get(url);
      expect(statusCode).toBe(200);
      expect(headers['content-type']).toMatch(/^text\/html/);
      expect(headers['cache-control']).toBe('no-cache');
      expect(headers['content-security-policy']).toMatch(/script-src 'self'/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:/);
      expect(body).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    },
  );

  it('lets files with a hash in their name be kept for ever', async () => {
    const { body } = await api.get('/');
    const files = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const { statusCode, headers } = await api.get(file);
      expect(statusCode).toBe(200);
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
  });

  it('leaves what is no page and no file to the API, which says that there is nothing', async () => {
    for (const url of ['/assets/no-such.js', '/experiments', '/v1/no-such']) {
      const { statusCode, headers } = await api.get(url);
      expect(statusCode).toBe(404);
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  });
});
