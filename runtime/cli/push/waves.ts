import { IotError } from '../../base/errors.js';
import type { Wave, WaveEnd } from '../../control/client/rollout.js';

/** Per cent of a wave that may fail when `--waves` is given without `--max-failed`. */
export const MAX_FAILED_PERCENT = 10;

/** `1,10%,100%`: how many devices, or which share of all, have it after each wave. Throws E_USAGE. */
export function parseWaves(text: string): WaveEnd[] {
  const waves = text.split(',').map(parseWave);
  const last = waves.at(-1);
  if (last !== undefined && 'percent' in last && last.percent === 100) return waves;
  throw new IotError('E_USAGE', `"${text}" ends before it has reached every device`, {
    hint: 'the last wave is all of them: --waves 1,10%,100%',
  });
}

function parseWave(text: string): WaveEnd {
  const part = text.trim();
  if (part.endsWith('%')) return { percent: parsePercent(part, 1) };
  if (/^[1-9]\d{0,8}$/.test(part)) return { count: Number(part) };
  throw new IotError('E_USAGE', `"${part}" is not a wave`, {
    hint: 'a wave is a number of devices or a share of them: --waves 1,10%,100%',
  });
}

/** `10%`. Throws E_USAGE. */
export function parseMaxFailed(text: string): number {
  return parsePercent(text.trim(), 0);
}

function parsePercent(text: string, least: number): number {
  const percent = /^\d{1,3}%$/.test(text) ? Number.parseInt(text, 10) : -1;
  if (percent >= least && percent <= 100) return percent;
  throw new IotError('E_USAGE', `"${text}" is not a share of ${least}% to 100%`, {
    hint: 'write it like 10%',
  });
}

/** `wave 2 of 3: 19 devices`, and how it ended. */
export function waveLine(
  { number, of, size, ok, failed, unreached }: Wave,
  event: 'begins' | 'ends',
): string {
  const which = `wave ${number} of ${of}`;
  if (event === 'begins') return `${which}: ${devices(size)}`;
  const left = size - ok - failed - unreached;
  const counts = [
    `${ok} active`,
    `${failed} failed`,
    ...(unreached === 0 ? [] : [`${unreached} not reached`]),
    ...(left === 0 ? [] : [`${left} not begun`]),
  ];
  return `${which} ended: ${counts.join(', ')}`;
}

export const devices = (count: number): string => `${count} ${count === 1 ? 'device' : 'devices'}`;
