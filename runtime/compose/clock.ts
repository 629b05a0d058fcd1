import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig } from '../base/config/schema.js';

export interface ClockSources {
  /** Made by whatever sets the clock, once it has; gone after a reboot. */
  readonly markers: readonly string[];
  /** Clocks with a battery, as the kernel shows them. */
  readonly batteryClocks: string;
}

/** systemd-timesyncd makes the file; the kernel lists the clocks with a battery. */
const LINUX: ClockSources = {
  markers: ['/run/systemd/timesync/synchronized'],
  batteryClocks: '/sys/class/rtc',
};
/** Seconds that the system may differ from a clock that it was set by: such a clock counts whole seconds, and drifts. */
const TOLERANCE_SECONDS = 60;

/**
 * Whether the system's time was set by something that knows it. `trusted`: it is, says the configuration. `auto`: a time
 * server has set it (systemd-timesyncd says so in a file), or a clock with a battery shows the same; one that has lost
 * its battery shows something else than a system that went on from its last shutdown. `{file}`: as soon as that file is
 * there, for machines on which something else sets the time.
 */
export function clockTrust(
  setting: HostConfig['clock'],
  sources: ClockSources = LINUX,
  nowMs: () => number = Date.now,
): () => boolean {
  if (setting === 'trusted') return () => true;
  if (setting !== 'auto') return () => existsSync(setting.file);
  return () => sources.markers.some((file) => existsSync(file)) || batteryAgrees(sources, nowMs() / 1000);
}

function batteryAgrees({ batteryClocks }: ClockSources, seconds: number): boolean {
  try {
    return readdirSync(batteryClocks).some((name) => {
      const shown = Number(readFileSync(join(batteryClocks, name, 'since_epoch'), 'utf8'));
      return Math.abs(shown - seconds) <= TOLERANCE_SECONDS;
    });
  } catch {
    // No such clock, or none that can be read.
    return false;
  }
}
