import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npyHeader, parseNpy, writeNpy } from '../src/npy.js';

const invalid = expect.objectContaining({ code: 'invalid-dataset' });

function withHeader(text: string, data: Uint8Array = new Uint8Array(8), version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'),
    length,
    Buffer.from(text),
    data,
  ]);
}

describe('a .npy header', () => {
  it('is what numpy.save writes, byte for byte', () => {
    const expected = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }";
    const header = npyHeader('<f8', [3, 2]);
    expect(header.byteLength).toBe(128);
    expect(header.toString('latin1')).toBe(
      `\x93NUMPY\x01\0\x76\0${expected}${' '.repeat(127 - 10 - expected.length)}\n`,
    );
    expect(npyHeader('<f4', [5]).toString('latin1')).toContain("'shape': (5,), }");
    expect(npyHeader('<i4', []).toString('latin1')).toContain("'shape': (), }");
  });

  it('aligns the data to 64 bytes for any shape, and reads back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 8 }),
        fc.constantFrom('<f8', '<f4', '<i4'),
        (shape, dtype) => {
          const items = shape.reduce((total, side) => total * side, 1);
          const data = Buffer.alloc(items * (dtype === '<f8' ? 8 : 4), 7);
          const file = writeNpy(dtype, shape, data);
          expect((file.byteLength - data.byteLength) % 64).toBe(0);
          expect(parseNpy(file)).toEqual({ dtype, shape, fortranOrder: false, data });
        },
      ),
    );
  });
});

describe('parseNpy', () => {
  it('reads versions 2 and 3, Fortran order, any order of entries, other types', () => {
    for (const version of [1, 2, 3]) {
      const file = withHeader(
        "{'shape': (2, 1), 'fortran_order': True, 'descr': '>f4'}   \n",
        new Uint8Array(8),
        version,
      );
      expect(parseNpy(file)).toMatchObject({ dtype: '>f4', shape: [2, 1], fortranOrder: true });
    }
    const text = withHeader("{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }\n");
    expect(parseNpy(text)).toMatchObject({ dtype: '<U2', shape: [1] });
  });

  it.each([
    ["{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 'pickled objects'],
    ["{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", 'structures'],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", 'a shape larger than the data'],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': 1}", 'a further entry'],
    ["{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 'an entry twice'],
    ["{'descr': '<f8', 'shape': (1,)}", 'an entry missing'],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", 'a negative length'],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (1, , )}", 'a gap in the shape'],
    [
      "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      'a length beyond any file',
    ],
    ['', 'nothing'],
    ["('<f8', False, (1,))", 'a tuple'],
  ])('refuses %s (%s)', (header) => {
    expect(() => parseNpy(withHeader(`${header}\n`))).toThrow(invalid);
  });

  it('refuses a file cut at any byte, other bytes, versions to come, and a header longer than any', () => {
    const file = writeNpy('<f8', [2], Buffer.alloc(16));
    for (let length = 0; length < file.byteLength; length += 1) {
      expect(() => parseNpy(file.subarray(0, length))).toThrow(invalid);
    }
    expect(() => parseNpy(Buffer.from('PK\x03\x04 something else entirely'))).toThrow(invalid);
    expect(() =>
      parseNpy(withHeader("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", undefined, 4)),
    ).toThrow(invalid);
    const long = `{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }${' '.repeat(20_000)}`;
    expect(() => parseNpy(withHeader(long))).toThrow(invalid);
  });
});
