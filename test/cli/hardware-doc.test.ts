import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '#runtime/base/config/load.js';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import { checkConfig } from '#runtime/index.js';
import { codeBlocks, section } from '../helpers/readme.js';
import { fakeMachine, subject } from './doctor/machine.js';
import { emptyHome, inProcess } from './iot-host.js';

const DOCUMENT = 'docs/hardware.md';
const blocks = codeBlocks(readFileSync(DOCUMENT, 'utf8'));
const ofLanguage = (wanted: string) => blocks.filter(({ language }) => language === wanted);

it('says first that no real board was involved', () => {
  const [, opening = ''] = readFileSync(DOCUMENT, 'utf8').split('\n\n');
  expect(opening).toContain('No real Raspberry Pi was involved');
});

const configurations = ofLanguage('yaml').flatMap(({ text }) => {
  const { actors } = parse(text);
  return actors === undefined ? [] : [[actors[0].name, text]];
});
it.each(configurations)('the configuration of %s is one that a host would take', async (_name, text) => {
  expect(await checkConfig(parseConfig('/etc/iot/iot-host.yaml', text))).toEqual([]);
});

it('has a configuration for pins, for names of them, for ports and for radio', () => {
  expect(configurations.map(([name]) => name)).toEqual(['blink', 'door', 'gateway', 'beacons', 'listener']);
});

it('has a board of one’s own that can be drawn', async () => {
  const [board, ...others] = ofLanguage('yaml').filter(({ text }) => parse(text).actors === undefined);
  expect(others).toEqual([]);
  const place = await emptyHome();
  const file = join(place.home, 'my-board.yaml');
  await writeFile(file, board?.text ?? '');
  const { code, stdout } = await inProcess(['board', 'show', file], place);
  expect(code).toBe(0);
  expect(stdout).toMatch(/VALVE: .*GPIO17 11/);
});

it('the lines about boards can be typed', async () => {
  const place = await emptyHome();
  const [block = ''] = codeBlocks(section(DOCUMENT, 'Boards')).map(({ text }) => text);
  const lines = block
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s*#.*/, '').replace('iot-host ', ''));
  expect(lines).toContain('board show --device pi-01');
  for (const line of lines.filter((typed) => !typed.includes('--device')))
    expect(await inProcess(line.split(' '), place), line).toMatchObject({ code: 0 });
});

it('names the commands that doctor would', async () => {
  const machine = fakeMachine({
    groupIds: [],
    user: '$USER',
    refusals: { '/dev/ttyAMA0': 'EACCES' },
    chips: () => [{ path: '/dev/gpiochip0', label: '', lines: 0, problem: 'EACCES' }],
    files: { '/proc/self/status': '' },
  });
  const about = await subject(undefined, machine);
  const commands = ofLanguage('sh').map(({ text }) => text);
  for (const group of ['gpio', 'serial', 'bluetooth']) {
    const findings = (await CHECKS[group]?.(machine, about)) ?? [];
    const fixes = findings.flatMap((finding) => (finding.state === 'fail' ? [finding.fix] : []));
    expect(fixes).toHaveLength(1);
    // Without what follows the command: who it is for, and when it counts.
    const command = fixes[0]?.split(/,| \/usr/)[0] ?? '';
    expect(command).toMatch(/^sudo /);
    expect(commands.filter((text) => text.includes(command))).toHaveLength(1);
  }
});
