/** The resident memory of every process of a stack, sampled over time. */
import { readFileSync } from 'node:fs';

export class MemoryRecord {
  /** Mebibytes by process, one for each of `seconds`. @type {Map<string, number[]>} */
  series = new Map();
  seconds = [];
  #startedAt = performance.now();

  /** @param {Record<string, number>} pids by name */
  sample(pids) {
    this.seconds.push((performance.now() - this.#startedAt) / 1000);
    for (const [name, pid] of Object.entries(pids)) {
      if (name === 'supervisor') continue;
      const bytes = name === 'postgres' ? familyBytes(pid) : ownBytes(pid, 'VmRSS');
      if (!this.series.has(name)) this.series.set(name, []);
      this.series.get(name).push(bytes / 2 ** 20);
    }
  }

  /**
   * For each process the medians of the first and the last fifth after the warm-up, and the growth by the hour that a line
   * through all samples has.
   */
  summary(warmUpSeconds) {
    const first = this.seconds.findIndex((second) => second >= warmUpSeconds);
    return [...this.series].map(([name, all]) => {
      const values = all.slice(first);
      const seconds = this.seconds.slice(first);
      const fifth = Math.max(1, Math.floor(values.length / 5));
      return {
        name,
        start: median(values.slice(0, fifth)),
        end: median(values.slice(-fifth)),
        peak: Math.max(...values),
        growthPerHour: 3600 * slope(seconds, values),
      };
    });
  }
}

const status = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
};
const ownBytes = (pid, field) =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status(pid))?.[1] ?? 0);

/** Of Postgres: its processes' own pages, and the shared buffers once. */
function familyBytes(pid) {
  let children = '';
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return 0;
  }
  const pids = [pid, ...children.trim().split(' ').filter(Boolean).map(Number)];
  const own = pids.reduce((sum, one) => sum + ownBytes(one, 'RssAnon'), 0);
  return own + Math.max(...pids.map((one) => ownBytes(one, 'RssShmem')));
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Of the least-squares line. */
function slope(x, y) {
  const meanX = x.reduce((a, b) => a + b, 0) / x.length;
  const meanY = y.reduce((a, b) => a + b, 0) / y.length;
  const covariance = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i] - meanY), 0);
  return covariance / x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
}
