import { createKey, revokeKey } from '@tessera/database';
import type { Role } from '@tessera/spec';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi({ settings: { auth: 'required' } });
});
afterAll(() => api?.close());
beforeEach(() => api.app.authenticator.forget());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const keyOf = async (role: Role, project = 'alpha') =>
  (await createKey(api.db, { role, project, name: '', expiresAt: null })).key;

describe('keys', () => {
  it('tell a session apart from none, and never answer it 401', async () => {
    const none = await api.get('/v1/session');
    expect([none.statusCode, none.json()]).toEqual([200, { required: true, role: null, project: null }]);
    const bad = await api.get('/v1/session', bearer('nonsense'));
    expect([bad.statusCode, bad.json().role]).toEqual([200, null]);
    const good = await api.get('/v1/session', bearer(await keyOf('viewer')));
    expect(good.json()).toEqual({ required: true, role: 'viewer', project: 'alpha' });
    const all = await api.get('/v1/session', bearer(await keyOf('admin', '*')));
    expect(all.json()).toEqual({ required: true, role: 'admin', project: '*' });
  });

  it('are needed, and a missing or wrong one is 401', async () => {
    const key = await keyOf('viewer');
    const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const headers of [{}, bearer(wrong), bearer('x'), { authorization: 'Basic YTpi' }]) {
      const response = await api.get('/v1/experiments', headers);
      expect([response.statusCode, response.json().code]).toEqual([401, 'unauthorized']);
      expect(response.headers['www-authenticate']).toBe('Bearer');
    }
    expect((await api.get('/v1/experiments', bearer(key))).statusCode).toBe(200);
  });

  it('of a viewer read and plan, of a submitter write, of an admin make keys', async () => {
    const [viewer, submitter, admin] = await Promise.all(
      (['viewer', 'submitter', 'admin'] as const).map((role) => keyOf(role)),
    );
    const post = async (url: string, key: string | undefined, body: unknown) =>
      (await api.post(url, body, bearer(key as string))).statusCode;
    const theory = { activation: { name: 'erf' }, weightVariance: 1, biasVariance: 0 };
    expect(await post('/v1/theory', viewer, theory)).toBe(200);
    expect(await post('/v1/experiments', viewer, {})).toBe(403);
    expect(await post('/v1/experiments', submitter, {})).toBe(400);
    expect(await post('/v1/keys', submitter, { role: 'viewer' })).toBe(403);
    expect(await post('/v1/keys', admin, { role: 'viewer' })).toBe(201);
    expect(await post('/v1/keys', admin, { role: 'viewer', project: 'beta' })).toBe(403);
    expect(await post('/v1/keys', admin, { role: 'viewer', project: '*' })).toBe(403);
  });

  it('are shown once, listed without their secrets, and end when they are revoked', async () => {
    const admin = bearer(await keyOf('admin', 'gamma'));
    const made = await api.post('/v1/keys', { role: 'submitter', name: 'notebook' }, admin);
    const { key, id } = made.json();
    expect(made.json()).toMatchObject({
      role: 'submitter',
      project: 'gamma',
      name: 'notebook',
      expiresAt: null,
    });
    expect(key).toMatch(/^tessera_[a-z0-9]+_[\w-]{43}$/);
    // Its characters may be underscores too.
    const secret = key.slice(-43);
    const list = await api.get('/v1/keys', admin);
    expect(list.body).not.toContain(secret);
    expect(list.json().items).toHaveLength(2);
    const { rows } = await api.db.pool.query('SELECT * FROM api_keys');
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect((await api.get('/v1/experiments', bearer(key))).statusCode).toBe(200);
    const other = bearer(await keyOf('admin', 'delta'));
    expect((await api.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: other })).statusCode).toBe(
      404,
    );
    expect((await api.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: admin })).statusCode).toBe(
      204,
    );
    expect((await api.get('/v1/experiments', bearer(key))).statusCode).toBe(401);
    const rest = (await api.get('/v1/keys', admin)).json().items;
    expect(rest.find((item: { id: string }) => item.id === id).revokedAt).not.toBeNull();
  });

  it('are refused a name that the database cannot hold, and limits beyond its columns', async () => {
    const operator = bearer(await keyOf('admin', '*'));
    const named = await api.post('/v1/keys', { role: 'viewer', name: 'a\u0000b' }, operator);
    expect([named.statusCode, named.json().code]).toEqual([400, 'invalid-request']);
    for (const [key, value] of [
      ['experiments', 2 ** 31],
      ['runningTiles', 1e308],
      ['storedBytes', 2 ** 60],
    ] as const) {
      const payload = { runningTiles: null, storedBytes: null, experiments: null, [key]: value };
      const set = await api.inject({ method: 'PUT', url: '/v1/projects/alpha', headers: operator, payload });
      expect(set.statusCode, key).toBe(400);
    }
  });

  it('revoked behind the back of this process end within seconds', async () => {
    const { key, info } = await createKey(api.db, {
      role: 'viewer',
      project: 'alpha',
      name: '',
      expiresAt: null,
    });
    expect((await api.get('/v1/experiments', bearer(key))).statusCode).toBe(200);
    await revokeKey(api.db, info.id, '*');
    const ended = async () => (await api.get('/v1/experiments', bearer(key))).statusCode;
    await expect.poll(ended, { timeout: 15_000, interval: 200 }).toBe(401);
  });

  it('end when they expire', async () => {
    const expiresAt = new Date(Date.now() - 1000);
    const { key } = await createKey(api.db, { role: 'viewer', project: 'alpha', name: '', expiresAt });
    expect((await api.get('/v1/experiments', bearer(key))).statusCode).toBe(401);
  });

  it('guessed too often from one address are not looked at any more', async () => {
    const statuses: number[] = [];
    const from = { remoteAddress: '192.0.2.7' };
    for (let i = 0; i < 25; i++) {
      const headers = bearer(`tessera_abcd_${String(i).padStart(43, 'x')}`);
      statuses.push(
        (await api.inject({ method: 'GET', url: '/v1/experiments', headers, ...from })).statusCode,
      );
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    const last = await api.inject({
      method: 'GET',
      url: '/v1/experiments',
      headers: bearer(await keyOf('viewer')),
      ...from,
    });
    expect([last.statusCode, last.json().code]).toEqual([429, 'rate-limited']);
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.get('/v1/experiments', bearer(await keyOf('viewer')))).statusCode).toBe(200);
  });

  it('that were good are not locked out by who guesses from the same address', async () => {
    const from = { remoteAddress: '192.0.2.8' };
    const get = async (headers: Record<string, string>) =>
      (await api.inject({ method: 'GET', url: '/v1/experiments', headers, ...from })).statusCode;
    const known = bearer(await keyOf('viewer'));
    expect(await get(known)).toBe(200);
    for (let i = 0; i < 25; i++) await get(bearer(`tessera_abcd_${String(i).padStart(43, 'y')}`));
    api.app.authenticator.forget();
    expect([await get(known), await get(bearer(await keyOf('viewer')))]).toEqual([200, 429]);
  });
});

