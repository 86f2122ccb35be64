import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernels } from '../src/index.js';

interface KernelList {
  package: string;
  version: string;
  kernels: string[];
}

const fixture = JSON.parse(
  readFileSync(new URL('./tfjs-node-gpu-kernels.json', import.meta.url), 'utf8'),
) as KernelList;
const pinned = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  dependencies: Record<string, string>;
};

describe('the kernels that tiles are made of', () => {
  it("are all in tfjs-node-gpu's list of the pinned version", () => {
    expect(fixture.version).toBe(pinned.dependencies['@tensorflow/tfjs-core']);
    expect(kernels.filter((kernel) => !fixture.kernels.includes(kernel))).toEqual([]);
  });
});
