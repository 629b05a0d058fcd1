import { z } from 'zod';
import { isReasonCode, type ReasonCode } from '../../base/reasons.js';
import { UPDATE_STATES } from '../../control/protocol/messages.js';
import type { CheckedModule } from '../../host/update.js';

/** Names that may become keys of the record: those of slots and releases (`Name` of the configuration). */
export const COMPONENT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const Count = z.number().int().min(0);

const Reason = z.custom<ReasonCode>((code) => typeof code === 'string' && isReasonCode(code));

const InstalledData = z.strictObject({
  /** SHA-256 of the module, hex. */
  digest: Digest,
  /** Bytes of the module; records of hosts before this one lack it. */
  size: Count.optional(),
  sequence: Count,
  /** SHA-256 of the manifest, hex. */
  deployment: Digest,
  /** `M…` key. */
  key: z.string(),
  /** Name in the claims. */
  name: z.string(),
  version: z.string().optional(),
  /** Capability ids, cut to what the signer may grant. */
  capabilities: z.array(z.string()),
  callAlias: z.string().optional(),
  /** The release that it came with, when that had several slots: its name, how many, and its place among them. */
  release: z
    .strictObject({ name: z.string().regex(COMPONENT_NAME), parts: Count, index: Count.optional() })
    .optional(),
});

const PendingData = InstalledData.extend({
  /** `staged`: on disk, never run. `probation`: may have run. */
  phase: z.enum(['staged', 'probation']),
  /** Starts that may still be tried. */
  left: Count,
  /** Once committed, nothing with a lower sequence number may be fallen back to. */
  securityFloor: Count.optional(),
  /** Milliseconds on probation that the manifest asks for at least. */
  dwellMs: Count,
  /** It has a date that no trusted clock could compare. */
  timeUnverified: z.boolean().optional(),
});

const EndingData = z.strictObject({
  deployment: Digest,
  sequence: Count,
  /** Name of the release, when it had several slots. */
  release: z.string().regex(COMPONENT_NAME).optional(),
  state: z.enum(UPDATE_STATES),
  reason: z
    .strictObject({
      code: Reason,
      message: z.string(),
      hint: z.string().optional(),
    })
    .optional(),
});

const ComponentData = z.strictObject({
  active: InstalledData.optional(),
  previous: InstalledData.optional(),
  pending: PendingData.optional(),
  /** Highest sequence number ever committed; raised only by a commit. */
  floor: Count,
  /** The manifest that had it; absent when it may not come back. */
  floorDeployment: Digest.optional(),
  /** Digests that failed here. */
  blocked: z.array(Digest),
  /** How the last authentic deployment that ended without a commit ended: it is answered, not run again. */
  ending: EndingData.optional(),
  /** Writes of this record for one deployment. */
  stores: z.strictObject({ deployment: Digest, count: Count }).optional(),
});

/** Reports that wait to be taken; beyond, the oldest is dropped and counted. */
export const MAX_REPORTS = 32;
/** What of `grown` a report keeps: entries, and characters of each. */
export const MAX_GROWN = 8;
export const MAX_GROWN_CHARACTERS = 100;

/** How a deployment ended, to be told to the fleet. */
const ReportData = z.strictObject({
  deployment: Digest,
  state: z.enum(UPDATE_STATES),
  code: Reason.optional(),
  timeUnverified: z.boolean().optional(),
  /** Position of the module that was the cause, in the manifest; absent when it is the first, or not known. */
  component: Count.optional(),
  /** What the module may use that the one before it could not: slot and capability. */
  grown: z.array(z.string().max(MAX_GROWN_CHARACTERS)).max(MAX_GROWN).optional(),
  /** Counts the reports of this device; with the other two it names the report, however often it is sent. */
  attempt: Count,
});

/** All that survives a power cut. Order of fields and of components is of no meaning. */
export const StateData = z.strictObject({
  /** Counts the writes; the newer of two files has the larger. */
  generation: Count,
  /** Counts the starts of the host. */
  session: Count,
  /** Unix seconds that have certainly passed. */
  timeFloor: Count,
  /** Version of the newest trust document that was in force; 0 before the first one. It never goes down. */
  trustN: Count.default(0),
  /** What that document says, as SHA-256 in hex: no other one may take its number. */
  trustDigest: Digest.optional(),
  /** Reports that nobody has taken yet, oldest first. */
  outbox: z.array(ReportData).max(MAX_REPORTS).default([]),
  /** How many reports there were, and how many of them were dropped. */
  reports: Count.default(0),
  reportsDropped: Count.default(0),
  /** The newest freshness index, as it was signed: it is verified anew at each start. */
  fresh: z.instanceof(Uint8Array).optional(),
  components: z.record(z.string().regex(COMPONENT_NAME), ComponentData),
});

export type InstalledRecord = z.infer<typeof InstalledData>;
export type PendingRecord = z.infer<typeof PendingData>;
export type EndingRecord = z.infer<typeof EndingData>;
export type ReportEntry = z.infer<typeof ReportData>;
export type ComponentRecord = z.infer<typeof ComponentData>;
export type StateRecord = z.infer<typeof StateData>;

export const EMPTY_COMPONENT: ComponentRecord = { floor: 0, blocked: [] };
export const EMPTY_STATE: StateRecord = {
  generation: 0,
  session: 0,
  timeFloor: 0,
  trustN: 0,
  outbox: [],
  reports: 0,
  reportsDropped: 0,
  components: {},
};

/** What the record knows of a component. */
export function componentOf(state: StateRecord, component: string): ComponentRecord {
  // A slot may be called `constructor`: only members of its own count.
  const known = Object.hasOwn(state.components, component) ? state.components[component] : undefined;
  return known ?? EMPTY_COMPONENT;
}

/** Every module that the record still needs, as digests. */
export function namedDigests(state: StateRecord): Set<string> {
  const named = Object.values(state.components).flatMap(({ active, previous, pending }) => [
    active?.digest,
    previous?.digest,
    pending?.digest,
  ]);
  return new Set(named.filter((digest) => digest !== undefined));
}

/** The module of a record, once its bytes have been read and hashed. */
export function moduleOf(record: InstalledRecord, bytes: Uint8Array): CheckedModule {
  const { digest, key, name, version, capabilities, callAlias } = record;
  return { bytes, digest, key, name, version, capabilities, callAlias };
}
