/** Builds build/libtessera-analysis.so: `node build.mjs` for every instruction set; the bootstrap builds this machine's own. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildFromCommandLine } from '../../scripts/native/build-library.mjs';

export const analysisLibrary = {
  folder: fileURLToPath(new URL('.', import.meta.url)),
  name: 'libtessera-analysis.so',
  what: 'the loops of the analyses',
  shared: ['cpu.h', 'buffer.h'].map((name) =>
    fileURLToPath(new URL(`../engine-native/native/${name}`, import.meta.url)),
  ),
  once: [{ name: 'library', source: 'library.cpp', flags: [] }],
  perSet: (isa) => [{ name: isa, source: 'unit.cpp', flags: [] }],
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildFromCommandLine(analysisLibrary);
}
