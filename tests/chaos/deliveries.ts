import { queueWaves } from '@tessera/spec';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { Audit } from './audit.js';
import { seeded } from './seeded.js';
import type { ChaosStack } from './stack.js';

const repeatedAtOnce = 40;

/**
 * Delivers present and former generations of tasks once more, under other ids (the queue itself drops a repeated id), in
 * another order, some later, some first.
 */
export async function repeatDeliveries(stack: ChaosStack, audit: Audit, target: number): Promise<boolean> {
  const chance = seeded(target);
  const tasks = await audit.tryQuery<{ id: string; generation: number; wave: string }>(
    'SELECT id, generation, wave FROM tasks ORDER BY (id * 7919 + $1) % 1009 LIMIT $2',
    [target, repeatedAtOnce],
  );
  const [instance] = (await audit.tryQuery<{ id: string }>('SELECT id FROM instance')) ?? [];
  if (!tasks || tasks.length === 0 || !instance) return false;
  const queues = openQueues(stack, `tessera-${instance.id}`);
  try {
    for (const [name, waves] of Object.entries(queueWaves)) {
      const jobs = tasks
        .filter(({ wave }) => (waves as readonly string[]).includes(wave))
        .map(({ id, generation }, index) => ({
          name: 'task',
          data: { task: id, generation: Math.max(1, generation - chance.integer(0, 1)) },
          opts: {
            jobId: `repeated-${target}-${index}-${id}`,
            lifo: chance.number() < 0.5,
            delay: chance.pick([0, 0, 500, 2000]),
            attempts: 1,
            removeOnComplete: { count: 0 },
            removeOnFail: { count: 0 },
          },
        }));
      await queues.of(name).addBulk(jobs);
    }
    return true;
  } catch {
    // The queue is away.
    return false;
  } finally {
    await queues.close().catch(() => {});
  }
}

function openQueues(stack: ChaosStack, prefix: string) {
  const opened: Queue[] = [];
  const keep = (queue: Queue) => {
    queue.on('error', () => {});
    opened.push(queue);
    return queue;
  };
  if (stack.redis) {
    const connection = new Redis(stack.redis.url, { maxRetriesPerRequest: 1 });
    connection.on('error', () => {});
    return {
      of: (name: string) => keep(new Queue(name, { connection, prefix: `{${prefix}}` })),
      async close() {
        for (const queue of opened) await queue.close();
        connection.disconnect();
      },
    };
  }
  const Backend = withBackend(createPostgresBackend);
  const connection = { connectionString: stack.postgres.url, schema: 'bull', migrate: false, max: 1 };
  return {
    of: (name: string) => keep(new Backend.Queue(name, { connection }) as unknown as Queue),
    async close() {
      for (const queue of opened) await queue.close();
    },
  };
}
