import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findOrFetchCifar10 } from './bootstrap/cifar10.mjs';
import { root } from './bootstrap/run.mjs';
import { bootstrap } from './bootstrap.mjs';

const options = {
  once: { type: 'boolean' },
  synthetic: { type: 'boolean' },
  port: { type: 'string' },
  'data-dir': { type: 'string' },
  workers: { type: 'string' },
  help: { type: 'boolean' },
};
const usage = `npm start [-- OPTIONS]   make this clone ready, start everything, run the main job, serve until Ctrl-C
  --once             stop when the main job has ended: exit 0 where it completed, 1 where it failed
  --synthetic        run it on the built-in synthetic images, not on CIFAR-10
  --port N           where the API listens (TESSERA_PORT, default 7878)
  --data-dir DIR     where everything is kept (TESSERA_DATA_DIR, default ./data)
  --workers N        worker processes (TESSERA_WORKERS)`;

/** Does everything that comes before `tessera up`. @returns its arguments; ends the process where it cannot go on */
export async function prepareStart(args) {
  // Until the services run there is nothing to stop in order.
  const leave = () => process.exit(130);
  process.on('SIGINT', leave);
  try {
    const values = parse(args);
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    await bootstrap();
    const dataDir = resolve(values['data-dir'] ?? (process.env.TESSERA_DATA_DIR || resolve(root, 'data')));
    process.env.TESSERA_DATA_DIR = dataDir;
    if (!values.synthetic) values.synthetic = !(await useCifar10(dataDir));
    return [
      ...(values.once ? ['--once'] : []),
      ...(values.synthetic ? ['--synthetic'] : []),
      ...(values.port === undefined ? [] : ['--port', values.port]),
      ...(values.workers === undefined ? [] : ['--workers', values.workers]),
    ];
  } catch (error) {
    console.error(error.name === 'StartError' ? error.message : error);
    process.exit(1);
  } finally {
    process.off('SIGINT', leave);
  }
}

async function useCifar10(dataDir) {
  const folder = await findOrFetchCifar10({ given: process.env.TESSERA_CIFAR10_DIR || null, dataDir });
  if (folder === null) return false;
  process.env.TESSERA_CIFAR10_DIR = folder;
  return true;
}

function parse(args) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}
