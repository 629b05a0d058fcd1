import { IotError } from '../../base/errors.js';
import { fitsSize } from './chunk-digests.js';
import type { Command, ConditionName, Parameters } from './commands.js';
import { type ComponentId, componentText } from './component.js';
import { URI_HTTPS, URI_INTEGRATED, URI_MQTT } from './labels.js';
import type { Manifest } from './manifest.js';

/** A test that the device must pass before anything is fetched, with the parameters as they stood. */
export interface Condition {
  readonly name: ConditionName;
  readonly component: ComponentId;
  readonly parameters: Parameters;
}

export interface PlannedComponent {
  readonly id: ComponentId;
  /** SHA-256 of the module, 32 bytes. */
  readonly digest: Uint8Array;
  /** Exact bytes of the module. */
  readonly size: number;
  readonly uri: string;
  readonly securityFloor: number | undefined;
  /** What each chunk of 16 KiB must hash to (`isChunk`), as many as `size` asks for; `undefined` when not given. */
  readonly chunkDigests: Uint8Array | undefined;
  readonly probationSeconds: number | undefined;
  /** Whether a module with another key than the slot holds may take the slot. */
  readonly replaceIdentity: boolean;
}

/** What a manifest asks of any device: conditions first, then these modules fetched and compared. */
export interface Plan {
  readonly conditions: readonly Condition[];
  readonly components: readonly PlannedComponent[];
}

interface Slot {
  readonly id: ComponentId;
  parameters: Parameters;
  fetched: boolean;
  matched: boolean;
}

/**
 * Runs the command sequences of a manifest without touching anything: there are no loops or branches, so what it
 * wants is known before the device decides. Throws E_ENVELOPE when the sequences are not whole: a condition without
 * its parameter, a component without vendor, digest, size, fetch or comparison, or with chunk
 * digests that are not as many as its size asks for; E_COMMAND for an unknown uri.
 */
export function planManifest(manifest: Manifest): Plan {
  const slots = manifest.components.map(
    (id): Slot => ({ id, parameters: {}, fetched: false, matched: false }),
  );
  const conditions: Condition[] = [];
  for (const sequence of [manifest.shared, manifest.install, manifest.validate, manifest.invoke]) {
    run(sequence, slots, conditions);
  }
  for (const slot of slots) {
    const vendor = conditions.some((test) => test.component === slot.id && test.name === 'vendor');
    if (!vendor) incomplete(slot.id, 'is not restricted to a vendor');
  }
  return { conditions, components: slots.map(finished) };
}

function run(sequence: readonly Command[], slots: readonly Slot[], conditions: Condition[]): void {
  let index = 0;
  for (const command of sequence) {
    if (command.do === 'set-component') index = command.index;
    const slot = slots[index];
    if (slot === undefined) throw new IotError('E_ENVELOPE', `component index ${index} does not exist`);
    if (command.do === 'override') override(slot, command.parameters);
    else if (command.do === 'check') conditions.push(condition(command.condition, slot));
    else if (command.do === 'fetch') fetch(slot);
    else if (command.do === 'image-match') match(slot);
  }
}

function override(slot: Slot, parameters: Parameters): void {
  // What was fetched and compared stays what it was: a later digest would be one that nobody compared.
  if (slot.fetched) incomplete(slot.id, 'changes parameters after its fetch');
  const set = Object.entries(parameters).filter(([, value]) => value !== undefined);
  slot.parameters = { ...slot.parameters, ...Object.fromEntries(set) };
}

function condition(name: ConditionName, slot: Slot): Condition {
  const needed = name === 'updateAuthorized' ? 'priority' : name;
  if (slot.parameters[needed] === undefined) incomplete(slot.id, `tests ${name} without a value for it`);
  return { name, component: slot.id, parameters: slot.parameters };
}

function fetch(slot: Slot): void {
  if (slot.fetched) incomplete(slot.id, 'is fetched twice');
  slot.fetched = true;
}

function match(slot: Slot): void {
  if (!slot.fetched) incomplete(slot.id, 'is compared before it is fetched');
  slot.matched = true;
}

function finished(slot: Slot): PlannedComponent {
  const { digest, size, uri, securityFloor, chunkDigests, probationSeconds } = slot.parameters;
  const { replaceIdentity = false } = slot.parameters;
  if (digest === undefined || size === undefined || uri === undefined) {
    return incomplete(slot.id, 'lacks digest, size or uri');
  }
  if (!slot.matched) incomplete(slot.id, 'is never compared with its digest');
  if (chunkDigests !== undefined && !fitsSize(chunkDigests, size)) {
    incomplete(slot.id, `has ${chunkDigests.length} bytes of chunk digests for a module of ${size}`);
  }
  if (uri !== URI_MQTT && ![URI_HTTPS, URI_INTEGRATED].some((scheme) => uri.startsWith(scheme))) {
    throw new IotError(
      'E_COMMAND',
      `component ${componentText(slot.id)}: nothing is fetched from ${JSON.stringify(uri)} here`,
    );
  }
  return { id: slot.id, digest, size, uri, securityFloor, chunkDigests, probationSeconds, replaceIdentity };
}

function incomplete(id: ComponentId, reason: string): never {
  throw new IotError('E_ENVELOPE', `component ${componentText(id)} ${reason}`);
}
