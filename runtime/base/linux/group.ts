import { readFileSync, statSync } from 'node:fs';

/** What to do to be allowed to open `path`: the group that owns it is the one to join. `groups`: `/etc/group`. */
export function joinGroup(path: string, groups = '/etc/group'): string {
  const name = groupOf(path, groups);
  if (name === undefined || name === 'root') {
    return `only root may open it: give ${path} to a group by a rule of udev, and join that group`;
  }
  return `sudo usermod -aG ${name} $USER, then log in again`;
}

function groupOf(path: string, groups: string): string | undefined {
  try {
    const { gid } = statSync(path);
    const lines = readFileSync(groups, 'utf8').split('\n');
    return lines.find((line) => line.split(':')[2] === String(gid))?.split(':')[0];
  } catch {
    return undefined;
  }
}
