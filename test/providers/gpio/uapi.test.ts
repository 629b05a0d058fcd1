import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chipInfoBuffer,
  EVENT_BYTES,
  FLAG,
  IOCTL,
  lineConfig,
  lineInfoBuffer,
  lineRequest,
  lineValues,
  readChipInfo,
  readEvents,
  readLineInfo,
  requestedFd,
} from '#runtime/providers/iot-gpio/chardev/uapi.js';

// What a C program fills these structures with, by Linux's own include/uapi/linux/gpio.h on x86_64: the length, then
// `offset=byte` of all that is not zero.
const written = (bytes: Uint8Array) =>
  [bytes.length, ...[...bytes.entries()].filter(([, byte]) => byte !== 0)]
    .map((entry) =>
      typeof entry === 'number' ? `${entry}` : `${entry[0]}=${entry[1].toString(16).padStart(2, '0')}`,
    )
    .join(' ');
const filled = (length: number, text: string) => {
  const bytes = new Uint8Array(length);
  for (const entry of text.split(' ')) {
    const [offset, byte] = entry.split('=');
    bytes[Number(offset)] = Number.parseInt(byte ?? '', 16);
  }
  return bytes;
};

describe('the structures of the GPIO character device', () => {
  it('request a line', () => {
    const flags = FLAG.output | FLAG.openDrain | FLAG.activeLow;
    expect(written(lineRequest(17, 'iot-host pi-01', { flags, level: 1 }))).toBe(
      '592 0=11 256=69 257=6f 258=74 259=2d 260=68 261=6f 262=73 263=74 264=20 265=70 266=69 267=2d 268=30 269=31 ' +
        '288=4a 296=01 320=02 328=01 336=01 560=01 565=04',
    );
    expect(requestedFd(filled(592, '588=2a 589=01'))).toBe(298);
    expect(requestedFd(filled(592, '588=ff 589=ff 590=ff 591=ff'))).toBe(-1);
  });

  it('keep the last byte of a consumer for the zero that ends it', () => {
    const request = lineRequest(0, 'x'.repeat(40), { flags: FLAG.input });
    expect([request[256 + 30], request[256 + 31], request[288]]).toEqual(['x'.charCodeAt(0), 0, 4]);
  });

  it('configure a line', () => {
    const flags = FLAG.input | FLAG.pullUp | FLAG.rising | FLAG.falling;
    expect(written(lineConfig({ flags, debounceUs: 10_000_000 }))).toBe(
      '272 0=34 1=01 8=01 32=03 40=80 41=96 42=98 48=01',
    );
    expect(written(lineConfig({ flags: FLAG.output, level: 0, debounceUs: 1 }))).toBe(
      '272 0=08 8=02 32=02 48=01 56=03 64=01 72=01',
    );
    expect(written(lineConfig({ flags: FLAG.input }))).toBe('272 0=04');
  });

  it('read and set values', () => {
    expect(written(lineValues(1))).toBe('16 0=01 8=01');
    expect(written(lineValues())).toBe('16 8=01');
  });

  it('tell of chips and lines', () => {
    expect(chipInfoBuffer()).toHaveLength(68);
    const chip =
      '0=67 1=70 2=69 3=6f 4=63 5=68 6=69 7=70 8=30 32=70 33=69 34=6e 35=63 36=74 37=72 38=6c 39=2d 40=62 41=63 42=6d ' +
      '43=32 44=37 45=31 46=31 64=3a';
    expect(readChipInfo(filled(68, chip))).toEqual({
      name: 'gpiochip0',
      label: 'pinctrl-bcm2711',
      lines: 58,
    });
    expect(written(lineInfoBuffer(0x01020304))).toBe('256 64=04 65=03 66=02 67=01');
    const line = '0=47 1=50 2=49 3=4f 4=31 5=37 32=41 33=43 34=54 64=11 72=09';
    expect(readLineInfo(filled(256, line))).toEqual({ name: 'GPIO17', consumer: 'ACT', used: true });
    expect(readLineInfo(filled(256, '0=41'))).toEqual({ name: 'A', consumer: '', used: false });
    // A name may fill its field to the last byte.
    expect(readLineInfo(new Uint8Array(256).fill(0x41, 0, 32)).name).toBe('A'.repeat(32));
  });

  it('are asked for by numbers that carry their sizes', () => {
    const sizes = Object.values(IOCTL).map((request) => (request >>> 16) & 0x3fff);
    expect(sizes).toEqual([68, 256, 592, 272, 16, 16]);
    expect(Object.values(IOCTL).map((request) => request & 0xffff)).toEqual(
      [0x01, 0x05, 0x07, 0x0d, 0x0e, 0x0f].map((number) => 0xb400 + number),
    );
  });
});

describe('readEvents', () => {
  it('reads what the kernel writes', () => {
    const event = '0=08 1=07 2=06 3=05 4=04 5=03 6=02 7=01 8=02 12=11 16=09 20=fe 21=ff 22=ff 23=ff';
    expect(readEvents(filled(48, event))).toEqual([
      { edge: 'falling', timestampNs: 0x0102030405060708n, seq: 0xfffffffe },
    ]);
  });

  it('reads as many as were written, wherever they lie, and never half of one', () => {
    const event = fc.record({
      edge: fc.constantFrom('rising' as const, 'falling' as const),
      timestampNs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      seq: fc.nat({ max: 0xffffffff }),
    });
    const some = fc.array(event, { maxLength: 70 });
    const gap = fc.nat({ max: EVENT_BYTES - 1 });
    fc.assert(
      fc.property(some, gap, gap, (events, before, after) => {
        const memory = new Uint8Array(before + 48 * events.length + after).fill(0xff);
        const fields = new DataView(memory.buffer);
        for (const [index, { edge, timestampNs, seq }] of events.entries()) {
          const at = before + 48 * index;
          fields.setBigUint64(at, timestampNs, true);
          fields.setUint32(at + 8, edge === 'rising' ? 1 : 2, true);
          fields.setUint32(at + 20, seq, true);
        }
        expect(readEvents(memory.subarray(before))).toEqual(events);
      }),
    );
  });
});
