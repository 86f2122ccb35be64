/** Builds build/libtessera.so: `node build.mjs` for every instruction set; the bootstrap builds this machine's own. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildFromCommandLine } from '../../scripts/native/build-library.mjs';

/** One object for each instruction set and precision. */
export const engineLibrary = {
  folder: fileURLToPath(new URL('.', import.meta.url)),
  name: 'libtessera.so',
  what: 'the native engine',
  once: [
    { name: 'library', source: 'library.cpp', flags: [] },
    { name: 'threads', source: 'threads.cpp', flags: [] },
  ],
  perSet: (isa) => [
    { name: `${isa}-double`, source: 'unit.cpp', flags: ['-DTESSERA_REAL=double', '-DTESSERA_READ_IN'] },
    { name: `${isa}-float`, source: 'unit.cpp', flags: ['-DTESSERA_REAL=float'] },
  ],
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildFromCommandLine(engineLibrary);
}
