import pg from 'pg';

/**
 * The channels: `tessera_work` (the dispatcher has something to do), `tessera_cancel` (payload: the
 * experiment's id), `tessera_experiment` (payload: the id of an experiment whose revision grew).
 */
export type Channel = 'tessera_work' | 'tessera_cancel' | 'tessera_experiment';

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

  const connect = async () => {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'tessera listen',
      keepAlive: true,
    });
    let lost = false;
    const reconnect = (error?: Error) => {
      if (lost || closed) return;
      lost = true;
      if (error) options.onError?.(error);
      next.end().catch(() => {});
      retry = setTimeout(() => connect().then(() => options.onReconnect?.(), reconnectLater), 500);
    };
    next.on('error', reconnect);
    next.on('end', () => reconnect());
    next.on('notification', (message) => onNotification(message.channel as Channel, message.payload ?? ''));
    await next.connect();
    for (const channel of channels) await next.query(`LISTEN ${channel}`);
    client = next;
  };
  const reconnectLater = (error: Error) => {
    if (closed) return;
    options.onError?.(error);
    retry = setTimeout(() => connect().then(() => options.onReconnect?.(), reconnectLater), 500);
  };

  await connect();
  return {
    async close() {
      closed = true;
      if (retry) clearTimeout(retry);
      await client?.end().catch(() => {});
    },
  };
}
