/**
 * `npm test [-- VITEST ARGUMENTS]`: makes the clone ready as `npm start` does, checks formatting, lint, types and
 * import rules, sees to the services, and runs every test. With CI set a missing service is a failure.
 */
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Tessera needs Node 20.19 or later; this is ${process.versions.node}.`);
  process.exit(1);
}
const { runTests } = await import('./run-tests.mjs');
process.exit(await runTests(process.argv.slice(2)));
