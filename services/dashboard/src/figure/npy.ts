/** Numbers of a `.npy` that the service wrote: `<f8`, `<f4` or `<i4`, format 1.0. */
export interface Npy {
  shape: number[];
  values: Float64Array;
}

/** @throws RangeError for anything else */
export async function readNpy(response: Response): Promise<Npy> {
  const bytes = await response.arrayBuffer();
  const headerBytes = new DataView(bytes).getUint16(8, true);
  const header = new TextDecoder('latin1').decode(new Uint8Array(bytes, 10, headerBytes));
  const dtype = /'descr': '([^']*)'/.exec(header)?.[1];
  const shape = (/'shape': \(([\d, ]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const data = bytes.slice(10 + headerBytes);
  if (dtype === '<f8') return { shape, values: new Float64Array(data) };
  if (dtype === '<f4') return { shape, values: Float64Array.from(new Float32Array(data)) };
  if (dtype === '<i4') return { shape, values: Float64Array.from(new Int32Array(data)) };
  throw new RangeError(`An array of ${dtype} is not read here.`);
}
