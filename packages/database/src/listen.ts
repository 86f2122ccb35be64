import pg from 'pg';
import { hurried } from './connection.js';

/**
 * The channels: `tessera_work` (the dispatcher has something to do), `tessera_cancel` (payload: the
 * experiment's id), `tessera_experiment` (payload: the id of an experiment whose revision grew), `tessera_state` (payload:
 * the id of one that has begun or ended).
 */
export type Channel = 'tessera_work' | 'tessera_cancel' | 'tessera_experiment' | 'tessera_state';

/** Between two attempts to connect again. */
const retryMs = 500;
/** A connection that only listens does not notice that it was cut off without a word: it is asked this often. */
const proofMs = 10_000;

export interface Listener {
  close(): Promise<void>;
}

/**
 * Listens on channels with a connection of its own and reconnects for ever. Notifications are hints: what
 * is missed while disconnected must be found by polling; `onReconnect` says when to look.
 */
export async function listen(
  url: string,
  channels: readonly Channel[],
  onNotification: (channel: Channel, payload: string) => void,
  options: { onReconnect?: () => void; onError?: (error: Error) => void } = {},
): Promise<Listener> {
  let closed = false;
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | null = null;

  const open = async () => {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'tessera listen',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    // A connection tells of its end by several events, a failed attempt by a rejection too: the first counts.
    let isOver = false;
    const end = () => {
      isOver = true;
      next.end().catch(() => {});
    };
    const lose = (error?: Error) => {
      if (isOver) return;
      end();
      if (client !== next || closed) return;
      client = null;
      openLater(error ?? new Error('The connection ended.'));
    };
    next.on('error', lose);
    next.on('end', () => lose());
    next.on('notification', (message) => onNotification(message.channel as Channel, message.payload ?? ''));
    try {
      await next.connect();
      for (const channel of channels) await next.query(`LISTEN ${channel}`);
    } catch (error) {
      end();
      throw error;
    }
    if (closed) {
      end();
      return;
    }
    client = next;
    const proof = setInterval(() => {
      if (isOver) clearInterval(proof);
      else next.query({ ...hurried, text: 'SELECT 1' }).catch(lose);
    }, proofMs);
    proof.unref();
  };
  const openLater = (error: Error) => {
    if (closed) return;
    options.onError?.(error);
    retry = setTimeout(() => open().then(() => options.onReconnect?.(), openLater), retryMs);
  };

  await open();
  return {
    async close() {
      closed = true;
      if (retry) clearTimeout(retry);
      await client?.end().catch(() => {});
    },
  };
}
