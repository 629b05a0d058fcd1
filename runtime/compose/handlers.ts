import { BindingConfig } from '../base/config/schema.js';
import { checkShape } from '../base/config/shape.js';
import { IotError } from '../base/errors.js';
import { type ActorStatus, READING, type RpcHandlers } from '../control/protocol/messages.js';
import type { Host } from '../host/host.js';
import type { Updates } from '../ota/index.js';
import type { LogRing } from './log-ring.js';

export interface HandlerParts {
  readonly device: string;
  readonly version: string;
  readonly board: string;
  /** Names that the configuration gives to lines. */
  readonly lines: Readonly<Record<string, string>>;
  readonly session: number;
  readonly host: Host;
  readonly logs: LogRing;
  readonly updates: Pick<Updates, 'abort' | 'freshness' | 'remove' | 'sequence' | 'trust'>;
  /** The line of the configuration that names the module of a slot; `undefined` when none does. */
  pathLine(slot: string): Promise<string | undefined>;
  problems(): string[];
}

/** What a signed request may ask of this device. */
export function rpcHandlers(parts: HandlerParts): RpcHandlers {
  const { device, version, board, lines, session, host, logs, problems } = parts;
  const { providers } = host;
  const { trust } = parts.updates;
  return whileTrusted(trust, {
    async ps() {
      const found = problems();
      const ready = found.length === 0;
      const freshness = parts.updates.freshness();
      const trusted = trust.current();
      return {
        device,
        version,
        board,
        ...(Object.keys(lines).length === 0 ? {} : { lines }),
        session,
        ready,
        problems: found,
        actors: host.actors(),
        providers: providers.list(),
        ...(trusted === undefined
          ? {}
          : { trust: { version: trusted.version, expired: trust.problem() !== undefined } }),
        ...(freshness === undefined ? {} : { freshness }),
      };
    },
    async call({ actor, operation, payload }) {
      return { reply: await host.call(actor, operation, payload) };
    },
    async logs(selection) {
      const { actor } = selection;
      // One that was removed is still in the log for a while.
      if (actor !== undefined && logs.recent({ actor }).length === 0) host.actor(actor);
      return { lines: logs.recent(selection) };
    },
    'actors.start': ({ actor }) => host.startActor(actor),
    'actors.stop': ({ actor }) => host.stopActor(actor),
    'actors.restart': ({ actor }) => host.restartActor(actor),
    'actors.remove': ({ actor }) => removeActor(actor, parts),
    unbind: ({ actor, contract, name }) => host.unbind(actor, contract, name),
    async 'providers.list'() {
      return { providers: providers.list(), contracts: providers.contracts() };
    },
    async 'providers.remove'({ contract, name }) {
      const slot = providers.get(contract, name);
      await slot.remove();
      return slot.status();
    },
    async 'providers.start'({ contract, name }) {
      const slot = providers.get(contract, name);
      await slot.start();
      return slot.status();
    },
    async 'providers.swap'({ contract, name, to, settings }) {
      const slot = providers.get(contract, name);
      await slot.swap(to, settings ?? {});
      return slot.status();
    },
    async abort({ component }) {
      return { aborted: await parts.updates.abort(component) };
    },
    async bind({ actor, contract, name, settings }) {
      const binding = { ...settings, contract, ...(name === undefined ? {} : { name }) };
      return host.bind(actor, checkShape(BindingConfig, binding, { context: `binding of ${actor}` }));
    },
    async 'trust.update'({ documents }) {
      return { version: await trust.update(documents) };
    },
  });
}

/** Answered even when the trust document has expired: what changes nothing, takes back, or ends that state. */
const ALWAYS: ReadonlySet<string> = new Set([...READING, 'abort', 'trust.update']);

/** Refuses the others with E_EXPIRED or E_NO_TRUST then. */
function whileTrusted(trust: Pick<Updates['trust'], 'inForce'>, handlers: RpcHandlers): RpcHandlers {
  const guarded = Object.entries(handlers).map(([operation, handle]) => {
    if (ALWAYS.has(operation)) return [operation, handle];
    const guard = async (args: never) => {
      trust.inForce();
      return handle(args);
    };
    return [operation, guard];
  });
  return Object.fromEntries(guarded) as RpcHandlers;
}

/** What was pushed is forgotten; what comes from the configuration is not ours to take away. */
async function removeActor(
  name: string,
  { host, updates, pathLine }: HandlerParts,
): Promise<{ actor?: ActorStatus }> {
  const slot = host.actor(name);
  const line =
    slot.module === undefined || updates.sequence(name) !== undefined ? undefined : await pathLine(name);
  if (line !== undefined) {
    throw new IotError('E_CONFIG', `actor ${name} was not pushed: its module is named in ${line}`, {
      hint: `take it out there, or: iot-host stop ${name}`,
    });
  }
  await updates.remove(name);
  const actor = await host.removeActor(name);
  return actor === undefined ? {} : { actor };
}
