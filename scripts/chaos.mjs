/**
 * `npm run chaos -- --seed S --faults N [--runs R] [--backend postgres|redis|both]`: makes the clone ready as
 * `npm start` does, and runs tests/chaos/main.ts.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepareRedis } from './bootstrap/redis.mjs';
import { plainEnv, root } from './bootstrap/run.mjs';
import { bootstrap } from './bootstrap.mjs';

try {
  await bootstrap();
} catch (error) {
  console.error(error.name === 'StartError' ? error.message : error);
  process.exit(1);
}
await prepareRedis();
const child = spawn(
  process.execPath,
  ['--import', 'tsx', join(root, 'tests/chaos/main.ts'), ...process.argv.slice(2)],
  { cwd: root, env: plainEnv(), stdio: 'inherit' },
);
child.on('exit', (code) => process.exit(code ?? 1));
