import { EventEmitter } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Noble } from '#runtime/providers/iot-ble/noble/api.js';
import { NobleRadio } from '#runtime/providers/iot-ble/noble/radio.js';
import { UartRadio } from '#runtime/providers/iot-ble/noble/uart.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { recordingLogger, temporaryDir, until } from '../../helpers/providers.js';

const PATIENCE_MS = 20_000;
const SILENT = { ready() {}, advert() {}, lost() {}, notification() {} };

/** A package of Bluetooth that fails when it is to let go of its port, or as soon as somebody listens to it. */
class FaultyNoble extends EventEmitter implements Noble {
  readonly state = 'poweredOn';
  stops = 0;
  isDeaf = false;

  override on(event: string, listener: () => void): this {
    if (this.isDeaf) throw new Error('it takes no listeners');
    return super.on(event, listener);
  }
  startScanning(_services: string[], _duplicates: boolean, done: (error?: Error) => void): void {
    done();
  }
  stopScanning(done?: () => void): void {
    done?.();
  }
  stop(): void {
    this.stops += 1;
    throw new Error('it does not let go');
  }
}

describe('a radio on a serial port whose package is faulty', { timeout: 2 * PATIENCE_MS }, () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  const made = (isDeaf: boolean) => {
    const folder = temporaryDir();
    cleanup.add(() => folder.remove());
    const port = join(folder.path, 'tty');
    const lines: string[] = [];
    const logger = recordingLogger(lines);
    const opened: FaultyNoble[] = [];
    const open = () => {
      const noble = new FaultyNoble();
      noble.isDeaf = isDeaf;
      opened.push(noble);
      return noble;
    };
    const radio = new UartRadio(
      () => port,
      (path) => new NobleRadio('package', path, open, logger),
      logger,
    );
    const plug = () => writeFileSync(port, '');
    return { radio, opened, lines, plug, unplug: () => rmSync(port), notClosed: `${port} was not closed` };
  };

  it('is opened anew although it could not be closed, and is stopped all the same', async () => {
    const { radio, opened, lines, plug, unplug, notClosed } = made(false);
    plug();
    await radio.start(SILENT);
    expect(radio.problem()).toBeUndefined();
    unplug();
    await until(() => radio.problem() !== undefined, 'a problem', PATIENCE_MS);
    plug();
    await until(() => opened.length === 2 && radio.problem() === undefined, 'a second radio', PATIENCE_MS);
    await radio.stop();
    expect(opened.map(({ stops }) => stops)).toEqual([1, 1]);
    expect(lines.filter((line) => line.includes(`${notClosed}: it does not let go`))).toHaveLength(2);
  });

  it('that fails at a later look is closed, and looked after on', async () => {
    const { radio, opened, lines, plug, unplug } = made(true);
    await radio.start(SILENT);
    plug();
    await until(() => radio.problem() === 'it takes no listeners', 'the fault', PATIENCE_MS);
    await until(() => opened[0]?.stops === 1, 'the end of the first', PATIENCE_MS);
    unplug();
    await until(() => /^there is no/.test(radio.problem() ?? ''), 'the absence', PATIENCE_MS);
    await radio.stop();
    expect(lines.filter((line) => line.includes('it takes no listeners'))).toHaveLength(1);
  });

  it('rejects at once when the port is there from the start, and lets go of it when it is stopped', async () => {
    const { radio, opened, plug } = made(true);
    plug();
    await expect(radio.start(SILENT)).rejects.toThrow('it takes no listeners');
    await radio.stop();
    expect(opened.map(({ stops }) => stops)).toEqual([1]);
  });
});
