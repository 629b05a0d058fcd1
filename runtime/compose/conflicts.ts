import type { Board } from '../base/board.js';
import type { HostConfig, ProviderConfig } from '../base/config/schema.js';
import type { Contract, Resource } from '../base/contract.js';
import type { ConfigProblem } from './check.js';
import { providerFor } from './provider-for.js';

interface Held extends Resource {
  readonly path: readonly PropertyKey[];
  readonly actor: string;
  /** The provider that it is asked of: another one has lines and ports of its own. */
  readonly provider: string;
  /** Of a port: its device node or USB id, as far as the configuration and the board tell. */
  readonly device: string | undefined;
}

/** What two bindings of a configuration take from each other: a line, a port, or a header pin that is both. */
export function conflicts(
  config: HostConfig,
  board: Board,
  contract: (id: string) => Contract | undefined,
): ConfigProblem[] {
  const held: Held[] = config.actors.flatMap(({ name: actor, bindings }, index) =>
    bindings.flatMap(({ contract: id, name, ...settings }, at) => {
      const known = contract(id);
      const provider = providerFor(config, id, name);
      const implementation = provider.use ?? known?.defaultImplementation(board);
      return resources(known, settings).map((resource) => ({
        ...{
          ...resource,
          actor,
          provider: `${id} ${provider.name}`,
          path: ['actors', index, 'bindings', at],
        },
        device: implementation === 'sim' ? undefined : deviceOf(resource, provider, board),
      }));
    }),
  );
  const taken = config.providers.flatMap((provider, index) => {
    const device = controllerDevice(provider, board);
    const other = device === undefined ? undefined : held.find((one) => one.device === device);
    if (other === undefined) return [];
    const message = `the controller is on ${device}, which actor ${other.actor} holds as port ${other.name}`;
    return [{ path: ['providers', index], message }];
  });
  const between = held.flatMap((later, index) => {
    const before = held.slice(0, index);
    const { path, kind, name, provider } = later;
    // A peripheral and the radio go to whoever asks first.
    if (kind !== 'line' && kind !== 'port') return [];
    const same = before.find((one) => one.kind === kind && one.name === name && one.provider === provider);
    if (same !== undefined) return [{ path, message: `${kind} ${name} is held by actor ${same.actor}` }];
    return before.flatMap((earlier) => {
      const shared =
        sharedDevice(earlier, later) ?? sharedPin(earlier, later, board) ?? sharedPin(later, earlier, board);
      return shared === undefined ? [] : [{ path, message: shared }];
    });
  });
  return [...taken, ...between];
}

/** The port of a Bluetooth controller (`hci: {uart: {port: uart3}}`) is its provider's alone. */
function controllerDevice(provider: ProviderConfig, board: Board): string | undefined {
  const { uart } = (provider.hci ?? {}) as { readonly uart?: { readonly port?: unknown } };
  const port = uart?.port;
  if (typeof port !== 'string') return undefined;
  return Object.hasOwn(board.ports, port) ? board.ports[port]?.path : port;
}

function resources(contract: Contract | undefined, settings: unknown): Resource[] {
  try {
    return contract?.resources(contract.parseGrant(settings)) ?? [];
  } catch {
    // That it is not valid is said elsewhere.
    return [];
  }
}

function deviceOf({ kind, name }: Resource, settings: ProviderConfig, board: Board): string | undefined {
  if (kind !== 'port') return undefined;
  const { ports } = settings;
  const own = (from: object): unknown =>
    Object.hasOwn(from, name) ? (from as Record<string, unknown>)[name] : undefined;
  const place = (typeof ports === 'object' && ports !== null ? own(ports) : undefined) ?? own(board.ports);
  const { path, usb } = (place ?? {}) as { readonly path?: unknown; readonly usb?: unknown };
  return typeof path === 'string' ? path : typeof usb === 'string' ? usb.toLowerCase() : undefined;
}

function sharedDevice(earlier: Held, { device, name }: Held): string | undefined {
  if (device === undefined || earlier.device !== device) return undefined;
  return `port ${name} is ${device}, which actor ${earlier.actor} holds as port ${earlier.name}`;
}

function sharedPin(line: Held, port: Held, { gpio, ports }: Board): string | undefined {
  if (line.kind !== 'line' || port.kind !== 'port') return undefined;
  const pin = Object.hasOwn(gpio.lines, line.name) ? gpio.lines[line.name]?.pin : undefined;
  const signals = Object.hasOwn(ports, port.name) ? (ports[port.name]?.pins ?? {}) : {};
  const signal = Object.keys(signals).find((one) => signals[one] === pin);
  if (pin === undefined || signal === undefined) return undefined;
  return `line ${line.name} (actor ${line.actor}) is header pin ${pin}, which is ${signal} of port ${port.name} (actor ${port.actor})`;
}
