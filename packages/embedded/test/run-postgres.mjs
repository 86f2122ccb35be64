/** A program: starts the Postgres of a data folder, prints one JSON line, and runs until SIGTERM. */
import { holdDataFolder, startPostgres } from '../dist/index.js';

const folder = await holdDataFolder(process.argv[2]);
const postgres = await startPostgres({ folder, log: (line) => console.error(line) });
process.on('SIGTERM', async () => {
  await postgres.stop();
  await folder.release();
  process.exit(0);
});
console.log(JSON.stringify({ url: postgres.url, pid: postgres.pid() }));
