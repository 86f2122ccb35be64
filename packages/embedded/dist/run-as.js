/** Postgres refuses to run as root: who runs it instead. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
/** The user made for Postgres where root can have no user namespace. */
const userName = 'tessera-postgres';
export const isRoot = process.getuid?.() === 0;
export const asOurselves = { prefix: [], user: null };
const inUserNamespace = {
    prefix: ['unshare', '--user', '--map-user=1000', '--map-group=1000'],
    user: null,
};
/** The options of `spawn` that make a program run so. */
export function spawnOptions(as) {
    return { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }, ...as.user };
}
/** Whether, run so, `postgres` starts and can write into the folder. */
export function canRun(as, postgres, folder) {
    const script = '"$0" --version >/dev/null && test -w "$1" && test -x "$1"';
    const [command, ...args] = [...as.prefix, 'sh', '-c', script, postgres, folder];
    return spawnSync(command, args, { ...spawnOptions(as), stdio: 'ignore', cwd: '/' }).status === 0;
}
/** A user namespace in which root is an ordinary user (not inside a chroot, nor in many containers), or null. */
export function userNamespace(postgres, folder) {
    return canRun(inUserNamespace, postgres, folder) ? inUserNamespace : null;
}
/** The user of the account database made for Postgres; makes it where it is missing. */
export function dedicatedUser(log) {
    let user = lookUp(userName);
    if (!user) {
        const command = [
            'useradd',
            '--system',
            '--no-create-home',
            '--home-dir',
            '/nonexistent',
            '--shell',
            '/usr/sbin/nologin',
        ];
        log(`Postgres does not run as root: making a user for it (${[...command, userName].join(' ')}).`);
        const made = spawnSync(command[0], [...command.slice(1), userName], { encoding: 'utf8' });
        user = lookUp(userName);
        if (!user) {
            throw new Error(`Postgres does not run as root, and a user for it could not be made: ${made.error?.message ?? made.stderr.trim()}. ` +
                'Run tessera as an ordinary user, or set TESSERA_DATABASE_URL to a Postgres of your own.');
        }
    }
    return { prefix: [], user };
}
function lookUp(name) {
    const line = readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .find((entry) => entry.startsWith(`${name}:`));
    if (!line)
        return null;
    const [, , uid, gid] = line.split(':');
    return { uid: Number(uid), gid: Number(gid) };
}
//# sourceMappingURL=run-as.js.map