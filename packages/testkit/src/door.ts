import { connect, createServer, type Socket } from 'node:net';

/** A service behind a door that can be shut: what is connected is cut off, and every further attempt refused. */
export interface Door {
  /** The service's URL through the door. */
  url: string;
  /** Connections asked for so far. */
  attempts(): number;
  shut(): void;
  open(): void;
  /** Takes the door away, shut. */
  close(): void;
}

/** Puts a door before the service of a URL (host and port). */
export async function openDoor(url: string): Promise<Door> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let attempts = 0;
  const server = createServer((socket) => {
    attempts++;
    socket.on('error', () => {});
    if (!isOpen) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(to.port), to.hostname.replace(/[[\]]/g, ''));
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('close', () => sockets.delete(end));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  const shut = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    attempts: () => attempts,
    shut,
    open() {
      isOpen = true;
    },
    close() {
      shut();
      server.close();
    },
  };
}
