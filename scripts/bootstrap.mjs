/** Makes a clone ready to run: packages, what is native, the build. Does nothing, in well under a second, when it is. */
import { build } from './bootstrap/build.mjs';
import { withBootstrapLock } from './bootstrap/lock.mjs';
import { fetchNative, installByApt, missingNative } from './bootstrap/native.mjs';
import { installPackages } from './bootstrap/packages.mjs';

/** @throws StartError with what to do about it */
export async function bootstrap() {
  await withBootstrapLock(async () => {
    const missing = await missingNative();
    // apt waits for its mirrors while npm unpacks.
    await Promise.all([installPackages(), installByApt(missing)]);
    if (missing.compiler || missing.openblas) await fetchNative(await missingNative());
    await build();
  });
}
