/**
 * `npm start [-- --once] [-- --port N --data-dir DIR --workers N]`: makes this clone ready, finds CIFAR-10, starts
 * everything and runs the main job. Plain JavaScript without packages: it runs before any is installed.
 */
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Tessera needs Node 20.19 or later; this is ${process.versions.node}. See https://nodejs.org.`,
  );
  process.exit(1);
}
const { prepareStart } = await import('./scripts/prepare-start.mjs');
const upArguments = await prepareStart(process.argv.slice(2));
// The same process goes on as `tessera up`: signals and the exit code need nobody in between.
process.argv.splice(2, Number.POSITIVE_INFINITY, 'up', '--main-job', ...upArguments);
await import('./packages/cli/bin/tessera.js');
