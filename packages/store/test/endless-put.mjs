/** Starts two writes that never end, tells the parent when their bytes are on disk, and waits to be killed. */
import { openFolderStore } from '@tessera/store';

const store = await openFolderStore(process.argv[2]);
let started = 0;
async function* endless() {
  yield Buffer.alloc(100_000, 'new');
  yield Buffer.alloc(0);
  started += 1;
  if (started === 2) process.send('written');
  await new Promise(() => setInterval(() => {}, 1000));
}
await Promise.all([store.put('e/k', endless()), store.put('e/absent', endless())]);
