import type { LogLine } from './messages.js';

/** Whether a line is about that actor: its own, of the host about it, or of an update or a release of its slot. */
export function isAbout({ actor, component, actors }: LogLine, name: string): boolean {
  return actor === name || component === name || (Array.isArray(actors) && actors.includes(name));
}
