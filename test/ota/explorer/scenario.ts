import { deploymentId } from '#runtime/ota/checks/deployment-id.js';
import type { FileSystem } from '#runtime/ota/index.js';
import { digestOf, envelopeFor, moduleBytes, releaseFor } from '../bench.js';
import { documentOf, releases as releaseKeys } from '../trust/documents.js';
import { Disk } from './disk.js';

/** One deployment that is desired of the device, and the ends that it may come to. */
export interface Step {
  readonly component: string;
  readonly envelope: Uint8Array;
  /** Hex. */
  readonly deployment: string;
  readonly sequence: number;
  /** Slot → its module. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  /** Trust documents that are sent before it, and the version that is in force then. */
  readonly trust?: { readonly documents: readonly Uint8Array[]; readonly version: number };
}

/** What is between the device and its disk: `booted` says whether the device has read the disk. */
export type Through = (fs: FileSystem, booted: () => boolean) => FileSystem;

export interface Scenario {
  /** Desired one after the other, each as soon as the outside has heard how the one before it ended. */
  readonly steps: readonly Step[];
  /** How many of the steps are done, and on disk for good, before the power is cut for the first time. */
  readonly done: number;
  /** Pushed at the end, with no cut, when the last step was rolled back: a device must always take a good module. */
  readonly proof: Step;
  readonly disk: Disk;
  /** Something that the disk holds beside what the steps left there. */
  readonly planted?: readonly [path: string, content: Uint8Array];
  /** Default: nothing. */
  readonly through?: Through;
  /** The document that the owner puts on the device. Default: one that is not on the disk. */
  readonly given?: Uint8Array;
}

export const FOLDER = '/data/ota';
export const SLOT = 'blink';

/** Small: a module is one chunk, unless `size` says otherwise. */
export function step(sequence: number, name: string, size = 200): Step {
  const bytes = moduleBytes(name, { size });
  const envelope = envelopeFor(sequence, bytes);
  const modules = new Map([[SLOT, bytes]]);
  return { component: SLOT, envelope, deployment: deploymentId(envelope), sequence, modules };
}

/** v1 is there, and `second` comes. */
export function after(first: string, second: string, more: Partial<Scenario> = {}): Scenario {
  return {
    steps: [step(1, first), step(2, second)],
    done: 1,
    proof: step(4, 'good-4'),
    disk: Disk.empty('/data'),
    ...more,
  };
}

/** The same, and then a good v3: cuts may come in one update, in the next, and between them. */
export function twice(first: string, second: string): Scenario {
  return after(first, second, { steps: [step(1, first), step(2, second), step(3, 'good-3')] });
}

/** The first module of a new device: even the folder of updates is not there yet. */
export function first(name: string): Scenario {
  return { ...after(name, name), steps: [step(1, name)], done: 0 };
}

/** One deployment for two slots: both modules of it come, or none. */
export function releaseStep(sequence: number, blink: string, lamp: string): Step {
  const modules = {
    blink: moduleBytes(`${blink}-blink`, { size: 200 }),
    lamp: moduleBytes(`${lamp}-lamp`, { size: 200 }),
  };
  const envelope = releaseFor(sequence, modules);
  const deployment = deploymentId(envelope);
  return { component: 'home', envelope, deployment, sequence, modules: new Map(Object.entries(modules)) };
}

/** Two actors in each release; the second of them is `lamp` in v2. */
export function releases(lamp: string): Scenario {
  const steps = [releaseStep(1, 'good-1', 'good-1'), releaseStep(2, 'good-2', lamp)];
  return { ...after('good-1', 'good-2'), steps, proof: releaseStep(4, 'good-4', 'good-4') };
}

/**
 * v1 comes by release key 0 as number 7; then the root keys hand over to others and to release key 1, and let the slot
 * start anew at 0, so that v2 is number 1.
 */
export function rotated(): Scenario {
  const sent = (sequence: number, name: string, release: number): Step => {
    const made = step(sequence, name);
    const bytes = made.modules.get(SLOT) ?? new Uint8Array(0);
    const signer = releaseKeys[release];
    const envelope = envelopeFor(sequence, bytes, { signers: signer === undefined ? [] : [signer] });
    return { ...made, envelope, deployment: deploymentId(envelope) };
  };
  const documents = [
    documentOf(2, {
      roots: [2, 3],
      signedBy: [0, 1, 2, 3],
      release: 1,
      resets: [{ component: ['actor', SLOT], floor: 0 }],
    }),
  ];
  return {
    ...after('good-1', 'good-2'),
    steps: [sent(7, 'good-1', 0), { ...sent(1, 'good-2', 1), trust: { documents, version: 2 } }],
    proof: sent(2, 'good-4', 1),
    given: documentOf(1),
  };
}

/** A file with the name of the module that is to come, and other content: as a rename leaves it without a sync. */
export function planted(second: Step): readonly [path: string, content: Uint8Array] {
  return [`${FOLDER}/blobs/${digestsOf(second)[0]}.wasm`, new Uint8Array(100)];
}

export function digestsOf(step: Step): string[] {
  return [...step.modules.values()].map(digestOf);
}
