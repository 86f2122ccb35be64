import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment, ProblemDetails } from '@tessera/spec';
import { markComplete } from '@tessera/store';
import { fingerprints } from '@tessera/testkit/tiny-experiment';
import { extract, type Header, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let from: RunningApi;
let to: RunningApi;
let id: string;
let archive: Buffer;
beforeAll(async () => {
  [from, to] = await Promise.all([runApi(), runApi()]);
  await uploadTiny(from);
  const changes = { keep: { kernels: 'train' as const } };
  ({ id } = await createTiny(from, changes));
  for (const kernel of [0, 1]) await finishKernel(from, id, kernel);
  await markComplete(from.store, id);
  await setState(from, id, 'completed');
  const answer = await from.get(`/v1/experiments/${id}/archive`);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('application/x-tar');
  archive = answer.rawPayload;
});
afterAll(async () => {
  await from?.close();
  await to?.close();
});

interface Member {
  header: Partial<Header> & Pick<Header, 'name'>;
  bytes: Buffer;
}

async function membersOf(tar: Buffer): Promise<Member[]> {
  const parser = extract();
  parser.write(tar);
  parser.end(null);
  const members: Member[] = [];
  for await (const entry of parser) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    members.push({ header: entry.header, bytes: Buffer.concat(pieces) });
  }
  return members;
}

async function tarOf(members: Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { header, bytes } of members) tar.entry({ ...header, size: bytes.byteLength }, bytes);
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** The members with checksums that fit: what somebody sends who means it. */
function resummed(members: Member[]): Member[] {
  const text = members
    .slice(0, -1)
    .map(({ header, bytes }) => `${createHash('sha256').update(bytes).digest('hex')}  ${header.name}\n`)
    .join('');
  return members.with(-1, { header: (members.at(-1) as Member).header, bytes: Buffer.from(text) });
}

const restore = (api: RunningApi, payload: Buffer) =>
  api.inject({
    method: 'POST',
    url: '/v1/restore',
    headers: { 'content-type': 'application/x-tar' },
    payload,
  });

async function arraysOf(api: RunningApi): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const { name } of (await api.get(`/v1/experiments/${id}/arrays`)).json()) {
    const { rawPayload, statusCode } = await api.get(`/v1/experiments/${id}/arrays/${name}.npy`);
    files[name] = `${statusCode} ${createHash('sha256').update(rawPayload).digest('hex')}`;
  }
  return files;
}

/** What there is of experiments and uploads, in the database and on the disk. */
async function leftOver(api: RunningApi): Promise<object> {
  const { rows } = await api.db.pool.query(
    'SELECT (SELECT count(*)::int FROM experiments) AS experiments, (SELECT count(*)::int FROM analyses) AS analyses, (SELECT count(*)::int FROM datasets) AS datasets',
  );
  return {
    ...rows[0],
    folders: await api.store.listChildren('experiments'),
    uploads: await api.store.listChildren('uploads'),
  };
}
const nothing = { experiments: 0, analyses: 0, datasets: 0, folders: [], uploads: [] };

