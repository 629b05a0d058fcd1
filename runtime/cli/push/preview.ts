import { sha256 } from '../../trust/cose/authentication.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import type { DeviceOptions } from '../device/options.js';
import { withTarget } from '../device/session.js';
import { bytes } from '../progress.js';
import type { Result } from '../result.js';
import type { Release } from './release.js';

type Installed = Partial<Record<'key' | 'version' | 'digest', string | undefined>>;

interface Preview {
  readonly device: string;
  readonly state: 'online' | 'offline';
  /** Whether it has the slot; `undefined` when the device cannot be asked. */
  readonly slot: 'new' | 'empty' | 'filled' | undefined;
  /** What the slot holds now. */
  readonly installed: Installed | undefined;
  /** Contracts it claims and has no binding for; `undefined` when the device cannot be asked. */
  readonly unbound: readonly string[] | undefined;
  readonly otherIdentity: boolean;
}

/** What a push would do, without doing it: nothing is sent but questions. */
export async function preview(
  release: Release,
  targets: readonly Target[],
  options: DeviceOptions,
  context: Context,
): Promise<Result> {
  const devices: Preview[] = [];
  for (const target of targets) devices.push(await previewOne(release, target, options, context));
  const { component, module, claims } = release;
  const digest = Buffer.from(sha256(module)).toString('hex');
  return {
    data: { component, digest, size: module.length, claims, devices },
    text: [
      `would push ${component}: ${bytes(module.length)}, sha256 ${digest.slice(0, 12)}…, module ${claims.subject}`,
      ...devices.flatMap((device) => previewLines(device, component)),
    ],
  };
}

function previewOne(
  release: Release,
  target: Target,
  options: DeviceOptions,
  context: Context,
): Promise<Preview> {
  return withTarget(target, options, context, async ({ client, rpc }) => {
    const { state, actors } = await client.presence();
    // A preview is worth having without the control key, or of a device that is off.
    const status = await rpc('ps', {}).catch(() => undefined);
    const ofThis = ({ name }: { name: string }) => name === release.component;
    const actor = status?.actors.find(ofThis);
    const installed: Installed | undefined = actor ?? actors.find(ofThis);
    const bound = new Set(actor?.bindings.map(({ contract }) => contract));
    const unbound =
      status === undefined ? undefined : release.claims.caps.filter((contract) => !bound.has(contract));
    const key = installed?.key;
    // One that is off may have slots that it does not tell of.
    const known = status !== undefined || state === 'online';
    return {
      device: client.device,
      state,
      slot: key !== undefined ? 'filled' : installed !== undefined ? 'empty' : known ? 'new' : undefined,
      installed,
      unbound,
      otherIdentity: key !== undefined && key !== release.claims.subject,
    };
  });
}

function previewLines(
  { device, state, slot, installed, unbound, otherIdentity }: Preview,
  component: string,
): string[] {
  const into = {
    new: 'as a new slot, with no grants',
    empty: 'into its empty slot',
    filled: `in place of ${installed?.version ?? installed?.digest?.slice(0, 12)}`,
    unknown: 'into a slot that is not known here',
  };
  return [
    `${device} (${state}): ${into[slot ?? 'unknown']}`,
    ...(otherIdentity
      ? [`  ! the slot holds another module, ${installed?.key}: refused without --replace-identity`]
      : []),
    ...(unbound === undefined ? ['  its bindings are not known'] : []),
    ...(unbound ?? []).map(
      (contract) => `  needs: iot-host bind ${component} ${contract} --device ${device}`,
    ),
  ];
}
