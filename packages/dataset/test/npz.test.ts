import type { TesseraError } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import { defaultNpzLimits, importNpz, openDataset } from '../src/index.js';
import {
  bytes,
  countingImages,
  countingLabels,
  type Members,
  npy,
  npyOfHeader,
  npz,
  soundMembers,
} from './npz-files.js';
import { openScratch } from './scratch.js';

async function imported(archive: Uint8Array, limits = {}) {
  const { store, file } = await openScratch();
  const manifest = await importNpz(store, await file('upload.npz', archive), limits);
  return openDataset(store, manifest.sha256);
}

async function refusal(archive: Uint8Array, limits = {}) {
  const { store, file, keys } = await openScratch();
  const error: TesseraError = await importNpz(store, await file('upload.npz', archive), limits).then(
    () => {
      throw new Error('the archive was imported');
    },
    (thrown) => thrown,
  );
  expect(error.code).toBe('invalid-dataset');
  expect(error.problems.length).toBeGreaterThan(0);
  expect(await keys(), 'a refused archive writes nothing').toEqual([]);
  return error.problems.map(({ pointer, message }) => `${pointer}: ${message}`);
}

const refusalOf = (members: Members, limits = {}) => refusal(npz({ ...soundMembers(), ...members }), limits);
const indices = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe('an .npz upload', () => {
  it.each([false, true])('is imported with its images and labels (compressed: %s)', async (compressed) => {
    const dataset = await imported(
      npz(
        { ...soundMembers(), 'x_test.npy': countingImages(3), 'y_test.npy': countingLabels(3) },
        compressed,
      ),
    );
    expect(dataset.manifest).toMatchObject({
      source: 'npz',
      dtype: 'uint8',
      shape: { height: 2, width: 3, channels: 1 },
      classes: 3,
      trainCount: 7,
      testCount: 3,
      synthetic: false,
    });
    expect(dataset.labels('train')).toEqual(Int32Array.of(0, 1, 2, 0, 1, 2, 0));
    expect([...(await dataset.rawImages('train', indices(7)))]).toEqual([...Array(42).keys()]);
    expect([...(await dataset.rawImages('test', Int32Array.of(2, 0)))].slice(0, 7)).toEqual([
      12, 13, 14, 15, 16, 17, 0,
    ]);
  });

  it('without test arrays has no test images', async () => {
    const { manifest } = await imported(npz(soundMembers()));
    expect(manifest.testCount).toBe(0);
    expect(manifest.segments).toEqual([{ split: 'train', start: 0, count: 7 }]);
  });

  it('of vectors keeps their length', async () => {
    const values = Float64Array.of(1, -2, 3, 4.5, 5, 1e-300);
    const dataset = await imported(
      npz({
        'x_train.npy': npy("'<f8'", '(2, 3)', bytes(values)),
        'y_train.npy': npy("'<i4'", '(2, 1)', bytes(Int32Array.of(0, 4))),
      }),
    );
    expect(dataset.manifest).toMatchObject({ shape: { inputs: 3 }, dtype: 'float64', classes: 5 });
    expect(await dataset.rawImages('train', indices(2))).toEqual(values);
    expect(dataset.labels('train')).toEqual(Int32Array.of(0, 4));
  });

  it('in big-endian Fortran order is turned into C order', async () => {
    const shape = [3, 2, 4, 2];
    const values = Float32Array.from({ length: 48 }, (_, i) => i / 7);
    const turned = Buffer.alloc(4 * 48);
    for (let n = 0, at = 0; n < 3; n++)
      for (let h = 0; h < 2; h++)
        for (let w = 0; w < 4; w++)
          for (let c = 0; c < 2; c++, at++)
            turned.writeFloatBE(values[at] as number, 4 * (n + 3 * (h + 2 * (w + 4 * c))));
    const dataset = await imported(
      npz({
        'x_train.npy': npy("'>f4'", `(${shape})`, turned, true),
        'y_train.npy': npy("'>u2'", '(3,)', Buffer.from([0, 1, 0, 2, 0, 0]), true),
      }),
    );
    expect(await dataset.rawImages('train', indices(3))).toEqual(Float64Array.from(values));
    expect(dataset.labels('train')).toEqual(Int32Array.of(1, 2, 0));
  });

  it('that is imported twice is stored once, at the same address', async () => {
    const { store, file, keys } = await openScratch();
    const first = await importNpz(store, await file('a.npz', npz(soundMembers())));
    const stored = await keys();
    const second = await importNpz(store, await file('b.npz', npz(soundMembers(), true)));
    expect(second).toEqual(first);
    expect(await keys()).toEqual(stored);
  });

  it('that lost a stored file is stored again', async () => {
    const { store, file, keys } = await openScratch();
    const path = await file('a.npz', npz(soundMembers()));
    const { sha256 } = await importNpz(store, path);
    const stored = await keys();
    await store.delete(`datasets/${sha256}/train-labels.bin`);
    await importNpz(store, path);
    expect(await keys()).toEqual(stored);
  });

  it('may hold other members, which are passed over', async () => {
    const { manifest } = await imported(
      npz({ ...soundMembers(), 'notes.txt': Buffer.from('hello'), 'x_val.npy': Buffer.from('?') }),
    );
    expect(manifest.trainCount).toBe(7);
  });

  it('has its labels as wide as int64 and uint64', async () => {
    const y = Buffer.alloc(56);
    y.writeBigUInt64BE(5n, 0);
    const dataset = await imported(npz({ ...soundMembers(), 'y_train.npy': npy("'>u8'", '(7,)', y) }));
    expect(dataset.labels('train')[0]).toBe(5);
    expect(dataset.manifest.classes).toBe(6);
  });
});

