import { BUILT } from '../../../base/version.js';
import { type Check, fail, ok, warn } from '../finding.js';

/** That the time is right, as far as that can be told: certificates, claims and trust documents have dates. */
export const checkClock: Check = (machine, { config }) => {
  const shown = new Date(machine.now * 1000).toISOString().slice(0, 16).replace('T', ' ');
  const set = 'sudo timedatectl set-ntp true, and let it reach a time server';
  if (machine.now < BUILT) return [fail('clock', `${shown} UTC, before this host was made`, set)];
  if (machine.clockTrusted(config?.clock ?? 'auto'))
    return [ok('clock', `${shown} UTC, set by something that knows`)];
  const fix = `${set}\nor, where something else sets it: clock: trusted, or clock: {file: PATH}`;
  return [
    warn('clock', `${shown} UTC, and nothing says that it was set: what has a date cannot be judged`, fix),
  ];
};
