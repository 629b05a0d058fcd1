import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { discoverCommands } from '#runtime/cli/discover.js';
import { emptyHome, inProcess } from './iot-host.js';

const scripts: Record<string, string> = {};
let folder: string;
beforeAll(async () => {
  const place = await emptyHome();
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await inProcess(['completion', shell], place);
    expect(code).toBe(0);
    scripts[shell] = stdout;
  }
  folder = mkdtempSync(join(tmpdir(), 'iot-completion-'));
  for (const [shell, text] of Object.entries(scripts)) writeFileSync(join(folder, shell), text);
  writeFileSync(join(folder, 'my module.wasm'), '');
});

/** What bash offers for the last word of `line`. */
function complete(...words: string[]): string[] {
  const program = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _iot_host; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', program, 'bash', 'iot-host', ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('bash completes', () => {
  it('every command, those of today', async () => {
    const names = (await discoverCommands()).map(({ name }) => name);
    expect(complete('').sort()).toEqual(names.sort());
    expect(complete('de')).toEqual(['devices']);
    expect(complete('devices', '')).toEqual(['list', 'scan', 'add', 'fresh', 'rm', 'default']);
  });

  it('options, also behind words and values that look like commands', () => {
    expect(complete('devices', 'add', 'start', '--bro')).toEqual(['--broker']);
    expect(complete('--json', 'logs', '--device', 'devices', '--le')).toEqual(['--level']);
    expect(complete('push', 'x', '--j')).toEqual(['--json']);
  });

  it('choices of options and arguments', () => {
    expect(complete('logs', '--level', '')).toEqual(['error', 'warn', 'info', 'debug', 'trace']);
    expect(complete('completion', 'z')).toEqual(['zsh']);
  });

  it('files, with spaces in them', () => {
    expect(complete('push', 'my')).toEqual(['my module.wasm']);
    expect(complete('call', 'a', 'b', '--file', 'my')).toEqual(['my module.wasm']);
    expect(complete('ps', 'my')).toEqual([]);
  });

  it('for iot-host, by itself', () => {
    const { stdout } = spawnSync('bash', ['-c', 'source ./bash; complete -p iot-host'], { cwd: folder });
    expect(String(stdout)).toBe('complete -F _iot_host iot-host\n');
  });
});

it.each(['zsh', 'fish'])('%s takes its script', (shell) => {
  const { error, status, stderr } = spawnSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' });
  if (error !== undefined) {
    console.log(`not checked by ${shell}: it is not installed`);
    expect(scripts[shell]).toContain('devices');
    return;
  }
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
