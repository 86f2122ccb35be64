import { TesseraError } from '@tessera/spec';
import { networkOf } from './network.js';

const windowMs = 60_000;
/** Failed authentications of one address in a window. */
const limit = 20;
/** Addresses counted at a time; beyond, the oldest windows are forgotten. */
const mostAddresses = 50_000;

/** Counts failed authentications by address, in windows of a minute. An address over the limit is not listened to. */
export class FailureCounter {
  readonly #windows = new Map<string, { since: number; failures: number }>();

  count(address: string): void {
    const network = networkOf(address);
    const window = this.#current(network);
    if (window) {
      window.failures++;
      return;
    }
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= mostAddresses && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.delete(network);
    this.#windows.set(network, { since: performance.now(), failures: 1 });
  }

  /** @throws TesseraError rate-limited */
  refuse(address: string): void {
    const window = this.#current(networkOf(address));
    if (window && window.failures >= limit) {
      throw new TesseraError('rate-limited', `More than ${limit} failed authentications in a minute.`);
    }
  }

  #current(network: string) {
    const window = this.#windows.get(network);
    return window && performance.now() - window.since < windowMs ? window : undefined;
  }
}
