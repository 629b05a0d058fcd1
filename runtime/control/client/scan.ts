import type { Service } from 'bonjour-service';
import { z } from 'zod';
import { Name } from '../../base/config/schema.js';
import { openMdns, SERVICE_TYPE } from '../../base/mdns.js';
import { isLoopback } from '../mqtt/address.js';
import { pause } from '../mqtt/link.js';

/** Milliseconds in which devices may answer. */
export const SCAN_MS = 1_500;
/** Questions in that time: one may be lost. */
const QUESTIONS = 3;
/** Announcements that are looked at: anybody may make them up. */
const MAX_FOUND = 256;

/** A device that says of itself that it is there. Nothing of it is proven: a signature decides what it may do. */
export interface FoundDevice {
  readonly device: string;
  /** URL of its broker, where others can reach it. */
  readonly broker?: string | undefined;
  readonly version?: string | undefined;
  /** From where it was said. */
  readonly address?: string | undefined;
}

const Announced = z.object({
  device: Name,
  broker: z.string().refine(isForeignBroker).optional().catch(undefined),
  version: z
    .string()
    .regex(/^[\w.+-]{1,32}$/)
    .optional()
    .catch(undefined),
});

export interface ScanOptions {
  /** Default `SCAN_MS`. */
  readonly timeoutMs?: number | undefined;
  /** IPv4 address of the only interface to ask on. */
  readonly interface?: string | undefined;
  /** Ends the scan as soon as this device was found. */
  readonly device?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks the local network for devices, by name. Rejects with E_UNAVAILABLE where multicast cannot be used. */
export async function scan(options: ScanOptions = {}): Promise<FoundDevice[]> {
  const { timeoutMs = SCAN_MS, device, signal } = options;
  const found = new Map<string, FoundDevice>();
  const enough = new AbortController();
  const ended = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]);
  const mdns = await openMdns({ interface: options.interface, warn: () => undefined });
  try {
    const take = (service: Service) => {
      const announced = readAnnouncement(service);
      if (announced === undefined || found.size >= MAX_FOUND) return;
      found.set(announced.device, announced);
      if (announced.device === device) enough.abort();
    };
    const browser = mdns.bonjour.find({ type: SERVICE_TYPE }, take);
    browser.on('txt-update', take);
    for (let asked = 0; asked < QUESTIONS && !ended.aborted; asked++) {
      await mdns.ask();
      await pause(timeoutMs / QUESTIONS, ended);
    }
    browser.stop();
  } finally {
    await mdns.close();
  }
  return [...found.values()].sort((a, b) => (a.device < b.device ? -1 : 1));
}

/** `undefined` for what is no announcement of a device. */
export function readAnnouncement({
  txt,
  referer,
}: Pick<Service, 'txt' | 'referer'>): FoundDevice | undefined {
  const parsed = Announced.safeParse(txt);
  if (!parsed.success) return undefined;
  const { device, broker, version } = parsed.data;
  return {
    device,
    ...(broker === undefined ? {} : { broker }),
    ...(version === undefined ? {} : { version }),
    ...(referer === undefined ? {} : { address: referer.address }),
  };
}

/** A broker on another machine, without anything that would be sent there as a password. */
function isForeignBroker(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  // Only for schemes that it knows does the class see that 0x7f.1 is an address.
  const plain = text.replace(/^[a-z]+:/i, 'http:');
  const hostname = URL.canParse(plain) ? new URL(plain).hostname : '';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return (
    ['mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(protocol) &&
    `${username}${password}` === '' &&
    !['', '0.0.0.0', '::'].includes(host) &&
    !host.startsWith('::ffff:') &&
    !isLoopback(host)
  );
}