describe('sessions of browsers', () => {
  const open = async (key: string, headers: Record<string, string> = {}) =>
    api.post('/v1/session', { key }, headers);
  const cookieOf = (response: { headers: Record<string, unknown> }) =>
    String(response.headers['set-cookie']).split(';')[0] as string;

  it('stand for a key, and end with it or by themselves', async () => {
    const { key, info } = await createKey(api.db, {
      role: 'submitter',
      project: 'alpha',
      name: '',
      expiresAt: null,
    });
    const opened = await open(key);
    expect(opened.statusCode).toBe(204);
    expect(opened.headers['set-cookie']).toMatch(/^tessera_session=[\w-]{43};.*HttpOnly; SameSite=Strict$/);
    expect(opened.headers['set-cookie']).not.toContain(key);
    const cookie = cookieOf(opened);
    expect((await api.get('/v1/experiments', { cookie })).statusCode).toBe(200);
    expect((await api.get('/v1/session', { cookie })).json()).toMatchObject({
      role: 'submitter',
      project: 'alpha',
    });
    const closed = await api.inject({ method: 'DELETE', url: '/v1/session', headers: { cookie } });
    expect(closed.statusCode).toBe(204);
    expect((await api.get('/v1/experiments', { cookie })).statusCode).toBe(401);
    const again = cookieOf(await open(key));
    await revokeKey(api.db, info.id, '*');
    api.app.authenticator.forget();
    expect((await api.get('/v1/experiments', { cookie: again })).statusCode).toBe(401);
    expect((await open('tessera_none_none')).statusCode).toBe(401);
  });

  it('act for no page of another site', async () => {
    const cookie = cookieOf(await open(await keyOf('submitter')));
    const cancel = async (headers: Record<string, string>) =>
      (
        await api.post('/v1/experiments/e0/cancel', undefined, {
          cookie,
          host: 'tessera.example',
          ...headers,
        })
      ).statusCode;
    expect(await cancel({ origin: 'http://tessera.example' })).toBe(404);
    expect(await cancel({})).toBe(404);
    for (const origin of ['http://evil.example', 'http://tessera.example.evil.example', 'null'])
      expect(await cancel({ origin }), origin).toBe(403);
    expect(await cancel({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect((await open(await keyOf('viewer'), { origin: 'http://evil.example' })).statusCode).toBe(403);
  });
});

describe('projects', () => {
  it('see neither the experiments nor the data sets of another, whose names may be the same', async () => {
    const [one, two] = [bearer(await keyOf('submitter', 'one')), bearer(await keyOf('submitter', 'two'))];
    const upload = (headers: Record<string, string>, scale: number) =>
      uploadTiny(api, 'tiny', undefined, { headers, scale });
    expect((await upload(one, 1)).statusCode).toBe(201);
    expect((await api.get('/v1/datasets/tiny', two)).statusCode).toBe(404);
    const unknown = await api.post('/v1/experiments', tinySpec(), two);
    expect([unknown.statusCode, unknown.body.includes('tiny,')]).toEqual([400, false]);
    expect((await upload(two, 2)).statusCode).toBe(201);
    const idempotent = { 'idempotency-key': 'same' };
    const first = await api.post('/v1/experiments', tinySpec(), { ...one, ...idempotent });
    const second = await api.post('/v1/experiments', tinySpec({ name: 'other' }), { ...two, ...idempotent });
    expect([first.statusCode, second.statusCode]).toEqual([202, 202]);
    const ids = async (headers: Record<string, string>) =>
      (await api.get('/v1/experiments', headers)).json().items.map((item: { id: string }) => item.id);
    expect(await ids(one)).toEqual([first.json().id]);
    expect(await ids(two)).toEqual([second.json().id]);
    const sha = async (headers: Record<string, string>) =>
      (await api.get('/v1/datasets/tiny', headers)).json().sha256;
    expect(await sha(one)).not.toBe(await sha(two));
    const operator = bearer(await keyOf('admin', '*'));
    expect((await ids(operator)).sort()).toEqual([first.json().id, second.json().id].sort());
    expect(await ids({ ...operator, 'tessera-project': 'one' })).toEqual([first.json().id]);
    expect((await api.get('/v1/experiments', { ...one, 'tessera-project': 'two' })).statusCode).toBe(403);
    expect((await api.get('/v1/experiments', { ...operator, 'tessera-project': 'none' })).statusCode).toBe(
      400,
    );
  });

  it('say whose an experiment is, and by whose key; the cluster is counted of what one may see', async () => {
    const make = async (role: Role, project: string, name: string) => {
      const { key, info } = await createKey(api.db, { role, project, name, expiresAt: null });
      return { headers: bearer(key), id: info.id };
    };
    const [mine, theirs, viewer, admin] = await Promise.all([
      make('submitter', 'mine', 'notebook of A'),
      make('submitter', 'theirs', ''),
      make('viewer', 'mine', ''),
      make('admin', '*', ''),
    ]);
    for (const { headers } of [mine, theirs]) {
      await uploadTiny(api, 'tiny', undefined, { headers });
      expect((await api.post('/v1/experiments', tinySpec(), headers)).statusCode).toBe(202);
    }
    const listed = async (headers: Record<string, string>) =>
      (await api.get('/v1/experiments', headers)).json().items[0];
    expect(await listed(mine.headers)).toMatchObject({ project: 'mine', createdBy: 'notebook of A' });
    expect(await listed(theirs.headers)).toMatchObject({ project: 'theirs', createdBy: theirs.id });
    const counted = async (headers: Record<string, string>) => {
      const { experiments } = (await api.get('/v1/cluster', headers)).json();
      return Object.values<number>(experiments).reduce((sum, count) => sum + count, 0);
    };
    expect(await counted(viewer.headers)).toBe(1);
    expect(await counted(mine.headers)).toBe(1);
    expect(await counted(admin.headers)).toBeGreaterThanOrEqual(2);
  });

  it('are held to their limits, and the answer says which', async () => {
    const operator = bearer(await keyOf('admin', '*'));
    const headers = bearer(await keyOf('submitter', 'small'));
    await uploadTiny(api, 'tiny', undefined, { headers });
    const limit = async (limits: object) => {
      const body = { runningTiles: null, storedBytes: null, experiments: null, ...limits };
      const set = await api.inject({
        method: 'PUT',
        url: '/v1/projects/small',
        headers: operator,
        payload: body,
      });
      expect(set.statusCode, set.body).toBe(200);
    };
    const submit = () => api.post('/v1/experiments', tinySpec(), headers);
    await limit({ experiments: 2 });
    const answers = await Promise.all([1, 2, 3, 4].map(submit));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([202, 202, 403, 403]);
    const refused = answers.find(({ statusCode }) => statusCode === 403)?.json();
    expect(refused).toMatchObject({ code: 'quota-exceeded' });
    expect(refused.detail).toMatch(/holds 2 experiments; its limit is 2/);
    const { usage } = (await api.get('/v1/projects', headers)).json().items[0];
    expect(usage).toMatchObject({ experiments: 2, runningTiles: 0 });
    await limit({ storedBytes: usage.storedBytes + 10 });
    expect((await submit()).json().detail).toMatch(/its limit of stored bytes is/);
    const larger = await uploadTiny(api, 'more', undefined, { headers, scale: 3 });
    expect([larger.statusCode, larger.json().code]).toEqual([403, 'quota-exceeded']);
    expect((await api.get('/v1/datasets/more', headers)).statusCode).toBe(404);
    const folders: string[] = [];
    for await (const { key } of api.store.list('datasets')) folders.push(key.split('/')[1] as string);
    const { rows } = await api.db.pool.query<{ sha256: string }>('SELECT DISTINCT sha256 FROM datasets');
    expect(new Set(folders)).toEqual(new Set(rows.map(({ sha256 }) => sha256)));
    await limit({});
    expect((await submit()).statusCode).toBe(202);
    expect(
      (await api.inject({ method: 'PUT', url: '/v1/projects/small', headers, payload: {} })).statusCode,
    ).toBe(403);
  });
});

describe('a server of this machine that needs no key', () => {
  let open: RunningApi;
  beforeAll(async () => {
    open = await runApi();
  });
  afterAll(() => open?.close());

  it('takes whoever asks for an admin of the default project', async () => {
    expect((await open.get('/v1/session')).json()).toEqual({
      required: false,
      role: 'admin',
      project: 'default',
    });
    expect((await open.get('/v1/experiments')).statusCode).toBe(200);
    expect((await open.get('/metrics')).statusCode).toBe(200);
    expect((await open.get('/v1/experiments', bearer('wrong'))).statusCode).toBe(401);
  });

  it('answers to no name that the DNS could point at it, and to no page of another site', async () => {
    const rebound = await open.get('/v1/experiments', { host: 'evil.example' });
    expect([rebound.statusCode, rebound.json().code]).toEqual([403, 'forbidden']);
    for (const host of ['localhost:7878', '127.0.0.1:7878', '[::1]:7878', '192.0.2.1'])
      expect((await open.get('/v1/experiments', { host })).statusCode, host).toBe(200);
    const foreign = await open.post('/v1/experiments/e0/cancel', undefined, {
      origin: 'http://evil.example',
    });
    expect(foreign.statusCode).toBe(403);
  });
});
