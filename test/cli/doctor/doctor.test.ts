import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { examine } from '#runtime/cli/doctor/doctor.js';
import { thisMachine } from '#runtime/cli/doctor/this-machine.js';
import { emptyHome, inProcess } from '../iot-host.js';
import { fakeMachine, subject } from './machine.js';

const before = process.cwd();
let place: Awaited<ReturnType<typeof emptyHome>>;
beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
});
afterAll(() => process.chdir(before));

const run = (...args: string[]) => inProcess(args, place);

it('is one line for each finding, with its fix below it, and fails when one fails', async () => {
  const machine = fakeMachine({ node: '18.0.0', clockTrusted: () => false });
  const { text, data, failure } = await examine(machine, await subject(undefined, machine));
  expect(data).toMatchObject({ failed: 1, warned: 1 });
  expect(failure).toMatchObject({
    code: 'E_UNAVAILABLE',
    exitCode: 2,
    message: expect.stringMatching(/^1 of \d+ checks failed$/),
  });
  expect(text.slice(0, 2)).toEqual([
    'fail  node         Node.js 18.0.0 is too old',
    '                   fix: install Node.js 20.19 or later: https://nodejs.org',
  ]);
  expect(text.filter((line) => line.startsWith('ok    ')).length).toBeGreaterThan(8);
});

it('says so when nothing is wrong, and a check that breaks is a failure of its own', async () => {
  const machine = fakeMachine();
  const about = await subject(undefined, machine);
  expect((await examine(machine, about)).text.at(-1)).toBe('all is well');
  const breaks = () => {
    throw new Error('no such thing');
  };
  expect((await examine(machine, about, { disk: breaks })).data).toMatchObject({
    findings: [{ check: 'disk', state: 'fail', text: 'could not be checked: no such thing' }],
  });
});

it('looks at the machine that it runs on', async () => {
  await writeFile('iot-host.yaml', 'device: pi-01\nboard: sim\nclock: trusted\ndataDir: ./data\n');
  const { code, stdout } = await run('doctor');
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(stdout).toContain(`Node.js ${process.versions.node} (${process.platform}-${process.arch})`);
  expect(stdout).toMatch(/^ok {4}disk +\d+ MiB free for .*\/data$/m);
  expect(stdout).toMatch(/^warn {2}trust +there is no trust document/m);
  expect(stdout).toMatch(/^ok {4}config +iot-host\.yaml is valid: device pi-01$/m);
});

it('ends with 2 and the findings when something fails, as JSON too', async () => {
  await writeFile('iot-host.yaml', 'device: pi-01\nboard: raspberry-pi-9\nbroker: mqtt://127.0.0.1:1\n');
  const { code, stdout } = await run('doctor', '--json');
  const { ok, error, data } = JSON.parse(stdout);
  expect({ code, ok, error }).toMatchObject({ code: 2, ok: false, error: { code: 'E_UNAVAILABLE' } });
  const failed = data.findings.filter(({ state }: { state: string }) => state === 'fail');
  expect(failed).toEqual([
    expect.objectContaining({ check: 'config', text: expect.stringContaining('raspberry-pi-9') }),
    expect.objectContaining({ check: 'broker', text: expect.stringContaining('cannot be reached') }),
  ]);
  expect(await run('doctor', '-c', 'none.yaml')).toMatchObject({ code: 2, stdout: '' });
});

it('says where in the file of -c something is wrong, and names that file in what to type', async () => {
  const actor = '{name: a, bindings: [{contract: "iot:gpio", lines: {LED: {direction: sideways}}}]}';
  await writeFile('other.yaml', `device: pi-01\nboard: sim\nactors:\n  - ${actor}\n`);
  const { code, stdout, stderr } = await run('doctor', '-c', 'other.yaml');
  expect(code).toBe(2);
  expect(stdout).toMatch(
    /^fail {2}config +other\.yaml:4:74: actors\[0\]\.bindings\[0\]\.lines\.LED\.direction: expected one of out, in$/m,
  );
  expect(stdout).toContain('fix: correct other.yaml there, then: iot-host config check -c other.yaml\n');
  expect(stderr).toContain('then run iot-host doctor -c other.yaml again');
  await writeFile('other.yaml', 'device: pi-01\nbord: sim\n');
  const unread = await run('doctor', '-c', 'other.yaml');
  expect(unread.stdout).toMatch(
    /^fail {2}config +other\.yaml:2:1: bord: unknown key, did you mean "board"\?$/m,
  );
});

it('finds packages and files as they are', async () => {
  const context = { environment: place.env } as Parameters<typeof thisMachine>[0];
  const machine = await thisMachine(context);
  expect(await machine.packageFolder('zod')).toMatch(/node_modules\/zod$/);
  expect(await machine.packageFolder('no-such-package-here')).toBeUndefined();
  expect(await machine.refusal('/no/such/file', 'r')).toBe('ENOENT');
  expect(await machine.refusal(place.home, 'rw')).toBeUndefined();
  expect(await machine.freeBytes(place.home)).toBeGreaterThan(0);
  expect(await machine.list('/no/such/folder')).toEqual([]);
  expect(machine.now).toBeGreaterThan(1.7e9);
});