describe('what is no archive is refused, and nothing is half-written', () => {
  const refused = async (payload: Buffer, says: RegExp) => {
    const answer = await restore(to, payload);
    expect([answer.statusCode, (answer.json() as ProblemDetails).code]).toEqual([400, 'invalid-archive']);
    expect((answer.json() as ProblemDetails).detail).toMatch(says);
    expect(await leftOver(to)).toEqual(nothing);
  };

  it('cut short at any place', async () => {
    // Behind the last member there are only zeros.
    for (const share of [0, 0.001, 0.1, 0.5, 0.9, 1])
      await refused(archive.subarray(0, Math.floor(share * (archive.length - 2048))), /./);
    const members = await membersOf(archive);
    await refused(await tarOf(members.slice(0, -1)), /no SHA256SUMS/);
    await refused(await tarOf(members.toSpliced(-3, 1)), /missing|not the file/);
  });

  it('altered in any member', async () => {
    const members = await membersOf(archive);
    for (const [index, { bytes, header }] of members.entries()) {
      if (index % 7 !== 0 && index !== members.length - 1) continue;
      const spoiled = Buffer.from(bytes);
      spoiled[Math.floor(spoiled.length / 2)] = (spoiled[Math.floor(spoiled.length / 2)] as number) ^ 1;
      await refused(await tarOf(members.with(index, { header, bytes: spoiled })), /./);
    }
  });

  it.each([
    ['a path out of the folder', { name: 'arrays/../../../etc/x/c/0' }, /member "arrays/],
    ['an absolute path', { name: '/arrays/kappa/c/0' }, /member "\/arrays/],
    ['a name of nothing we know', { name: 'notes.txt' }, /member "notes.txt"/],
    ['a symbolic link', { name: 'arrays/kappa/c/9', type: 'symlink', linkname: '/etc/passwd' }, /symlink/],
    ['a hard link', { name: 'arrays/kappa/c/9', type: 'link', linkname: 'arrays/zarr.json' }, /link/],
    ['a folder', { name: 'arrays/kappa/c/9', type: 'directory' }, /directory/],
    ['a device', { name: 'arrays/kappa/c/9', type: 'character-device' }, /device/],
    ['a name that comes twice', { name: 'arrays/zarr.json' }, /twice/],
  ] as const)('with %s', async (_what, header, says) => {
    const members = await membersOf(archive);
    const bytes = 'type' in header ? Buffer.alloc(0) : Buffer.from('x');
    const added = members.toSpliced(-1, 0, { header: header, bytes });
    await refused(await tarOf(resummed(added)), says);
  });

  it('with a size that lies', async () => {
    const lying = Buffer.from(archive);
    // The size field of the first header, and its checksum: eight bytes of spaces while it is summed.
    lying.write('77777777777\0', 124, 'latin1');
    lying.write('        ', 148, 'latin1');
    const sum = lying.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    lying.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await refused(lying, /./);
  });

  it('with a header that never ends', async () => {
    const header = archive.subarray(0, 512);
    const endless = Buffer.concat([Buffer.from(header), Buffer.alloc(3 * 2 ** 20, 'a')]);
    endless.write('x', 156, 'latin1');
    endless.write('00077777777\0', 124, 'latin1');
    endless.write('        ', 148, 'latin1');
    const sum = endless.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    endless.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await refused(endless, /./);
  });

  it.each([
    [
      'a plan that does not follow from its spec',
      (head: Head) => ({ ...head.experiment.plan, kernels: 3 }),
      /kernels/,
    ],
    ['a tile of no images', (head: Head) => ({ ...head.experiment.plan, tileSize: 0 }), /tileSize/],
  ])('with %s, checksums and all', async (_what, change, says) => {
    const members = await membersOf(archive);
    const head = JSON.parse(String(members[0]?.bytes)) as Head;
    head.experiment.plan = change(head);
    const changed = members.with(0, {
      header: (members[0] as Member).header,
      bytes: Buffer.from(JSON.stringify(head)),
    });
    await refused(await tarOf(resummed(changed)), says);
  });

  it('of an experiment that is not completed', async () => {
    const { id: open } = await createTiny(from);
    expect((await from.get(`/v1/experiments/${open}/archive`)).json()).toMatchObject({
      code: 'illegal-state',
    });
    expect((await from.get('/v1/experiments/none/archive')).statusCode).toBe(404);
  });
});

interface Head {
  experiment: { plan: Record<string, unknown> };
}

describe('an archive', () => {
  it('says what made it', async () => {
    const head = JSON.parse(String((await membersOf(archive))[0]?.bytes));
    expect(head).toMatchObject({
      format: 'tessera-archive',
      version: 1,
      software: { version: '0.0.0-test' },
    });
    expect(head.experiment.provenance.createdBy).toMatchObject({ software: 'tessera' });
    expect(head.experiment).toHaveProperty('workerFingerprint');
  });

  it('restores into an empty stack: the same rows, the same bytes', async () => {
    const answer = await restore(to, archive);
    expect(answer.statusCode, answer.body).toBe(201);
    expect(answer.headers.location).toBe(`/v1/experiments/${id}`);
    const shown = answer.json() as Experiment;
    const before = (await from.get(`/v1/experiments/${id}`)).json() as Experiment;
    expect({ ...shown, progress: null }).toEqual({ ...before, progress: null });
    const rows = (api: RunningApi) => api.get(`/v1/experiments/${id}/analyses.csv`);
    expect((await rows(to)).body).toBe((await rows(from)).body);
    expect(await arraysOf(to)).toEqual(await arraysOf(from));
    expect(Object.values(await arraysOf(to)).every((array) => array.startsWith('200'))).toBe(true);
    const files = (api: RunningApi) => fingerprints(`${api.dataDir}/experiments/${id}.zarr`);
    expect(await files(to)).toEqual(await files(from));
    expect((await to.get('/v1/datasets/tiny')).json().sha256).toBe(
      (await from.get('/v1/datasets/tiny')).json().sha256,
    );
    // And again: what is restored can be archived, to the same checksums.
    const again = await membersOf((await to.get(`/v1/experiments/${id}/archive`)).rawPayload);
    const sums = (members: Member[]) => String(members.at(-1)?.bytes).split('\n').slice(1);
    expect(sums(again)).toEqual(sums(await membersOf(archive)));
  });

  it('is refused where the experiment is, and of two restores at once one wins', async () => {
    expect((await restore(to, archive)).json()).toMatchObject({ code: 'experiment-exists' });
    expect((await to.get(`/v1/experiments/${id}/arrays/kappa.npy`)).statusCode).toBe(200);
    await to.inject({ method: 'DELETE', url: `/v1/experiments/${id}` });
    await sleep(1);
    const both = await Promise.all([restore(to, archive), restore(to, archive)]);
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
    expect((await to.get(`/v1/experiments/${id}/arrays/kappa.npy`)).statusCode).toBe(200);
  });

  it('waits for a deletion of the same experiment, which takes none of its files', async () => {
    const deletePrefix = to.store.deletePrefix.bind(to.store);
    to.store.deletePrefix = async (prefix) => {
      await sleep(300);
      await deletePrefix(prefix);
    };
    const deleting = to.inject({ method: 'DELETE', url: `/v1/experiments/${id}` });
    while ((await to.get(`/v1/experiments/${id}`)).statusCode !== 404) await sleep(5);
    const restored = await restore(to, archive);
    expect((await deleting).statusCode).toBe(204);
    to.store.deletePrefix = deletePrefix;
    expect(restored.statusCode, restored.body).toBe(201);
    expect(await arraysOf(to)).toEqual(await arraysOf(from));
  });

  it('leaves nothing where the project has no room, and its images go with the last that stands for them', async () => {
    const { sha256 } = (await from.get('/v1/datasets/tiny')).json();
    const full = await runApi({
      settings: { projectLimits: { runningTiles: null, storedBytes: 1, experiments: null } },
    });
    expect((await restore(full, archive)).json()).toMatchObject({ code: 'quota-exceeded' });
    expect(await full.store.listChildren('experiments')).toEqual([]);
    expect(await full.store.listChildren('datasets')).not.toContain(sha256);
    await full.close();
    await to.db.pool.query(`DELETE FROM datasets WHERE name = 'tiny'`);
    await to.inject({ method: 'DELETE', url: `/v1/experiments/${id}` });
    expect(await to.store.listChildren('datasets')).not.toContain(sha256);
  });
});
