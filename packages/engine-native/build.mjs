/** Builds build/libtessera.so: `node build.mjs` for every instruction set; the bootstrap builds this machine's own. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildFromCommandLine } from '../../scripts/native/build-library.mjs';

/** An object for each precision. */
const units = (isa, flags = []) => [
  {
    name: `${isa}-double`,
    source: 'unit.cpp',
    flags: [...flags, '-DTESSERA_REAL=double', '-DTESSERA_READ_IN'],
  },
  { name: `${isa}-float`, source: 'unit.cpp', flags: [...flags, '-DTESSERA_REAL=float'] },
];
/** AVX-512 again, for cores whose divider is slow beside two multiply-add units: native/simd.h. */
const dual = units('avx512dual', [
  '-UTESSERA_ISA',
  '-DTESSERA_ISA=avx512dual',
  '-DTESSERA_SLOW_DIVIDER=true',
]);

export const engineLibrary = {
  folder: fileURLToPath(new URL('.', import.meta.url)),
  name: 'libtessera.so',
  what: 'the native engine',
  once: [
    { name: 'library', source: 'library.cpp', flags: [] },
    { name: 'threads', source: 'threads.cpp', flags: [] },
    { name: 'pages', source: 'pages.cpp', flags: [] },
  ],
  perSet: (isa) => (isa === 'avx512' ? [...units(isa), ...dual] : units(isa)),
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildFromCommandLine(engineLibrary);
}
