import type { ClaimedTask } from '@tessera/database';
import {
  checksumSuffix,
  crc32c,
  type TileStore,
  trainingCheckpointKey,
  trainingCheckpoints,
} from '@tessera/store';

/** First in a file: what the bytes are a checkpoint of, and how far it is. */
interface Head {
  /** The network, its images and its backend, as JSON: only the same go on to the same bits. */
  identity: string;
  step: number;
}

/**
 * The checkpoints of one training in the temporary folder of its kernel: a file for each generation of its task, replaced as
 * training goes on. A worker writes its own generation's alone, so that one which has lost its lease harms nobody. What is
 * cut short, changed, or of another network is passed over, and training starts anew.
 */
export class TrainingCheckpoints {
  readonly #store: TileStore;
  readonly #experimentId: string;
  readonly #task: ClaimedTask;
  /** The step of the checkpoint that was found; 0: none. */
  foundStep = 0;
  /** Bytes written so far. */
  bytes = 0;

  constructor(store: TileStore, experimentId: string, task: ClaimedTask) {
    this.#store = store;
    this.#experimentId = experimentId;
    this.#task = task;
  }

  /** The sound checkpoint that is furthest on; null where there is none. */
  async find(identity: object): Promise<Uint8Array | null> {
    let best: { step: number; bytes: Uint8Array } | null = null;
    for (const key of await this.#keys()) {
      const bytes = await this.#store.get(key).catch(() => null);
      const found = bytes === null ? null : decode(bytes, JSON.stringify(identity));
      if (found && found.step > (best?.step ?? 0)) best = found;
    }
    this.foundStep = best?.step ?? 0;
    return best?.bytes ?? null;
  }

  async write(identity: object, step: number, bytes: Uint8Array): Promise<void> {
    const { kernelIndex } = this.#task;
    const key = trainingCheckpointKey(this.#experimentId, kernelIndex, this.#task);
    const parts = encode({ identity: JSON.stringify(identity), step }, bytes);
    await this.#store.put(key, parts, { durable: false });
    this.bytes += parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  /** Those of every generation: the network is trained. */
  async delete(): Promise<void> {
    for (const key of await this.#keys()) await this.#store.delete(key);
  }

  async #keys(): Promise<string[]> {
    const { folder, isOne } = trainingCheckpoints(
      this.#experimentId,
      this.#task.kernelIndex,
      this.#task.index,
    );
    const names = await this.#store.listChildren(folder);
    return names.filter(isOne).map((name) => `${folder}/${name}`);
  }
}

/** The length of the head as JSON, the head, the bytes, and crc32c of all of it. */
function encode(head: Head, bytes: Uint8Array): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.byteLength);
  const parts = [length, text, bytes];
  const checksum = parts.reduce((sum, part) => crc32c(part, sum), 0);
  return [...parts, checksumSuffix(checksum)];
}

function decode(file: Buffer, identity: string): { step: number; bytes: Uint8Array } | null {
  const end = file.byteLength - 4;
  if (end < 4 || crc32c(file.subarray(0, end)) !== file.readUInt32LE(end)) return null;
  const begin = 4 + file.readUInt32LE(0);
  const head = JSON.parse(file.toString('utf8', 4, begin)) as Head;
  return head.identity === identity
    ? { step: head.step, bytes: Uint8Array.from(file.subarray(begin, end)) }
    : null;
}
