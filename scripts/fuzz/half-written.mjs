/**
 * "Nothing half-written": the database against the store, when everything has ended. Reads the tables and the files past the
 * services; changes nothing.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openDataset, readManifest, selectImages } from '@tessera/dataset';
import { layoutOf } from '@tessera/experiment';
import { arrays, chunkKey, experimentKeys, openFolderStore, readSlice } from '@tessera/store';

/**
 * @param {import('pg').Pool} pool
 * @param {string} dataDir the data folder, which is the store too
 * @returns {Promise<{ problems: { what: string, example: string }[], looked: string }>} what is wrong, and what was looked at
 */
export async function checkHalfWritten(pool, dataDir) {
  const problems = [];
  const wrong = (what, example) => problems.push({ what, example });
  const store = await openFolderStore(dataDir);
  const rows = async (text) => (await pool.query(text)).rows;

  const experiments = await rows(
    `SELECT id, name, state, spec, plan, provenance, dataset_sha256, finished_at,
            tiles_total, tiles_done, analyses_total, analyses_done, strips_total, strips_done, trainings_total, trainings_done,
            (SELECT count(*)::int FROM kernels WHERE experiment_id = e.id) AS kernels,
            (SELECT count(*)::int FROM kernels WHERE experiment_id = e.id AND state = 'done') AS done,
            (SELECT count(*)::int FROM kernels WHERE experiment_id = e.id AND state = 'done' AND summary IS NULL) AS bare,
            (SELECT count(*)::int FROM analyses WHERE experiment_id = e.id AND complete) AS rows,
            (SELECT count(*)::int FROM analyses WHERE experiment_id = e.id AND NOT complete) AS partial,
            (SELECT count(*)::int FROM trainings WHERE experiment_id = e.id) AS networks,
            (SELECT count(*)::int FROM tasks WHERE experiment_id = e.id) AS tasks,
            (SELECT count(*)::int FROM tasks WHERE experiment_id = e.id AND state = 'leased') AS leased
     FROM experiments e ORDER BY sequence`,
  );
  for (const one of experiments) checkRows(one, wrong);

  const files = {
    experiments: await filesBelow(dataDir, 'experiments'),
    datasets: await filesBelow(dataDir, 'datasets'),
    uploads: await filesBelow(dataDir, 'uploads'),
  };
  const probes = (await readdir(dataDir)).filter((name) => name.startsWith('check-'));
  for (const path of [...files.uploads, ...probes]) wrong('an upload or a probe was left', path);
  for (const path of [...files.experiments, ...files.datasets].filter((file) => file.endsWith('.part')))
    wrong('a write that never ended was left', path);

  const byId = new Map(experiments.map((one) => [one.id, one]));
  for (const name of await childrenOf(join(dataDir, 'experiments'))) {
    const [, id, kind] = /^(.+)\.(zarr|tmp)$/.exec(name) ?? [];
    const state = byId.get(id)?.state;
    if (state === undefined) wrong('a folder of no experiment', `experiments/${name}`);
    else if (kind === 'tmp' && state === 'completed')
      wrong('temporary pieces of a completed experiment', `experiments/${name}`);
  }

  const named = await rows('SELECT project, name, sha256, manifest FROM datasets');
  const contents = new Set(
    [...named.map(({ sha256 }) => sha256), ...experiments.map((one) => one.dataset_sha256)].sort(),
  );
  for (const sha256 of await childrenOf(join(dataDir, 'datasets')))
    if (!contents.has(sha256)) wrong('contents of no data set and no experiment', `datasets/${sha256}`);
  for (const sha256 of contents) {
    const problem = await datasetProblem(store, dataDir, sha256, files.datasets);
    if (problem !== null) wrong('a data set is not whole in the store', `${sha256}: ${problem}`);
  }

  let verified = 0;
  for (const one of experiments) {
    try {
      verified += await verifyArrays(store, one, files.experiments, wrong);
    } catch (error) {
      wrong('a published array is damaged', `${one.id} ${error.message}`);
    }
  }
  const looked = `${experiments.length} experiments, ${named.length} data sets, ${verified} arrays read by checksum, ${Object.values(files).flat().length} files`;
  return { problems, looked };
}

const kinds = ['tiles', 'analyses', 'strips', 'trainings'];

