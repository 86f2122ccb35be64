/** The Zarr group of an experiment: made before its first tile, marked complete after its last result. */
import { arrays } from './arrays.js';
import { putChunk } from './chunk.js';
import { coordinateChunk, coordinateDescription } from './coordinates.js';
import { chunkKey, type ExperimentLayout, experimentKeys, type Json } from './experiment-layout.js';
import type { TileStore } from './tile-store.js';
import { arrayMetadata, groupMetadata } from './zarr-metadata.js';

function encodeJson(value: Json): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`, 'utf8');
}

/**
 * Writes every `zarr.json` and every coordinate; no number is there yet, so every value reads NaN. The group's own
 * `zarr.json`, with spec and provenance as attributes, comes last: a group that can be opened has all its arrays.
 * Doing it again writes the same bytes.
 */
export async function createExperimentGroup(store: TileStore, layout: ExperimentLayout): Promise<void> {
  const { root } = experimentKeys(layout.id);
  await Promise.all(
    arrays(layout).map(async (array) => {
      const isCoordinate = array.role === 'coordinate';
      if (isCoordinate)
        await putChunk(store, chunkKey(layout.id, array.name, [0]), coordinateChunk(layout, array.name));
      const attributes = isCoordinate ? coordinateAttributes(layout, array.name) : {};
      await store.put(`${root}/${array.name}/zarr.json`, encodeJson(arrayMetadata(array, attributes)));
    }),
  );
  const attributes: Json = {
    name: layout.spec.name,
    experiment: layout.id,
    // A spec came in as JSON and is JSON: its type only lacks the index signature.
    spec: layout.spec as unknown as Json,
    provenance: layout.provenance,
  };
  await store.put(`${root}/zarr.json`, encodeJson(groupMetadata(attributes)));
}

function coordinateAttributes(layout: ExperimentLayout, dimension: string): Json {
  const description = coordinateDescription(layout, dimension);
  return dimension === 'class' && layout.classNames !== null
    ? { description, class_names: layout.classNames }
    : { description };
}

/** Marks an experiment whose every array is written; the last write of all. `attributes`: when, and by what. */
export async function markComplete(store: TileStore, id: string, attributes: Json = {}): Promise<void> {
  await store.put(experimentKeys(id).complete, encodeJson(groupMetadata(attributes)));
}

export async function isComplete(store: TileStore, id: string): Promise<boolean> {
  return (await store.size(experimentKeys(id).complete)) !== null;
}

/** Deletes all that is stored of an experiment. The marker goes first: what is half deleted is not complete. */
export async function deleteExperiment(store: TileStore, id: string): Promise<void> {
  const { root, temporary, complete } = experimentKeys(id);
  await store.delete(complete);
  await store.deletePrefix(root);
  await store.deletePrefix(temporary);
}
