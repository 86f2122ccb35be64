export { readArchive } from './read-archive.js';
export { restoreArchive } from './restore-archive.js';
export { writeArchive } from './write-archive.js';
