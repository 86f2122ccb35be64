import { randomUUID } from 'node:crypto';
import { loadSettings } from '@tessera/config';
import { freePort } from '@tessera/embedded';
import { openDoor } from './door.js';
import { testService } from './test-services.js';

/** The network between a service and its clients, which can be taken away: Toxiproxy in containers, else a door. */
export interface Cable {
  /** The service's URL through the cable. */
  url: string;
  /** Cuts off what is connected; further attempts are taken. */
  cut(): Promise<void>;
  /** Cuts off what is connected, and refuses every further attempt. */
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Lays a cable to the service of a URL (host and port). */
export async function openCable(url: string): Promise<Cable> {
  if (loadSettings(process.env).settings.testContainers) return openToxicCable(url);
  const door = await openDoor(url);
  return {
    url: door.url,
    cut: async () => door.cut(),
    shut: async () => door.shut(),
    open: async () => door.open(),
    close: async () => door.close(),
  };
}

/** Toxiproxy's HTTP API: a disabled proxy closes its connections and listens no more. */
async function openToxicCable(url: string): Promise<Cable> {
  const api = await testService('toxiproxy');
  const name = randomUUID();
  const through = new URL(url);
  const upstream = `127.0.0.1:${through.port}`;
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${api}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`Toxiproxy answers ${answer.status}: ${await answer.text()}`);
  };
  through.hostname = '127.0.0.1';
  through.port = String(await freePort());
  const listen = `127.0.0.1:${through.port}`;
  await ask('POST', '/proxies', { name, listen, upstream, enabled: true });
  const enable = (enabled: boolean) => ask('POST', `/proxies/${name}`, { name, listen, upstream, enabled });
  return {
    url: through.href,
    async cut() {
      await enable(false);
      await enable(true);
    },
    shut: () => enable(false),
    open: () => enable(true),
    close: () => ask('DELETE', `/proxies/${name}`),
  };
}
