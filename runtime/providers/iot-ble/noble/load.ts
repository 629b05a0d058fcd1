import { createRequire } from 'node:module';
import { asIotError, IotError } from '../../../base/errors.js';

const require = createRequire(import.meta.url);

/**
 * Loads a module of an optional package that comes with native code. Rejects with E_UNAVAILABLE and what to do about
 * it. Not before it is needed: without Bluetooth in the kernel @abandonware/noble fails when it is loaded.
 */
export function loadNative(packageName: string, module: string): unknown {
  try {
    return require(module);
  } catch (thrown) {
    throw unavailable(packageName, thrown);
  }
}

/** What is to be done about an error that came when a package was loaded or opened its adapter. */
export function unavailable(packageName: string, thrown: unknown): IotError {
  const { code } = thrown as NodeJS.ErrnoException;
  const { message } = asIotError(thrown);
  const [why, hint] = diagnose(packageName, code, message);
  return new IotError('E_UNAVAILABLE', `Bluetooth through ${packageName} is not available: ${why}`, {
    hint,
    cause: thrown,
  });
}

function diagnose(packageName: string, code: string | undefined, message: string): [string, string] {
  if (/EAFNOSUPPORT|address family not supported/i.test(`${code} ${message}`)) {
    return [
      'the kernel has no Bluetooth',
      'a kernel with CONFIG_BT, or use: stoprocent with hci: {uart: {port: …}}',
    ];
  }
  if (/\.node'|no native build was found|bindings file/i.test(message)) {
    const addon = packageName.replace('/noble', '/bluetooth-hci-socket');
    return ['its addon is not built', `npm rebuild --foreground-scripts ${addon} ${packageName}`];
  }
  if (code === 'MODULE_NOT_FOUND') return ['it is not installed', `npm install ${packageName}`];
  if (/EPERM|EACCES|operation not permitted/i.test(`${code} ${message}`)) {
    return [
      'this user may not open the adapter',
      `sudo setcap cap_net_raw+eip ${process.execPath}, or AmbientCapabilities=CAP_NET_RAW in the service; with exclusive CAP_NET_ADMIN, too`,
    ];
  }
  if (/EBUSY|resource busy/i.test(`${code} ${message}`)) {
    return [
      'the adapter is up or somebody has it, and `exclusive` is set',
      'sudo systemctl stop bluetooth && sudo hciconfig hci0 down',
    ];
  }
  if (/ENODEV|no such device/i.test(`${code} ${message}`)) {
    return ['there is no such adapter', 'hciconfig shows those that there are'];
  }
  return [message, 'iot-host doctor shows the state of Bluetooth'];
}
