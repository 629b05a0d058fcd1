import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { actor } from '../helpers/actors.js';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const OK = { ok: true, reply: new Uint8Array(0) };

describe.each([
  { name: 'lamp-c', source: 'actors/lamp/lamp.c', readme: 'actors/sdk/c/README.md', flags: 'c_flags' },
  {
    name: 'lamp-as',
    source: 'actors/lamp/lamp.ts',
    readme: 'actors/sdk/assemblyscript/README.md',
    flags: 'as_flags',
  },
])('$name', ({ name, source, readme, flags }) => {
  it('watches the button, toggles the light and says so', () => {
    const host = actor(name);
    expect(host.call('Start', encodePayload('cbor', { reason: 'start' }))).toEqual(OK);
    host.answer = ({ operation }) =>
      operation === 'Toggle' ? encodePayload('cbor', { value: 1 }) : new Uint8Array(0);
    const edge = encodePayload('cbor', { line: 'BUTTON', edge: 'rising', timestampNs: 5, seq: 1 });
    expect(host.call('Edge', edge)).toEqual(OK);
    expect(host.calls.map((c) => c.operation)).toEqual(['Watch', 'Toggle', 'Publish']);
    const sent = decodePayload('cbor', host.calls[2]!.payload) as { topic: string; payload: Uint8Array };
    expect([sent.topic, new TextDecoder().decode(sent.payload)]).toEqual(['home/lamp/state', 'on']);
  });

  it('is what the README shows, built as the README says', () => {
    expect(file(readme)).toContain(`\n${file(source)}\`\`\``);
    const list = new RegExp(`^${flags}=\\(([^)]*)\\)`, 'm').exec(file('scripts/build-actors.sh'))?.[1];
    const wanted = (list ?? '')
      .split(/\s+/)
      .filter((flag) => !['-std=c11', '-Wall', '-Wextra', '-Werror'].includes(flag));
    expect(wanted.length).toBeGreaterThan(10);
    const shown = new Set(file(readme).split(/\s+/));
    expect(wanted.filter((flag) => !shown.has(flag))).toEqual([]);
  });
});
