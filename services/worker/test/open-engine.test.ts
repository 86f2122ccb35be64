import { tmpdir } from 'node:os';
import { abilitiesOf } from '@tessera/engine';
import { measureSpeed } from '@tessera/plan';
import { expect, it } from 'vitest';
import { openEngine } from '../src/open-engine.js';

const dataDir = tmpdir();

it('opens the engine and the device that the settings name, and refuses what is not there', async () => {
  const native = await openEngine({ engine: 'native', device: null, dataDir });
  expect(native).toMatchObject({ usesCores: true, engine: { info: { name: 'native' } } });
  expect(abilitiesOf(native.engine)).toContain('f64 fcn tanh');

  const tfjs = await openEngine({ engine: 'tfjs', device: 'wasm', dataDir });
  expect(tfjs).toMatchObject({ usesCores: false, engine: { info: { name: 'tfjs', device: 'cpu (wasm)' } } });
  const abilities = abilitiesOf(tfjs.engine);
  expect(abilities).toContain('f32 cnn-gap relu same');
  expect(abilities.filter((word) => word.startsWith('f64') || word.includes('tanh'))).toEqual([]);
  expect(await measureSpeed(tfjs.engine, 'f32')).toBeGreaterThan(0);

  await expect(openEngine({ engine: 'tfjs', device: 'cuda', dataDir })).rejects.toThrow(
    /TESSERA_DEVICE=cuda.*tfjs-node-gpu/,
  );
  await expect(openEngine({ engine: 'opencl', device: 'no such card', dataDir })).rejects.toMatchObject({
    name: 'TesseraError',
  });
});
