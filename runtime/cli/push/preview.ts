import { asIotError, IotError } from '../../base/errors.js';
import type { ActorStatus } from '../../control/protocol/messages.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import type { DeviceOptions } from '../device/options.js';
import { withTarget } from '../device/session.js';
import { bytes } from '../progress.js';
import type { Result } from '../result.js';
import { type GrantDiff, grantDiff, grantLines } from './grants.js';
import { inParallel } from './parallel.js';
import type { Part, Release } from './release.js';

type Installed = Partial<Record<'key' | 'version' | 'digest', string | undefined>>;

interface PartPreview {
  readonly slot: string;
  /** Whether the device has the slot; `undefined` when it cannot be asked. */
  readonly is: 'new' | 'empty' | 'filled' | undefined;
  /** What the slot holds now. */
  readonly installed: Installed | undefined;
  /** `undefined` when the device cannot be asked. */
  readonly grants: GrantDiff | undefined;
  readonly otherIdentity: boolean;
}

interface Preview {
  readonly device: string;
  readonly state?: 'online' | 'offline' | undefined;
  readonly parts: readonly PartPreview[];
  readonly error?: IotError | undefined;
}

/** What a push would do, without doing it: nothing is sent but questions. */
export async function preview(
  release: Release,
  targets: readonly Target[],
  options: DeviceOptions & { maxParallel: number },
  context: Context,
): Promise<Result> {
  const devices = await inParallel(targets, options.maxParallel, (target) =>
    previewOne(release, target, options, context).catch(
      (thrown: unknown): Preview => ({ device: target.device, parts: [], error: asIotError(thrown) }),
    ),
  );
  const { component } = release;
  const modules = release.parts.map(({ artifact: { slot, digest, size }, claims }) => ({
    slot,
    digest,
    size,
    claims,
  }));
  const single = modules.length === 1;
  return {
    data: { component, modules, devices },
    text: [
      ...(single ? [] : [`would push the release ${component}:`]),
      ...modules.map(
        ({ slot, digest, size, claims }) =>
          `${single ? 'would push ' : '  '}${slot}: ${bytes(size)}, sha256 ${digest.slice(0, 12)}…, module ${claims.subject}`,
      ),
      ...devices.flatMap(previewLines),
    ],
    failure: failureOf(devices),
  };
}

function failureOf(devices: readonly Preview[]): IotError | undefined {
  const failed = devices.filter(({ error }) => error !== undefined);
  if (devices.length === 1) return failed[0]?.error;
  if (failed.length === 0) return undefined;
  const names = failed.map(({ device }) => device).join(',');
  return new IotError(
    'E_SOME_FAILED',
    `${failed.length} of ${devices.length} devices cannot be asked: ${names}`,
  );
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
    const parts = release.parts.map((part) => {
      const ofThis = ({ name }: { name: string }) => name === part.artifact.slot;
      const actor = status?.actors.find(ofThis);
      // One that is off may have slots that it does not tell of.
      const known = status !== undefined || state === 'online';
      return previewPart(
        part,
        actor ?? actors.find(ofThis),
        known,
        status === undefined ? undefined : { actor },
      );
    });
    return { device: client.device, state, parts };
  });
}

function previewPart(
  { artifact: { slot }, claims }: Part,
  installed: Installed | undefined,
  known: boolean,
  asked: { readonly actor: ActorStatus | undefined } | undefined,
): PartPreview {
  const key = installed?.key;
  return {
    slot,
    is: key !== undefined ? 'filled' : installed !== undefined ? 'empty' : known ? 'new' : undefined,
    installed,
    grants: asked === undefined ? undefined : grantDiff(claims.caps, asked.actor),
    otherIdentity: key !== undefined && key !== claims.subject,
  };
}

function previewLines({ device, state, parts, error }: Preview): string[] {
  if (error !== undefined) return [`${device}: ${error.message}`];
  if (parts.length === 1) return parts.flatMap((part) => partLines(`${device} (${state}):`, device, part));
  return [`${device} (${state}):`, ...parts.flatMap((part) => partLines(` ${part.slot}:`, device, part))];
}

function partLines(
  head: string,
  device: string,
  { slot, is, installed, grants, otherIdentity }: PartPreview,
): string[] {
  const into = {
    new: 'as a new slot, with no grants',
    empty: 'into its empty slot',
    filled: `in place of ${installed?.version ?? installed?.digest?.slice(0, 12)}`,
    unknown: 'into a slot that is not known here',
  };
  return [
    `${head} ${into[is ?? 'unknown']}`,
    ...(otherIdentity
      ? [`  ! the slot holds another module, ${installed?.key}: refused without --replace-identity`]
      : []),
    ...(grants === undefined ? ['  its bindings are not known'] : grantLines(slot, device, grants)),
  ];
}
