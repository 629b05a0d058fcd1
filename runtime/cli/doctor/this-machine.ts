import { constants } from 'node:fs';
import { access, readdir, readFile, realpath, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { release, userInfo } from 'node:os';
import { join } from 'node:path';
import { asIotError } from '../../base/errors.js';
import { clockTrust, listChips, usbPorts } from '../../index.js';
import type { Context } from '../context.js';
import { connectAt } from '../device/connect.js';
import { brokerUrl } from '../device/place.js';
import type { Machine } from './machine.js';

/** A broker on the way through the internet may take this many milliseconds. */
const BROKER_MS = 5_000;

/** The machine that this runs on. */
export async function thisMachine(context: Context): Promise<Machine> {
  const { username, uid } = userInfo();
  const require = createRequire(import.meta.url);
  const { NODE_OPTIONS = '' } = context.environment;
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    node: process.versions.node,
    nodePath: process.execPath,
    nodeFlags: [...process.execArgv, ...NODE_OPTIONS.split(/\s+/).filter((flag) => flag !== '')],
    webAssembly: typeof WebAssembly === 'object',
    user: username,
    uid,
    groupIds: process.getgroups?.() ?? [],
    now: Math.floor(Date.now() / 1000),
    text: (path) => readFile(path, 'utf8').catch(() => undefined),
    bytes: (path) =>
      readFile(path).then(
        (bytes) => new Uint8Array(bytes),
        () => undefined,
      ),
    list: (path) =>
      readdir(path).then(
        (names) => names.sort(),
        () => [],
      ),
    target: (path) => realpath(path).catch(() => path),
    refusal: (path, mode) =>
      access(path, mode === 'r' ? constants.R_OK : constants.R_OK | constants.W_OK).then(
        () => undefined,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    freeBytes: (path) =>
      statfs(path).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => undefined,
      ),
    async packageFolder(name) {
      for (const folder of require.resolve.paths(name) ?? []) {
        const at = join(folder, name);
        const found = await access(join(at, 'package.json')).then(
          () => true,
          () => false,
        );
        if (found) return at;
      }
      return undefined;
    },
    chips: () => listChips(),
    usbPorts: () => usbPorts(),
    async brokerProblem({ broker, brokerLogin, brokerTls, device }) {
      const url = brokerUrl(broker);
      if (url === undefined) return undefined;
      const place = { origin: 'the configuration', broker: url, ...brokerLogin, ca: brokerTls?.ca };
      try {
        const client = await connectAt(place, device, BROKER_MS, context);
        await client.close();
        return undefined;
      } catch (thrown) {
        return asIotError(thrown);
      }
    },
    clockTrusted: (setting) => clockTrust(setting)(),
  };
}
