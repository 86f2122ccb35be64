/**
 * Writes test/tfjs-node-gpu-kernels.json: the kernels that @tensorflow/tfjs-node-gpu registers, of the version of tfjs-core that
 * package.json pins. The package is packed from the registry and read; its install script, which fetches TensorFlow's C library,
 * does not run. `node packages/engine-tfjs/kernel-list.mjs`
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const name = '@tensorflow/tfjs-node-gpu';
const manifest = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));
const version = manifest.dependencies['@tensorflow/tfjs-core'];
const folder = mkdtempSync(join(tmpdir(), 'kernel-list-'));
try {
  const archive = execFileSync('npm', ['pack', `${name}@${version}`, '--silent', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();
  execFileSync('tar', ['xzf', archive], { cwd: folder });
  const register = readFileSync(join(folder, 'package/dist/register_all_kernels.js'), 'utf8');
  // var Add_1 = require("./kernels/Add"): a file a kernel, each named as the kernel.
  const kernels = [...register.matchAll(/require\("\.\/kernels\/(\w+)"\)/g)].map(([, kernel]) => kernel);
  const list = { package: name, version, kernels: [...new Set(kernels)].sort() };
  writeFileSync(
    new URL('./test/tfjs-node-gpu-kernels.json', import.meta.url),
    `${JSON.stringify(list, null, 2)}\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
