import type { Machine } from './machine.js';

/** Lets a group that the system does not know yet have the GPIO chips (udev(7)). */
const GPIO_RULE = 'SUBSYSTEM=="gpio", GROUP="gpio", MODE="0660"';

/** What lets this user use what belongs to `group`: join it, log in again, or make it first. */
export async function joinGroup(machine: Machine, group: 'gpio' | 'dialout'): Promise<string> {
  const { user } = machine;
  const join = `sudo usermod -aG ${group} ${user}, then log in again`;
  const entry = ((await machine.text('/etc/group')) ?? '')
    .split('\n')
    .find((line) => line.startsWith(`${group}:`));
  if (entry === undefined) {
    if (group !== 'gpio') return `sudo groupadd --system ${group}; ${join}`;
    return [
      'sudo groupadd --system gpio',
      `echo '${GPIO_RULE}' | sudo tee /etc/udev/rules.d/60-gpio.rules`,
      'sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=gpio',
      join,
    ].join('\n');
  }
  const [, , id = '', members = ''] = entry.split(':');
  if (machine.groupIds.includes(Number(id))) {
    return `${user} is in the group ${group} already: ls -l shows whom it belongs to`;
  }
  return members.split(',').includes(user) ? `log in again: ${user} has joined ${group} since` : join;
}
