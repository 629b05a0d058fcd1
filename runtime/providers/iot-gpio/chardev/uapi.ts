/**
 * GPIO character device, uAPI v2: `include/uapi/linux/gpio.h` of Linux 5.10 and later. Numbers and layouts are the
 * same on x64 and arm64; all fields are little-endian on the machines that this host runs on.
 */
export const IOCTL = {
  chipInfo: 0x8044b401,
  lineInfo: 0xc100b405,
  getLine: 0xc250b407,
  setConfig: 0xc110b40d,
  getValues: 0xc010b40e,
  setValues: 0xc010b40f,
} as const;

export const FLAG = {
  used: 1n << 0n,
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  rising: 1n << 4n,
  falling: 1n << 5n,
  openDrain: 1n << 6n,
  openSource: 1n << 7n,
  pullUp: 1n << 8n,
  pullDown: 1n << 9n,
  biasDisabled: 1n << 10n,
} as const;

const ATTRIBUTE = { outputValues: 2, debounce: 3 } as const;
const NAME_BYTES = 32;
const CHIP_INFO_BYTES = 68;
const LINE_INFO_BYTES = 256;
const CONFIG_BYTES = 272;
const REQUEST_BYTES = 592;
const VALUES_BYTES = 16;
export const EVENT_BYTES = 48;
/** Edges that the kernel keeps for one line until they are read: its maximum. */
const EVENT_BUFFER = 1024;

const REQUEST = { consumer: 256, config: 288, lineCount: 560, eventBuffer: 564, fd: 588 } as const;
const CONFIG = { attributeCount: 8, attributes: 32 } as const;
const ATTRIBUTE_BYTES = 24;

/** One line as it is asked for. Without `level` it is an input. */
export interface LineConfig {
  readonly flags: bigint;
  /** Level that an output has from the start. */
  readonly level?: 0 | 1;
  /** Shortest time that a level must last to count as an edge, in microseconds; default 0. */
  readonly debounceUs?: number;
}

/** `struct gpiochip_info`, to be filled by the kernel. */
export const chipInfoBuffer = (): Uint8Array => new Uint8Array(CHIP_INFO_BYTES);

export function readChipInfo(bytes: Uint8Array): { name: string; label: string; lines: number } {
  return {
    name: text(bytes, 0),
    label: text(bytes, NAME_BYTES),
    lines: view(bytes).getUint32(2 * NAME_BYTES, true),
  };
}

/** `struct gpio_v2_line_info` of the line number `offset`, to be filled by the kernel. */
export function lineInfoBuffer(offset: number): Uint8Array {
  const bytes = new Uint8Array(LINE_INFO_BYTES);
  view(bytes).setUint32(2 * NAME_BYTES, offset, true);
  return bytes;
}

/** `consumer`: the name that whoever holds the line gave itself; `used`: somebody does, perhaps the kernel. */
export function readLineInfo(bytes: Uint8Array): { name: string; consumer: string; used: boolean } {
  const flags = view(bytes).getBigUint64(2 * NAME_BYTES + 8, true);
  return { name: text(bytes, 0), consumer: text(bytes, NAME_BYTES), used: (flags & FLAG.used) !== 0n };
}

/** `struct gpio_v2_line_request` for one line. */
export function lineRequest(offset: number, consumer: string, config: LineConfig): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const fields = view(bytes);
  fields.setUint32(0, offset, true);
  // The last byte stays 0: the kernel wants a terminated string.
  bytes.set(new TextEncoder().encode(consumer).subarray(0, NAME_BYTES - 1), REQUEST.consumer);
  bytes.set(lineConfig(config), REQUEST.config);
  fields.setUint32(REQUEST.lineCount, 1, true);
  fields.setUint32(REQUEST.eventBuffer, EVENT_BUFFER, true);
  return bytes;
}

/** The descriptor by which the line is held. */
export function requestedFd(bytes: Uint8Array): number {
  return view(bytes).getInt32(REQUEST.fd, true);
}

/** `struct gpio_v2_line_config` for the only line of a request. */
export function lineConfig({ flags, level, debounceUs = 0 }: LineConfig): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const fields = view(bytes);
  fields.setBigUint64(0, flags, true);
  const attributes: [id: number, value: bigint][] = [];
  if (level !== undefined) attributes.push([ATTRIBUTE.outputValues, BigInt(level)]);
  if (debounceUs > 0) attributes.push([ATTRIBUTE.debounce, BigInt(debounceUs)]);
  fields.setUint32(CONFIG.attributeCount, attributes.length, true);
  for (const [index, [id, value]] of attributes.entries()) {
    const at = CONFIG.attributes + index * ATTRIBUTE_BYTES;
    fields.setUint32(at, id, true);
    fields.setBigUint64(at + 8, value, true);
    fields.setBigUint64(at + 16, 1n, true);
  }
  return bytes;
}

/** `struct gpio_v2_line_values` that asks for, or sets, the only line of a request. */
export function lineValues(level: 0 | 1 = 0): Uint8Array {
  const bytes = new Uint8Array(VALUES_BYTES);
  bytes[0] = level;
  bytes[8] = 1;
  return bytes;
}

/** `struct gpio_v2_line_event`. */
export interface LineEvent {
  readonly edge: 'rising' | 'falling';
  /** Monotonic clock of the kernel. */
  readonly timestampNs: bigint;
  /** Counts the edges of this line since it was requested; a gap is an edge that the kernel had no room for. */
  readonly seq: number;
}

/** The events in what was read from a line's descriptor. */
export function readEvents(bytes: Uint8Array): LineEvent[] {
  const fields = view(bytes);
  const events: LineEvent[] = [];
  for (let at = 0; at + EVENT_BYTES <= bytes.length; at += EVENT_BYTES) {
    events.push({
      edge: fields.getUint32(at + 8, true) === 1 ? 'rising' : 'falling',
      timestampNs: fields.getBigUint64(at, true),
      seq: fields.getUint32(at + 20, true),
    });
  }
  return events;
}

function text(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + NAME_BYTES);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
