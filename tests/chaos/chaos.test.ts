/** A short round of the chaos suite (`npm run chaos` runs long ones), and what it is worth: it finds what it should. */
import { loadSettings } from '@tessera/config';
import { queueBackends } from '@tessera/testkit';
import { expect, it } from 'vitest';
import { hasCifar10 } from '../../scripts/bootstrap/cifar10.mjs';
import { Cluster, run } from './run.js';
import { planFaults } from './schedule.js';
import { differences } from './stored.js';

const { cifar10Dir } = loadSettings(process.env).settings;
const images = cifar10Dir !== null && hasCifar10(cifar10Dir) ? cifar10Dir : null;
/** Enough to meet each other, and over in half a minute. */
const faults = 6;

it('a schedule follows from its seed, backend and length', () => {
  expect(planFaults(7, 30, 'redis')).toEqual(planFaults(7, 30, 'redis'));
  expect(planFaults(7, 30, 'redis').slice(0, 10)).toEqual(planFaults(7, 10, 'redis'));
  expect(planFaults(7, 30, 'redis')).not.toEqual(planFaults(8, 30, 'redis'));
  expect(planFaults(7, 300, 'postgres').map(({ kind }) => kind)).not.toContain('kill-redis');
});

it.each(queueBackends())(
  'faults at random instants change no byte and lose nothing, deliveries by %s',
  async (backend) => {
    const cluster = await Cluster.start(backend, images);
    let isWhole = false;
    try {
      const said: string[] = [];
      const result = await run(cluster, { seed: 7, faults, say: (line) => said.push(line) });
      expect(result.violations, said.join('\n')).toEqual([]);
      expect(result).toMatchObject({ tilesLost: 0, acceptedTwice: 0, arraysDiffer: 0 });
      expect(result.tiles).toBeGreaterThan(0);
      expect(result.arraysCompared).toBeGreaterThan(0);
      isWhole = true;
    } finally {
      await cluster.stop(!isWhole);
    }
  },
  400_000,
);

it('the comparison finds one flipped bit, and a file too many or too few', () => {
  const expected = new Map([
    ['kappa/c/0', 'a'],
    ['kappa/zarr.json', 'b'],
  ]);
  expect(differences(expected, new Map(expected))).toEqual([]);
  expect(differences(expected, new Map([...expected, ['kappa/c/0', 'x']]))).toEqual(['kappa/c/0']);
  expect(differences(expected, new Map([['kappa/c/0', 'a']]))).toEqual(['kappa/zarr.json']);
  expect(differences(expected, new Map([...expected, ['other', 'c']]))).toEqual(['other']);
});
