/** Makes a clone ready to run: packages, what is native, the build. Does nothing, in well under a second, when it is. */
import { build } from './bootstrap/build.mjs';
import { withBootstrapLock } from './bootstrap/lock.mjs';
import { checkFetchable, fetchNative, installByApt, missingNative } from './bootstrap/native.mjs';
import { installPackages } from './bootstrap/packages.mjs';

/**
 * @param {{everySet?: boolean}} options the native engine for every instruction set, as its tests need it
 * @throws StartError with what to do about it
 */
export async function bootstrap({ everySet = false } = {}) {
  await withBootstrapLock(async () => {
    const missing = await missingNative();
    await checkFetchable(missing);
    // apt waits for its mirrors while npm unpacks.
    const [packages] = await Promise.allSettled([installPackages(), installByApt(missing)]);
    if (packages.status === 'rejected') throw packages.reason;
    if (missing.compiler || missing.openblas) await fetchNative(await missingNative());
    await build(everySet);
  });
}
