/**
 * Loaded into a service by `node --import`: lets the suite move the process's clock and make its writes fail. What it
 * does is read from the file that its URL names (?control=FILE): {"clockMs": N, "writeError": "EIO" | "ENOSPC" | null}.
 */
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const file = new URL(import.meta.url).searchParams.get('control');
let control = { clockMs: 0, writeError: null };
const read = () => {
  try {
    control = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Written at this moment, or not yet.
  }
};
read();
setInterval(read, 50).unref();

const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length > 0 ? args : [target.now() + control.clockMs], newTarget),
  apply: (target) => new target(target.now() + control.clockMs).toString(),
  get: (target, name) =>
    name === 'now' ? () => RealDate.now() + control.clockMs : Reflect.get(target, name),
});

const fail = (what, path) =>
  Object.assign(new Error(`${control.writeError}: made by the chaos suite, ${what} '${path}'`), {
    code: control.writeError,
    syscall: what,
    path,
  });
/** Some get through, so that a file fails at its second write, at its sync, or at its rename. */
const strikes = (path) =>
  control.writeError !== null && String(path).includes('/experiments/') && Math.random() < 0.5;

const { open, rename, link } = fs;
fs.open = async (path, flags, mode) => {
  const handle = await open(path, flags, mode);
  if (flags === 'r') return handle;
  for (const what of ['write', 'sync']) {
    const real = handle[what].bind(handle);
    handle[what] = async (data, offset = 0, length = data?.byteLength, ...rest) => {
      if (!strikes(path)) return what === 'sync' ? real() : real(data, offset, length, ...rest);
      // A full disk takes a part of what it is given.
      if (what === 'write' && length > 1) await real(data, offset, Math.floor(length / 2), ...rest);
      throw fail(what, path);
    };
  }
  return handle;
};
for (const [what, real] of Object.entries({ rename, link })) {
  fs[what] = async (from, to) => {
    if (strikes(to)) throw fail(what, to);
    return real(from, to);
  };
}
syncBuiltinESMExports();
