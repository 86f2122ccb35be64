import { connect, createServer, type Socket } from 'node:net';

/**
 * A service behind a door, the network between it and its clients: connections can be cut, slowed, left half-open, and
 * refused.
 */
export interface Door {
  /** The service's URL through the door. */
  url: string;
  /** Connections asked for so far. */
  attempts(): number;
  /** Cuts off what is connected; further attempts are taken. */
  cut(): void;
  /** Everything that comes is passed on so much later, in order; 0: at once. */
  slow(delayMs: number): void;
  /** What is connected passes nothing more, and neither end is told. Further attempts are taken, and pass. */
  freeze(): void;
  /** Cuts off what is connected, and refuses every further attempt. */
  shut(): void;
  open(): void;
  /** Takes the door away, shut. */
  close(): void;
}

interface Connection {
  ends: readonly [Socket, Socket];
  isFrozen: boolean;
}

/** Puts a door before the service of a URL (host and port). */
export async function openDoor(url: string): Promise<Door> {
  const to = new URL(url);
  const connections = new Set<Connection>();
  let isOpen = true;
  let attempts = 0;
  let delayMs = 0;

  const forward = (connection: Connection, from: Socket, onward: Socket) => {
    const pass = (data: Buffer) => {
      if (!connection.isFrozen && onward.writable) onward.write(data);
    };
    from.on('data', (data: Buffer) => {
      if (delayMs === 0) {
        pass(data);
        return;
      }
      // Nothing more is read meanwhile, so that the order stays.
      from.pause();
      setTimeout(() => {
        pass(data);
        from.resume();
      }, delayMs);
    });
    from.on('end', () => {
      if (!connection.isFrozen) onward.end();
    });
    from.on('error', () => {});
    from.on('close', () => {
      connections.delete(connection);
      onward.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    attempts++;
    if (!isOpen) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const onward = connect({ port: Number(to.port), host: to.hostname.replace(/[[\]]/g, '') });
    const connection: Connection = { ends: [socket, onward], isFrozen: false };
    connections.add(connection);
    forward(connection, socket, onward);
    forward(connection, onward, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  const cut = () => {
    for (const { ends } of connections) for (const end of ends) end.destroy();
  };
  const shut = () => {
    isOpen = false;
    cut();
  };
  return {
    url: through.href,
    attempts: () => attempts,
    cut,
    slow(ms) {
      delayMs = ms;
    },
    freeze() {
      for (const connection of connections) connection.isFrozen = true;
    },
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
