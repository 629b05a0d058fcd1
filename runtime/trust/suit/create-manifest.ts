import { IotError } from '../../base/errors.js';
import { MAX_COMPONENTS } from '../../base/limits.js';
import { type CborValue, Encoded } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { DIGEST_BYTES, digestArray } from '../cose/authentication.js';
import { fitsSize } from './chunk-digests.js';
import { type ComponentId, componentKey, componentValue } from './component.js';
import { classId, deviceId, vendorId } from './identifiers.js';
import { COMMAND, COMMON, MANIFEST, MANIFEST_VERSION, PARAMETER, REPORT_ALL } from './labels.js';
import { COMPARISONS, type Comparison, parseVersion } from './version.js';

export interface ComponentOptions {
  readonly id: ComponentId;
  /** SHA-256 of the module, 32 bytes. */
  readonly digest: Uint8Array;
  /** Bytes of the module. */
  readonly size: number;
  /** Where the bytes are: `URI_MQTT`, `https://…`, or `#name` for a payload of this envelope. */
  readonly uri: string;
  /** The version that must be installed for this update to apply, for example `['>=', '1.2']`. */
  readonly requires?: readonly [Comparison, string];
  /** Sequence number below which the previous module may no longer be fallen back to. */
  readonly securityFloor?: number;
  /** Of the module whose digest this is (`chunkDigests`): lets a device tell which chunk was spoilt. */
  readonly chunkDigests?: Uint8Array | undefined;
  /** Least seconds on probation; the device's minimum holds beside it. */
  readonly probationSeconds?: number;
  /** Lets a module with another key take the slot. Default false. */
  readonly replaceIdentity?: boolean;
}

export interface ManifestOptions {
  /** Anti-rollback number, 0 to 2^53-1: higher than any the device has accepted for these components. */
  readonly sequence: number;
  readonly components: readonly ComponentOptions[];
  /** Default `VENDOR_DOMAIN`. */
  readonly vendorDomain?: string;
  /** Restricts the update to one board; without it every board of the vendor is meant. */
  readonly board?: string;
  /** Default `ACTOR_ABI`; only used with `board`. */
  readonly abi?: string;
  /** A class id that was made elsewhere, 16 bytes, instead of `board`. */
  readonly classId?: Uint8Array;
  /** Restricts the update to one device. */
  readonly deviceName?: string;
  /** Human version of the release, `1.2.3` or `1.2.3-rc.1`. */
  readonly version?: string;
  /** Unix seconds from which the update may no longer be activated. */
  readonly useBefore?: number;
}

/** The encoded `SUIT_Manifest`, without the byte string around it. Throws E_USAGE. */
export function createManifest(options: ManifestOptions): Uint8Array {
  const { components, sequence } = options;
  if (!Number.isSafeInteger(sequence) || sequence < 0)
    usage(`sequence number ${sequence} is not 0 to 2^53-1`);
  if (components.length === 0 || components.length > MAX_COMPONENTS) {
    usage(`an update has 1 to ${MAX_COMPONENTS} components, not ${components.length}`);
  }
  if (components.some((component) => component.id.length === 0)) usage('a component has no name');
  if (new Set(components.map((component) => componentKey(component.id))).size !== components.length) {
    usage('a component is named twice');
  }
  const common = new Map<number, CborValue>([
    [COMMON.components, components.map((component) => componentValue(component.id))],
    [COMMON.sharedSequence, writeCbor(perComponent(components, (one) => sharedCommands(options, one)))],
  ]);
  return writeCbor(
    new Map<number, CborValue | undefined>([
      [MANIFEST.version, MANIFEST_VERSION],
      [MANIFEST.sequence, sequence],
      [MANIFEST.common, writeCbor(common)],
      [
        MANIFEST.setVersion,
        options.version === undefined ? undefined : writeCbor(parseVersion(options.version)),
      ],
      [MANIFEST.validate, writeCbor(perComponent(components, () => [COMMAND.imageMatch, REPORT_ALL]))],
      [MANIFEST.install, writeCbor(perComponent(components, installCommands))],
    ]),
  );
}

/** Commands of every component in turn; the index is only set when there is something to choose from. */
function perComponent(
  components: readonly ComponentOptions[],
  commands: (component: ComponentOptions) => CborValue[],
): CborValue[] {
  return components.flatMap((component, index) => [
    ...(components.length === 1 ? [] : [COMMAND.setComponent, index]),
    ...commands(component),
  ]);
}

function sharedCommands(options: ManifestOptions, component: ComponentOptions): CborValue[] {
  if (component.digest.length !== DIGEST_BYTES) usage('the digest of a component is not a SHA-256');
  if (component.chunkDigests !== undefined && !fitsSize(component.chunkDigests, component.size)) {
    usage('the chunk digests of a component do not fit its size');
  }
  const vendor = vendorId(options.vendorDomain);
  const board = options.board === undefined ? undefined : classId(vendor, options.board, options.abi);
  const conditions: [command: number, parameter: number, value: CborValue | undefined][] = [
    [COMMAND.vendor, PARAMETER.vendor, vendor],
    [COMMAND.class, PARAMETER.class, options.classId ?? board],
    [
      COMMAND.device,
      PARAMETER.device,
      options.deviceName === undefined ? undefined : deviceId(vendor, options.deviceName),
    ],
    [COMMAND.useBefore, PARAMETER.useBefore, options.useBefore],
    [COMMAND.version, PARAMETER.version, requirement(component)],
  ];
  const parameters = new Map<number, CborValue | undefined>([
    ...conditions.map(([, parameter, value]) => [parameter, value] as const),
    [PARAMETER.digest, digestArray(component.digest)],
    [PARAMETER.imageSize, component.size],
    [PARAMETER.securityFloor, component.securityFloor],
    [PARAMETER.chunkDigests, component.chunkDigests],
    [PARAMETER.probation, probation(component)],
    [PARAMETER.replaceIdentity, component.replaceIdentity === true ? 1 : undefined],
  ]);
  const tests = conditions.filter(([, , value]) => value !== undefined);
  return [COMMAND.overrideParameters, parameters, ...tests.flatMap(([command]) => [command, REPORT_ALL])];
}

function installCommands(component: ComponentOptions): CborValue[] {
  const parameters = new Map([[PARAMETER.uri, component.uri]]);
  return [
    COMMAND.overrideParameters,
    parameters,
    ...[COMMAND.fetch, REPORT_ALL],
    ...[COMMAND.imageMatch, REPORT_ALL],
  ];
}

function requirement(component: ComponentOptions): CborValue | undefined {
  if (component.requires === undefined) return undefined;
  const [comparison, version] = component.requires;
  return writeCbor([COMPARISONS[comparison], parseVersion(version)]);
}

function probation(component: ComponentOptions): CborValue | undefined {
  return component.probationSeconds === undefined ? undefined : new Map([[1, component.probationSeconds]]);
}

function usage(reason: string): never {
  throw new IotError('E_USAGE', reason);
}

/** For callers that hold the manifest's bytes: it as the byte string that goes into an envelope. */
export function manifestMember(manifest: Uint8Array): Encoded {
  return new Encoded(writeCbor(manifest));
}