describe('an .npz upload is refused', () => {
  it('when it is no archive', async () => {
    expect(await refusal(Buffer.from('not a zip file at all'))).toEqual([
      expect.stringMatching(/^: The archive cannot be read: [^:]+[^.]\.$/),
    ]);
    await refusal(new Uint8Array(0));
  });

  it('when it is empty, naming what is missing', async () => {
    expect(await refusal(npz({}))).toEqual([
      '/x_train: x_train is missing; the archive is empty.',
      '/y_train: y_train is missing; the archive is empty.',
    ]);
  });

  it('when one of a pair is missing, naming what the archive holds', async () => {
    const members = { 'x_train.npy': countingImages(2), 'y_test.npy': countingLabels(2) };
    expect(await refusal(npz(members))).toEqual([
      '/y_train: y_train is missing; the archive holds "x_train.npy", "y_test.npy".',
      '/x_test: x_test is missing; the archive holds "x_train.npy", "y_test.npy".',
    ]);
  });

  it('with every problem at once', async () => {
    const problems = await refusal(
      npz({
        'x_train.npy': npy("'<f2'", '(2, 3)', new Uint8Array(12)),
        'y_train.npy': npy("'<f8'", '(2,)', new Uint8Array(16)),
        'x_test.npy': npy("'|u1'", '(2, 3, 3)', new Uint8Array(18)),
        'y_test.npy': npy("'|b1'", '(2,)', new Uint8Array(2)),
      }),
    );
    expect(problems).toEqual([
      expect.stringMatching(/^\/x_train: x_train holds float16; write uint8, float32 or float64/),
      expect.stringMatching(/^\/y_train: y_train holds float64; write integers/),
      expect.stringMatching(
        /^\/x_test: x_test has the shape \(2, 3, 3\); write \(N, H, W, C\), as x\[\.\.\., np\.newaxis\]/,
      ),
      expect.stringMatching(/^\/y_test: y_test holds bool; write integers/),
    ]);
  });

  it.each([
    ['objects', "'|O'", '(7, 6)', /x_train holds Python objects \(pickle\)/],
    ['a structured dtype', "[('a', '<f4')]", '(7, 6)', /x_train holds a structured dtype/],
    ['strings', "'<U3'", '(7, 6)', /x_train holds strings/],
    ['int64 pixels', "'<i8'", '(7, 6)', /x_train holds int64/],
    ['complex pixels', "'<c16'", '(7, 6)', /x_train holds complex128/],
    ['a scalar', "'|u1'", '()', /x_train has the shape \(\)/],
    ['one dimension', "'|u1'", '(7,)', /x_train has the shape \(7,\)/],
    ['five dimensions', "'|u1'", '(7, 1, 1, 1, 6)', /x_train has the shape \(7, 1, 1, 1, 6\)/],
    ['no images', "'|u1'", '(0, 6)', /x_train has the shape \(0, 6\), which holds nothing/],
    ['no pixels', "'|u1'", '(7, 0, 2, 3)', /which holds nothing/],
    ['a negative side', "'|u1'", '(7, -6)', /x_train has the negative side -6/],
    ['a header that lies', "'|u1'", '(7, 60)', /x_train has a header for \(7, 60\) uint8/],
    ['sides beyond any size', "'|u1'", `(7, ${'9'.repeat(20)})`, /values an image; the limit is/],
    ['a shape of words', "'|u1'", '(seven, 6)', /x_train has a header that is not that of a plain array/],
  ])('for x of %s', async (_, descr, shape, message) => {
    const problems = await refusalOf({ 'x_train.npy': npy(descr, shape, new Uint8Array(42)) });
    expect(problems).toContainEqual(expect.stringMatching(message));
  });

  it.each([
    ['a short file', Buffer.from('\x93NUM', 'latin1'), /is not a \.npy array/],
    ['another format', Buffer.from('PK\x03\x04 something else'), /is not a \.npy array/],
    ['version 9', Buffer.concat([Buffer.from('\x93NUMPY\x09\x00', 'latin1'), Buffer.alloc(99)]), /version 9/],
    [
      'a header longer than the file',
      Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x00\x20', 'latin1'), Buffer.alloc(40)]),
      /ends within its header/,
    ],
    [
      'a huge header',
      Buffer.concat([Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f', 'latin1'), Buffer.alloc(40)]),
      /has a header of 2147483647 bytes/,
    ],
    [
      'an evaluated header',
      npyOfHeader("{'descr': __import__('os').system('true'), }", new Uint8Array(4)),
      /not that of a plain array/,
    ],
    [
      'a header with more than it should say',
      npyOfHeader(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 6), 'extra': 'x'}",
        new Uint8Array(42),
      ),
      /not that of a plain array/,
    ],
  ])('for x that is %s', async (_, file, message) => {
    expect(await refusalOf({ 'x_train.npy': file })).toContainEqual(expect.stringMatching(message));
  });

  it.each([
    [
      'another count',
      "'<i4'",
      '(6,)',
      Int32Array.from(Array(6).fill(0)),
      /6 labels, but x_train has 7 images/,
    ],
    ['one-hot labels', "'<i4'", '(7, 3)', new Int32Array(21), /np\.argmax/],
    [
      'a negative label',
      "'<i4'",
      '(7,)',
      Int32Array.of(0, 1, -3, 0, 0, 0, 0),
      /negative label -3 at position 2/,
    ],
    [
      'an absurd label',
      "'<i4'",
      '(7,)',
      Int32Array.of(0, 99999999, 0, 0, 0, 0, 0),
      /label 99999999 at position 1.*10000 classes/,
    ],
    ['none', "'<i4'", '(0,)', new Int32Array(0), /has no labels/],
  ])('for y of %s', async (_, descr, shape, values, message) => {
    const problems = await refusalOf({ 'y_train.npy': npy(descr, shape, bytes(values)) });
    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(problems[0]).toMatch(/^\/y_train: /);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'for a pixel that is %s, naming its image',
    async (wrong) => {
      const values = Float32Array.from({ length: 14 }, (_, i) => (i === 9 ? wrong : i));
      const x = npy("'<f4'", '(7, 2)', bytes(values));
      expect(await refusalOf({ 'x_train.npy': x, 'x_test.npy': x, 'y_test.npy': countingLabels(7) })).toEqual(
        [
          '/x_train: x_train holds NaN or an infinity in image 4.',
          '/x_test: x_test holds NaN or an infinity in image 4.',
        ],
      );
    },
  );

  it('when test images differ from the training images in shape or dtype', async () => {
    const problems = await refusalOf({
      'x_test.npy': npy("'<f4'", '(2, 3, 2, 1)', new Uint8Array(48)),
      'y_test.npy': countingLabels(2),
    });
    expect(problems).toEqual([
      '/x_test: x_test has images of shape (3, 2, 1), but x_train of (2, 3, 1).',
      '/x_test: x_test is float32, but x_train is uint8.',
    ]);
  });

  it.each(['../x.npy', '/etc/passwd', 'a\\b.npy', 'C:x.npy', 'sub/x_train.npy'])(
    'for a member that has a path for a name: %s',
    async (name) => {
      expect(await refusalOf({ [name]: new Uint8Array(1) })).toEqual([
        expect.stringMatching(/has a path for a name/),
      ]);
    },
  );

  it('for two members of one name', async () => {
    const archive = Buffer.from(npz({ ...soundMembers(), 'x_trai_.npy': countingImages(7) }));
    const doubled = Buffer.from(archive.toString('latin1').replaceAll('x_trai_', 'x_train'), 'latin1');
    expect(await refusal(doubled)).toEqual([': The archive has two members "x_train.npy".']);
  });

  it.each([
    ['maxBytes', 200, /The arrays inflate to \d+ bytes; the limit is 200/],
    ['maxImages', 6, /7 images; the limit is 6/],
    ['maxInputs', 5, /6 values an image; the limit is 5/],
    ['maxClasses', 2, /the limit is 2 classes/],
  ])('above the limit %s', async (limit, value, message) => {
    expect(await refusal(npz(soundMembers()), { [limit]: value })).toContainEqual(
      expect.stringMatching(message),
    );
  });

  it('as a bomb, before it is inflated', async () => {
    const x = npy("'|u1'", '(4000, 5000)', new Uint8Array(20_000_000));
    const members = { 'x_train.npy': x, 'y_train.npy': npy("'|u1'", '(4000,)', new Uint8Array(4000)) };
    const archive = npz(members, true);
    expect(archive.length).toBeLessThan(50_000);
    expect(await refusal(archive, { maxBytes: 10_000_000 })).toEqual([expect.stringMatching(/inflate to/)]);
    expect(defaultNpzLimits.maxBytes).toBeLessThanOrEqual(2 ** 33);
  });

  it('for a member that inflates to more than it declares', async () => {
    const members = { ...soundMembers(), 'x_train.npy': countingImages(7) };
    const archive = Buffer.from(npz(members, true));
    const bytesOfX = countingImages(7).length;
    // The size stands in the local header and in the directory.
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytesOfX);
    let changed = 0;
    for (let at = archive.indexOf(size); at >= 0; at = archive.indexOf(size, at + 4), changed++) {
      archive.writeUInt32LE(bytesOfX - 6, at);
    }
    expect(changed).toBeGreaterThan(0);
    const shrunk = await refusal(archive);
    expect(shrunk).toContainEqual(expect.stringMatching(/more than the|has a header for/));
  });
});
