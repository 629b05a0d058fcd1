import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import contract from '#runtime/providers/iot-serial/contract.js';
import { call, failure, session, until } from '../../helpers/providers.js';

/** A provider with the ports `meter` and `spare`, and somebody at the other ends. */
export interface Bench {
  readonly provider: Provider;
  /** The other side sends. */
  send(port: string, bytes: Uint8Array): Promise<void>;
  /** All that the other side has received so far. */
  received(port: string): Promise<Uint8Array>;
  unplug(port: string): Promise<void>;
  plug(port: string): Promise<void>;
  close(): Promise<void>;
}

type Told = { operation: string; port: string; data?: Uint8Array; reason?: string; at?: number };

/** What every implementation of `iot:serial` does. Without `canUnplug`, what unplugs `meter` is skipped. */
export function testSerialContract(
  name: string,
  make: (lines: string[]) => Promise<Bench>,
  { canUnplug = true } = {},
): void {
  describe(`iot:serial ${name}`, () => {
    let bench: Bench;
    let reader: Session;
    let lines: string[];
    let told: Told[];
    let handle: (told: Told) => Promise<unknown>;

    const deliver = (operation: string, message: unknown) => {
      const seen = {
        operation,
        ...(decodePayload('cbor', encodePayload('cbor', message)) as object),
      } as Told;
      return handle(seen).then(() => void told.push(seen));
    };
    const bound = async (actor: string, ports: unknown) => {
      const made = session(contract, actor, { ports });
      await bench.provider.bind(made, deliver);
      return made;
    };
    const run = (operation: string, request?: unknown, as = reader) =>
      call(contract, bench.provider, as, operation, request);
    const frames = () => told.filter(({ operation }) => operation === 'Data').map(({ data }) => text(data));
    const count = (operation: string) => told.filter((one) => one.operation === operation).length;
    const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);
    const bytes = (content: string) => new TextEncoder().encode(content);
    const METER = { baudRate: 115_200, framing: { delimiter: '\n' } };

    const pulls = it.skipIf(!canUnplug);

    beforeEach(async () => {
      lines = [];
      told = [];
      handle = async () => undefined;
      bench = await make(lines);
      await bench.provider.start(new AbortController().signal);
      reader = await bound('reader', { meter: METER });
      await until(() => count('Opened') === 1, 'the first Opened');
    });
    afterEach(async () => {
      await bench.provider.stop();
      await bench.close();
    });

    it('tells frames in order, with the time, and writes bytes and text', async () => {
      const before = Date.now();
      await bench.send('meter', bytes('one\ntwo\nthr'));
      await bench.send('meter', bytes('ee\n'));
      await until(() => frames().length === 3, 'three frames');
      expect(frames()).toEqual(['one', 'two', 'three']);
      expect(told.at(-1)?.at).toBeGreaterThanOrEqual(before);
      await run('Write', { port: 'meter', data: Uint8Array.of(1, 0, 255) });
      await run('Write', { port: 'meter', data: 'é' });
      await run('Drain', { port: 'meter' });
      const all = Uint8Array.of(1, 0, 255, 0xc3, 0xa9);
      let received = new Uint8Array();
      while (received.length < all.length) {
        received = new Uint8Array(Buffer.concat([received, await bench.received('meter')]));
      }
      expect(received).toEqual(all);
      expect(await run('Ports')).toMatchObject({ ports: [{ name: 'meter', open: true }] });
    });

    pulls('tells unplug and replug, refuses to write in between, and goes on', async () => {
      await bench.unplug('meter');
      await until(() => count('Closed') === 1, 'Closed');
      expect(told.at(-1)).toMatchObject({ operation: 'Closed', port: 'meter' });
      expect(await failure(() => run('Write', { port: 'meter', data: 'x' }))).toMatch(
        /^E_PROVIDER port meter is not open/,
      );
      expect(bench.provider.problem?.()).toMatch(/^port meter: /);
      expect(await run('Ports')).toEqual({ ports: [{ name: 'meter', path: '', open: false }] });
      await bench.plug('meter');
      await until(() => count('Opened') === 2, 'Opened again');
      expect(bench.provider.problem?.()).toBeUndefined();
      await bench.send('meter', bytes('back\n'));
      await until(() => frames().length === 1, 'a frame after it');
      expect(frames()).toEqual(['back']);
    });

    it('waits for a port that is not there yet', async () => {
      await bench.unplug('spare');
      const late = await bound('late', { spare: METER });
      expect(await run('Ports', undefined, late)).toEqual({
        ports: [{ name: 'spare', path: '', open: false }],
      });
      await bench.plug('spare');
      await until(() => count('Opened') === 2, 'Opened');
      expect(told.at(-1)).toMatchObject({ operation: 'Opened', port: 'spare' });
    });

    pulls('logs a port that is missing at the start once, and names every one that is missing', async () => {
      await bench.unplug('spare');
      const late = await bound('late', { spare: METER });
      await bench.unplug('meter');
      await until(() => count('Closed') === 1, 'Closed');
      // Long enough to be looked for several times.
      await new Promise((done) => setTimeout(done, 700));
      expect(bench.provider.problem?.()).toMatch(/^port (meter|spare): .+; port (meter|spare): .+$/);
      const about = (port: string) => lines.filter((line) => line.includes(`port ${port} `));
      expect(about('spare')).toEqual([
        expect.stringMatching(/^warn port spare is not open, .*: .+not there/),
      ]);
      expect(about('meter')).toEqual([expect.stringMatching(/^warn port meter is gone: /)]);
      await bench.plug('spare');
      await until(() => lines.some((line) => line.startsWith('info port spare is open')), 'spare');
      expect(bench.provider.problem?.()).toMatch(/^port meter: [^;]+$/);
      await bench.provider.unbind(late);
    });

    it('offers again what the actor cannot take, in order, and tells what it has taken badly no second time', async () => {
      let refusals = 5;
      handle = async () => {
        if (refusals-- > 0) throw new IotError('E_QUEUE_FULL', 'full');
      };
      await bench.send('meter', bytes('a\nb\n'));
      await until(() => frames().length === 2, 'both');
      expect(frames()).toEqual(['a', 'b']);
      handle = async ({ data }) => {
        if (text(data) === 'bad') throw new IotError('E_TRAP', 'unreachable');
      };
      await bench.send('meter', bytes('bad\nc\n'));
      await until(() => frames().length === 3, 'the next');
      expect(frames()).toEqual(['a', 'b', 'c']);
    });

    it('holds the other side back while the actor is slow, and loses nothing', async () => {
      let go = () => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      handle = () => gate;
      const sent = Array.from({ length: 2_000 }, (_, index) => `line ${index}`);
      for (let at = 0; at < sent.length; at += 100) {
        void bench.send('meter', bytes(`${sent.slice(at, at + 100).join('\n')}\n`));
      }
      go();
      await until(() => frames().length === sent.length, 'all lines', 20_000);
      expect(frames()).toEqual(sent);
    });

    it('drops garbage with a word about it, and finds the next frame', async () => {
      await bound('reader', { meter: { ...METER, maxFrame: 16 } });
      await until(() => count('Opened') === 2, 'opened with the new settings');
      await bench.send('meter', new Uint8Array(100).fill(0xaa));
      await bench.send('meter', bytes('\nok\n'));
      await until(() => frames().length === 1, 'the good frame');
      expect(frames()).toEqual(['ok']);
      expect(lines.join('\n')).toContain('bytes that are no frame were dropped');
    });

    it('denies what is not granted, and gives a port to one only', async () => {
      for (const operation of ['Write', 'Drain']) {
        expect(await failure(() => run(operation, { port: 'spare', data: 'x' }))).toContain('E_NOT_GRANTED');
        expect(await failure(() => run(operation, { port: '__proto__', data: 'x' }))).toContain(
          'E_NOT_GRANTED',
        );
      }
      expect(await failure(() => bound('thief', { meter: METER }))).toBe(
        'E_BUSY port meter cannot go to thief: reader holds it',
      );
      expect(await failure(() => bound('x', { modem: METER }))).toContain(
        'E_CONFIG there is no serial port modem',
      );
      const nothing = await bound('nobody', {});
      expect(await run('Ports', undefined, nothing)).toEqual({ ports: [] });
      expect(await failure(() => run('Write', { port: 'meter', data: 1 }))).toContain('E_PAYLOAD');
      await bench.provider.unbind(reader);
      expect(await failure(() => run('Write', { port: 'meter', data: 'x' }))).toContain('E_NOT_BOUND');
      const heir = await bound('heir', { meter: METER });
      await run('Write', { port: 'meter', data: 'mine' }, heir);
    });
  });
}
