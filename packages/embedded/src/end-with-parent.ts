import { spawn } from 'node:child_process';

/**
 * A shell that waits for this process's end (the end of its input), and then sends the signal: for programs
 * that cannot watch their parent themselves.
 */
export function endWithParent(pid: number, signal: 'INT' | 'TERM' | 'QUIT' | 'KILL'): { cancel(): void } {
  const guard = spawn('/bin/sh', ['-c', 'read -r line; kill -"$1" "$0"', String(pid), signal], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: {},
    detached: true,
  });
  guard.on('error', () => {});
  guard.stdin?.on('error', () => {});
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return { cancel: () => void guard.kill('SIGKILL') };
}
