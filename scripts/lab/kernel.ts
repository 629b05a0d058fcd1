import { join } from 'node:path';
import { type Ended, type Limits, runGroup } from './group.js';
import { CHECKOUT } from './machine.js';

/** Prints the path of the kernel; exit code 3 where it is not there (with `--cached`) or cannot be had. */
export const BUILD = join(CHECKOUT, 'scripts/lab/build-kernel');

/** Path of the lab's kernel where it has been built already. */
export async function cachedKernel(stop: AbortSignal, build = BUILD): Promise<string | undefined> {
  return path(await runGroup(build, ['--cached'], { limit: 60_000, stop }));
}

/** Path of the lab's kernel, built where it is missing; or why it cannot be had. */
export async function builtKernel(
  limits: Limits,
  build = BUILD,
): Promise<{ path: string } | { reason: string }> {
  const ended = await runGroup(build, [], limits);
  const built = path(ended);
  return built === undefined ? { reason: lastWords(ended, 'lab: ') } : { path: built };
}

function path({ code, answer }: Ended): string | undefined {
  return code === 0 ? answer : undefined;
}

/** The last line that a program said before it gave up, without the name it puts in front. */
export function lastWords({ code, overtime, tail }: Ended, name: string): string {
  if (overtime) return 'it took too long';
  const said = tail.filter((line) => line.startsWith(name)).at(-1) ?? tail.at(-1);
  return said?.replace(name, '') ?? `it ended with ${code ?? 'a signal'} and said nothing`;
}
