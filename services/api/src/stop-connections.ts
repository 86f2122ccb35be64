import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets the server close. Node waits for every connection, those that have not made a request included (browsers and
 * undici open some ahead of need), and does not count them as idle: so they are closed here, and the busy ones
 * after `graceMs`. While `isStopping`, every answer closes its connection, so that clients and balancers make their next
 * one elsewhere.
 */
export function stopConnections(
  app: FastifyInstance,
  graceMs: number,
  readiness: { readonly isStopping: boolean },
): void {
  const open = new Set<Socket>();
  const busy = new Map<Socket, number>();
  app.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.server.on('request', ({ socket }, response) => {
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (busy.get(socket) ?? 1) - 1;
      if (left > 0) busy.set(socket, left);
      else busy.delete(socket);
    });
  });
  app.addHook('onSend', async (_request, reply) => {
    if (readiness.isStopping) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    for (const socket of open) if (!busy.has(socket)) socket.destroy();
    const limit = setTimeout(() => {
      for (const socket of open) socket.destroy();
    }, graceMs);
    limit.unref();
    app.server.once('close', () => clearTimeout(limit));
  });
}