/** The rows of one experiment that has ended agree with its plan. */
function checkRows(one, wrong) {
  const { id, state, plan } = one;
  const say = (what) => wrong(what, `${id} (${state})`);
  if (!['completed', 'failed', 'cancelled'].includes(state)) return say('an experiment has not ended');
  if (one.finished_at === null) say('an experiment that ended has no end');
  if (!Number.isInteger(plan?.kernels)) return say('an experiment has no plan');
  if (one.kernels !== plan.kernels) say(`${one.kernels} kernel rows of ${plan.kernels}`);
  if (one.bare > 0) say(`${one.bare} done kernels without a summary`);
  if (one.leased > 0) say(`${one.leased} tasks under a lease`);
  for (const kind of kinds)
    if (one[`${kind}_total`] !== (plan.totals[kind] ?? 0)) say(`${kind} of another plan`);
  if (one.rows !== one.done * plan.analysesPerKernel)
    say(`${one.rows} visible rows of ${one.done} done kernels`);
  if (one.networks !== one.trainings_done)
    say(`${one.networks} rows of ${one.trainings_done} trained networks`);
  if (state !== 'completed') return;
  if (one.done !== plan.kernels || one.partial + one.tasks > 0)
    say(`completed with ${one.done} kernels done, ${one.partial} partial rows, ${one.tasks} tasks`);
  for (const kind of kinds)
    if (one[`${kind}_done`] !== one[`${kind}_total`]) say(`completed without all ${kind}`);
}

/** @returns {Promise<string | null>} what is wrong with the contents of this address */
async function datasetProblem(store, dataDir, sha256, present) {
  const folder = `datasets/${sha256}`;
  let manifest;
  try {
    manifest = await readManifest(store, sha256);
  } catch (error) {
    return error.message;
  }
  const expected = ['manifest.json', ...manifest.files.map(({ name }) => name)].map(
    (name) => `${folder}/${name}`,
  );
  const strangers = present.filter((file) => file.startsWith(`${folder}/`) && !expected.includes(file));
  if (strangers.length > 0) return `${strangers[0]} is no file of it`;
  for (const { name, bytes, sha256: sum } of manifest.files) {
    const path = join(dataDir, folder, name);
    const size = (await stat(path).catch(() => null))?.size;
    if (size !== bytes) return `${name} has ${size ?? 'no'} bytes of ${bytes}`;
    if ((await sha256Of(path)) !== sum) return `${name} is not as it was imported`;
  }
  return null;
}

/**
 * Reads every array of an experiment whole, each chunk by its checksum; of a completed one every file must be there, and of
 * any no other. @returns {Promise<number>} arrays read
 */
async function verifyArrays(store, one, present, wrong) {
  const { root, complete } = experimentKeys(one.id);
  const there = new Set(present.filter((file) => file.startsWith(`${root}/`)));
  const isComplete = one.state === 'completed';
  if (there.has(complete) !== isComplete)
    wrong(isComplete ? 'a completed experiment has no marker' : 'a marker of what is not complete', one.id);
  // One that ended before its first kernel has no group.
  if (there.size === 0) return 0;
  const dataset = await openDataset(store, one.dataset_sha256);
  const { classes, classNames } = dataset.manifest;
  const layout = layoutOf(one, { ...selectImages(dataset, one.spec.dataset), classes }, classNames);
  const expected = new Set([`${root}/zarr.json`, complete]);
  const list = arrays(layout);
  for (const array of list) {
    expected.add(`${root}/${array.name}/zarr.json`);
    for (const key of storedChunks(layout, array)) expected.add(key);
    if (array.dtype === 'string' || (array.dtype === '<i4' && !isComplete)) continue;
    for await (const _ of readSlice(store, layout, array.name, {}).stream());
  }
  for (const file of there) if (!expected.has(file)) wrong('a file that no array has', file);
  if (isComplete)
    for (const key of expected) if (!there.has(key)) wrong('a completed experiment lacks a file', key);
  return list.length;
}

/** The keys of an array's files. */
function storedChunks(layout, { name, shape, shardShape, chunkShape }) {
  const sides = shape.map((length, axis) => Math.ceil(length / (shardShape ?? chunkShape)[axis]));
  const places = sides.reduce(
    (list, side) => list.flatMap((place) => Array.from({ length: side }, (_, i) => [...place, i])),
    [[]],
  );
  return places.map((place) => chunkKey(layout.id, name, place));
}

async function filesBelow(dataDir, folder) {
  const entries = await readdir(join(dataDir, folder), { recursive: true, withFileTypes: true }).catch(
    absent,
  );
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(dataDir, join(entry.parentPath, entry.name)));
}

const childrenOf = (folder) => readdir(folder).catch(absent);

function absent(error) {
  if (error.code === 'ENOENT') return [];
  throw error;
}

async function sha256Of(path) {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}
