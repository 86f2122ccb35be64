/** Makes the faults of a schedule happen. */
import { copyFile, open, rename, rm, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Audit, DoneTask } from './audit.js';
import { repeatDeliveries } from './deliveries.js';
import type { Fault, FaultKind } from './schedule.js';
import type { Role } from './service-process.js';
import type { ChaosStack } from './stack.js';

/** A damaged task may be sent back so often; at four, its kernel has failed, as it should. */
const damagesOfOneTask = 2;

export class Faults {
  readonly #stack: ChaosStack;
  readonly #audit: Audit;
  readonly #damages: Map<string, number>;
  #files = 0;

  /** @param damages task -> how often what it left was damaged by this */
  constructor(stack: ChaosStack, audit: Audit, damages: Map<string, number>) {
    this.#stack = stack;
    this.#audit = audit;
    this.#damages = damages;
  }

  /** Makes it happen, and ends it where it lasts. @returns false where there was nothing it could happen to */
  async inject({ kind, target, lastsMs }: Fault): Promise<boolean> {
    const { redis, services } = this.#stack;
    const any = pickOf(services, target);
    const [verb, role] = split(kind);
    switch (kind) {
      case 'kill-api':
      case 'kill-worker':
      case 'kill-aggregator':
        pickOf(this.#stack.of(role as Role), target).kill();
        return true;
      case 'stop-api':
      case 'stop-worker':
      case 'stop-aggregator':
        await pickOf(this.#stack.of(role as Role), target).freeze(lastsMs);
        return true;
      case 'kill-postgres':
        return this.#stack.killPostgres();
      case 'kill-redis':
        redis?.kill();
        return true;
      case 'kill-stack':
        for (const service of services) service.kill();
        redis?.kill();
        this.#stack.killPostgres();
        return true;
      case 'flush-queue':
        return this.#flush();
      case 'cut-database':
      case 'cut-queue':
        for (const service of target % 2 ? [any] : services) doorOf(service, kind)?.cut();
        return true;
      case 'half-open-database':
      case 'half-open-queue':
        doorOf(any, kind)?.freeze();
        return true;
      case 'slow-database':
      case 'slow-queue':
        doorOf(any, kind)?.slow(50 + (target % 250));
        await sleep(lastsMs);
        doorOf(any, kind)?.slow(0);
        return true;
      case 'repeat-deliveries':
        return repeatDeliveries(this.#stack, this.#audit, target);
      case 'disk-full':
        return this.#fillDisk(target, lastsMs);
      case 'write-errors':
        return this.#failWrites(target % 2 ? 'EIO' : 'ENOSPC', target, lastsMs);
      case 'jump-clock':
        any.set({ clockMs: (target % 2 ? 1 : -1) * (1 + (target % 48)) * 3_600_000 });
        await sleep(lastsMs);
        any.set({ clockMs: 0 });
        return true;
      case 'truncate-piece':
      case 'flip-bit':
      case 'delete-piece':
        return this.#damagePiece(verb, target);
    }
  }

  async #flush(): Promise<boolean> {
    if (this.#stack.redis) {
      await this.#stack.redis.flush();
      return true;
    }
    const tables = await this.#audit.tryQuery<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname = 'bull' AND tablename NOT LIKE '%migration%'`,
    );
    if (!tables || tables.length === 0) return false;
    const flushed = await this.#audit.tryQuery(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
    return flushed !== null;
  }

  /** Takes every byte that is left, for a time; where the store is no file system of its own, writes fail instead. */
  async #fillDisk(target: number, lastsMs: number): Promise<boolean> {
    if (!this.#stack.isStoreMounted) return this.#failWrites('ENOSPC', target, lastsMs);
    const file = join(this.#stack.store, `filler-${++this.#files}`);
    const until = performance.now() + lastsMs;
    const handle = await open(file, 'w');
    const block = Buffer.alloc(1 << 20);
    while (performance.now() < until) {
      try {
        // Again and again: what is deleted meanwhile is taken too.
        await handle.write(block);
      } catch {
        await handle.write(block, 0, 512).catch(() => {});
        await sleep(20);
      }
    }
    await handle.close();
    await rm(file);
    return true;
  }

  async #failWrites(writeError: 'EIO' | 'ENOSPC', target: number, lastsMs: number): Promise<boolean> {
    const hit = this.#stack.services.filter(({ role }, index) => role !== 'api' && (target >> index) % 2 > 0);
    for (const service of hit) service.set({ writeError });
    await sleep(lastsMs);
    for (const service of hit) service.set({ writeError: null });
    return hit.length > 0;
  }

  /** Damages what a done task left, waiting a little for one. Replaces the file: another link to it stays whole. */
  async #damagePiece(how: string, target: number): Promise<boolean> {
    for (let tries = 0; tries < 20; tries++) {
      const victims = await this.#audit.tryQuery<DoneTask>(
        `SELECT id, generation, pieces FROM tasks WHERE state = 'done' AND pieces IS NOT NULL AND pieces <> '{}'
         ORDER BY id`,
      );
      const victim = victims && victims.length > 0 ? pickOf(victims, target) : null;
      const keys = Object.values(victim?.pieces ?? {}).map(({ key }) => key);
      const damages = this.#damages.get(victim?.id ?? '') ?? 0;
      if (victim && keys.length > 0 && damages < damagesOfOneTask) {
        this.#damages.set(victim.id, damages + 1);
        if (await this.#damageFile(join(this.#stack.store, pickOf(keys, target)), how, target)) return true;
      }
      await sleep(100);
    }
    return false;
  }

  async #damageFile(file: string, how: string, target: number): Promise<boolean> {
    const copy = join(this.#stack.store, `damaged-${++this.#files}`);
    try {
      if (how === 'delete') {
        await unlink(file);
        return true;
      }
      await copyFile(file, copy);
      const { size } = await stat(copy);
      if (how === 'truncate') await truncate(copy, target % size);
      else await flipBit(copy, (target * 7919) % size, target % 8);
      await rename(copy, file);
      return true;
    } catch {
      // Its kernel was finished in between.
      return false;
    } finally {
      await rm(copy, { force: true });
    }
  }
}

async function flipBit(file: string, position: number, bit: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  byte[0] = (byte[0] as number) ^ (1 << bit);
  await handle.write(byte, 0, 1, position);
  await handle.close();
}

const split = (kind: FaultKind) => kind.split('-') as [string, string];
const pickOf = <T>(choices: readonly T[], target: number) => choices[target % choices.length] as T;
const doorOf = ({ database, queue }: ChaosStack['services'][number], kind: FaultKind) =>
  kind.endsWith('database') ? database : queue;
