import { describe, expect, it } from 'vitest';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import { FILES, fakeMachine, subject } from './machine.js';
import { find } from './table.js';

describe('a machine that lacks nothing', () => {
  it.each(Object.keys(CHECKS))('%s is well', async (group) => {
    const findings = await find(group);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it('is told what was found', async () => {
    const texts = (await Promise.all(Object.keys(CHECKS).map((group) => find(group)))).flat();
    expect(texts.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'Node.js 20.19.2 (linux-arm64)',
        'Linux 6.12.25+rpt-rpi-2712',
        'Raspberry Pi 5, by the device tree',
        'pinctrl-rp1 is /dev/gpiochip0, 54 lines',
        'port uart0 of door (/dev/ttyAMA0) is there',
        '@stoprocent/noble, its addon is built',
        'hci0 is there',
        'mqtt://broker.lan:1883 answers',
        '5000 MiB free for /var/lib/iot',
        'document 1, without an end',
      ]),
    );
  });

  it('a configuration that uses no pins, ports or radio asks for none', async () => {
    const bare = 'device: a\nboard: sim\ndataDir: /var/lib/iot\n';
    const world = { files: Object.fromEntries(Object.keys(FILES).map((name) => [name, undefined])) };
    for (const group of ['gpio', 'serial', 'bluetooth', 'board'])
      expect(await find(group, world, bare)).toMatchObject([{ state: 'ok' }]);
  });

  it('a host without a configuration is only asked about its machine', async () => {
    for (const group of ['broker', 'disk', 'trust']) expect(await find(group, {}, null)).toEqual([]);
    expect(await find('configuration', {}, null)).toMatchObject([
      { state: 'warn', fix: expect.stringContaining("echo 'device: pi-01' > iot-host.yaml") },
    ]);
    expect(await find('gpio', {}, null)).toMatchObject([{ state: 'ok' }]);
  });
});

it('configuration: every problem is a failure', async () => {
  const about = {
    ...(await subject(null)),
    configProblems: ['a.yaml:1:1: bord: unknown key', 'a.yaml:2:1: x'],
  };
  const findings = await CHECKS.configuration?.(fakeMachine(), about);
  expect(findings).toEqual(
    about.configProblems.map((text) => ({
      ...{ check: 'config', state: 'fail', text },
      fix: 'correct iot-host.yaml there, then: iot-host config check',
    })),
  );
  const elsewhere = { ...about, file: './my hosts/a.yaml' };
  expect((await CHECKS.configuration?.(fakeMachine(), elsewhere))?.[0]).toMatchObject({
    fix: "correct ./my hosts/a.yaml there, then: iot-host config check -c './my hosts/a.yaml'",
  });
});
