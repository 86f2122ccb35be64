import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** What a request meets on its way, before the server or after. */
export type HttpFault =
  /** The answer is this status, and the server hears nothing. */
  | { kind: 'status'; status: number; body?: string }
  /** The server does what it is asked, and its answer is lost: the connection is cut. */
  | { kind: 'lost-answer' }
  /** The answer's body ends after so many bytes, and the connection with it. */
  | { kind: 'cut-body'; after: number }
  /** The answer stops after so many bytes and never goes on. */
  | { kind: 'stalled-body'; after: number };

/** An HTTP service behind a door that lets requests meet faults. */
export interface HttpDoor {
  url: string;
  /** Method and path of every request so far. */
  requests: string[];
  /** Requests for which `meets` gives a fault meet it. */
  faults(meets: (request: { method: string; path: string; index: number }) => HttpFault | null): void;
  close(): void;
}

/** Puts a door before the service of a URL (host and port). */
export async function openHttpDoor(url: string): Promise<HttpDoor> {
  const { hostname, port } = new URL(url);
  const requests: string[] = [];
  let meets: (request: { method: string; path: string; index: number }) => HttpFault | null = () => null;

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse, fault: HttpFault | null) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      if (fault?.kind === 'lost-answer') {
        answer.resume().on('end', () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (fault?.kind !== 'cut-body' && fault?.kind !== 'stalled-body') {
        answer.pipe(outgoing);
        return;
      }
      let left = fault.after;
      answer.on('data', (bytes: Buffer) => {
        if (left > 0) outgoing.write(bytes.subarray(0, left));
        left -= bytes.byteLength;
        // After what was written has gone out.
        if (left <= 0 && fault.kind === 'cut-body') setTimeout(() => incoming.socket.destroy(), 20);
      });
      // A body that is shorter.
      answer.on('end', () => fault.kind === 'cut-body' && incoming.socket.destroy());
    });
    onward.on('error', () => incoming.socket.destroy());
    incoming.on('error', () => onward.destroy());
    incoming.pipe(onward);
  };

  const server = createServer((incoming, outgoing) => {
    const [method = '', path = ''] = [incoming.method, incoming.url];
    const index = requests.push(`${method} ${path}`) - 1;
    const fault = meets({ method, path, index });
    if (fault?.kind !== 'status') {
      pass(incoming, outgoing, fault);
      return;
    }
    incoming.resume().on('end', () => outgoing.writeHead(fault.status).end(fault.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    faults(next) {
      meets = next;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
