/** The simplest balancer that honours `/readyz`: in turns over those that were ready a moment ago, without retries. */
import { createServer, request, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Balancer {
  readonly url: string;
  add(address: string): Promise<void>;
  remove(address: string): void;
  close(): void;
}

/** How long it may take to see that an API is no longer ready. */
export const probeMs = 100;

export async function openBalancer(): Promise<Balancer> {
  const ready = new Map<string, boolean>();
  let turn = 0;
  const probe = async (address: string) => {
    const answer = await fetch(`${address}/readyz`).catch(() => null);
    await answer?.body?.cancel();
    if (ready.has(address)) ready.set(address, answer?.status === 200);
  };
  const probing = setInterval(() => {
    for (const address of ready.keys()) void probe(address);
  }, probeMs);
  const server: Server = createServer((incoming, outgoing) => {
    const addresses = [...ready].filter(([, isReady]) => isReady).map(([address]) => address);
    const address = addresses[turn++ % addresses.length];
    if (address === undefined) {
      outgoing.writeHead(502).end('no API is ready');
      return;
    }
    const onward = request(`${address}${incoming.url}`, {
      method: incoming.method,
      headers: incoming.headers,
      agent: false,
    });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers);
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end(`${address}: ${error.message}`);
    });
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async add(address) {
      ready.set(address, false);
      while (ready.get(address) === false) {
        await probe(address);
        await sleep(20);
      }
    },
    remove: (address) => void ready.delete(address),
    close() {
      clearInterval(probing);
      server.closeAllConnections();
      server.close();
    },
  };
}
