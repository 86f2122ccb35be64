/** A lean HTTP client that times every request; many of them share the cores with the server they measure. */
import { Agent, request } from 'node:http';

export class Requests {
  /** Milliseconds by kind of request. @type {Map<string, number[]>} */
  times = new Map();
  /** Answers that were no 2xx, by kind and status. @type {Map<string, number>} */
  failures = new Map();
  #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

  /** @param {string} url the server's */
  constructor(url) {
    this.url = url;
  }

  /**
   * @param {string} kind under which it is counted
   * @returns {Promise<any>} the JSON of the answer, null where it has none or is no success
   */
  async send(kind, method, path, body) {
    const startedAt = performance.now();
    const { status, text } = await new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(`${this.url}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('end', () =>
          resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString() }),
        );
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    this.#list(kind).push(performance.now() - startedAt);
    if (status >= 200 && status < 300) return text === '' ? null : JSON.parse(text);
    const name = `${kind} ${status}`;
    this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
    return null;
  }

  /**
   * Opens the event stream of an experiment.
   * @param {(state: string) => void} onState called with each state
   * @returns {{ ended: Promise<void>, close(): void }}
   */
  watch(id, onState) {
    const startedAt = performance.now();
    let sent;
    const ended = new Promise((resolve, reject) => {
      sent = request(`${this.url}/v1/experiments/${id}/events`, { agent: false }, (response) => {
        if (response.statusCode !== 200) {
          const name = `watch ${response.statusCode}`;
          this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
          response.resume();
          resolve();
          return;
        }
        let text = '';
        let isFirst = true;
        response.setEncoding('utf8');
        response.on('data', (piece) => {
          if (isFirst) this.#list('event stream, first event').push(performance.now() - startedAt);
          isFirst = false;
          text += piece;
          const events = text.split('\n\n');
          text = events.pop();
          for (const event of events) {
            const state = /^event: state$/m.test(event) && /"state":"(\w+)"/.exec(event)?.[1];
            if (state) onState(state);
          }
        });
        response.on('close', resolve);
      });
      sent.on('error', (error) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
      sent.end();
    });
    return { ended, close: () => sent.destroy() };
  }

  close() {
    this.#agent.destroy();
  }

  #list(kind) {
    if (!this.times.has(kind)) this.times.set(kind, []);
    return this.times.get(kind);
  }
}

/** The q-quantile of numbers, NaN of none. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
