/** One run of the bench: what the measurements share, opened when first asked for and closed at the end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { openNativeEngine } from '@tessera/engine-native';
import { openImages } from './images.mjs';
import { prepareNetworks } from './measure/against-neural-tangents.mjs';
import { measurements, networkRows } from './measurements.mjs';
import { Peer, peerFile, peerPython } from './peers.mjs';
import { finishRow } from './report.mjs';
import { startStack } from './stack.mjs';

/** Opens once; who asks again gets the same, or the same failure. */
function once(open) {
  const opened = new Map();
  return (key) => {
    if (!opened.has(key)) opened.set(key, open(key));
    return opened.get(key);
  };
}

/**
 * @param {import('./rows.mjs').Row[]} chosen
 * @param {(row: object) => void} onRow called with every row as it is finished
 * @returns {Promise<{machine: object, rows: object[]}>} in the order of `chosen`
 */
export async function runBench(chosen, onRow) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const cores = availableParallelism();
  const engine = openNativeEngine({ threads: cores });
  const closing = [() => engine.close()];
  const versions = {};
  const bench = {
    folder,
    cores,
    engine,
    images: once(() => openImages(folder)),
    /** neural-tangents in one precision. */
    kernelsPeer: once(async (precision) => {
      const peer = new Peer(await peerPython(), [peerFile('kernels_peer.py'), precision]);
      closing.push(() => peer.stop());
      const { jax, neuralTangents } = await peer.answer();
      Object.assign(versions, { jax, neuralTangents });
      return peer;
    }),
    stack: once(async (workers) => {
      const { cifar10 } = await bench.images();
      return startStack({ workers, cifar10, onStarted: (stop) => closing.push(stop) });
    }),
  };
  const close = async () => {
    for (const each of closing.splice(0)) await each();
    await rm(folder, { recursive: true, force: true });
  };
  const leave = () => close().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, leave);
  try {
    const rows = await measureAll(bench, chosen, onRow);
    return { machine: { ...describeMachine(bench), ...versions, images: (await bench.images()).id }, rows };
  } finally {
    await close();
  }
}

async function measureAll(bench, chosen, onRow) {
  const finished = new Map();
  const ids = chosen.map(({ id }) => id);
  // Where it fails, the rows that needed it say so.
  const prepared = once(() =>
    prepareNetworks(
      bench,
      networkRows.filter((id) => ids.includes(id)),
    ).catch(() => {}),
  );
  for (const { ids, measure } of measurements) {
    const wanted = chosen.filter(({ id }) => ids.includes(id));
    if (wanted.length === 0) continue;
    if (wanted.some(({ id }) => networkRows.includes(id))) await prepared();
    const results = await measure(
      bench,
      wanted.map(({ id }) => id),
    ).catch((error) => {
      const failed = { ours: null, reference: null, note: `not measured: ${oneLine(error.message)}` };
      return Object.fromEntries(wanted.map(({ id }) => [id, failed]));
    });
    for (const row of wanted) {
      const done = finishRow(row, results[row.id]);
      finished.set(row.id, done);
      onRow(done);
    }
  }
  return chosen.map(({ id }) => finished.get(id));
}

const oneLine = (text) => text.replace(/\s+/g, ' ');

function describeMachine({ cores, engine }) {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    instructionSet: engine.info.instructionSet,
    engine: engine.info.fingerprint,
    date: new Date().toISOString(),
  };
}
