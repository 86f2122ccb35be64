/** The `zarr.json` documents of an experiment (Zarr v3, core specification 3.0). */
import type { ArrayDescription } from './arrays.js';
import type { Json } from './experiment-layout.js';

const checksum = { name: 'crc32c' };
const littleEndian = { name: 'bytes', configuration: { endian: 'little' } };
const numberCodecs = [littleEndian, checksum];

const dataTypes = {
  '<f8': 'float64',
  '<f4': 'float32',
  '<i4': 'int32',
  string: 'string',
} as const;
/** What a reader sees where no chunk is stored. Coordinates are always stored. */
const fillValues = {
  '<f8': 'NaN',
  '<f4': 'NaN',
  '<i4': 0,
  string: '',
} as const;

function codecs(array: ArrayDescription): Json {
  // Strings as `string` + `vlen-utf8`: zarr-python, xarray and zarrita all read it; only zarr-python reads UTF-32.
  if (array.dtype === 'string') return [{ name: 'vlen-utf8' }, checksum];
  if (array.shardShape === null) return numberCodecs;
  return [
    {
      name: 'sharding_indexed',
      configuration: {
        chunk_shape: array.chunkShape,
        codecs: numberCodecs,
        index_codecs: numberCodecs,
        index_location: 'end',
      },
    },
  ];
}

export function arrayMetadata(array: ArrayDescription, attributes: Json): Json {
  return {
    zarr_format: 3,
    node_type: 'array',
    shape: array.shape,
    data_type: dataTypes[array.dtype],
    chunk_grid: {
      name: 'regular',
      configuration: { chunk_shape: array.shardShape ?? array.chunkShape },
    },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    fill_value: fillValues[array.dtype],
    codecs: codecs(array),
    attributes,
    dimension_names: array.dimensions,
    storage_transformers: [],
  };
}

export function groupMetadata(attributes: Json): Json {
  return { zarr_format: 3, node_type: 'group', attributes };
}
