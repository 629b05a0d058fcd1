/** Numbers of draft-ietf-suit-manifest, -update-management and the IANA registries; private ones lie below -256. */
export const TAG_ENVELOPE = 107;
export const MANIFEST_VERSION = 1;

export const ENVELOPE = { authentication: 2, manifest: 3 } as const;

export const MANIFEST = {
  version: 1,
  sequence: 2,
  common: 3,
  setVersion: 6,
  validate: 7,
  invoke: 9,
  install: 20,
  /** For people; never decoded here. */
  text: 23,
} as const;

/** Members that the manifest may replace by their digest, so that they travel beside it or are left out. */
export const SEVERABLE: ReadonlySet<number> = new Set([MANIFEST.install, MANIFEST.text]);
/** Those of the draft that this host knows nothing to do with: dependency resolution and payload fetch. */
export const UNSUPPORTED_SEVERABLE: ReadonlySet<number> = new Set([15, 16]);

export const COMMON = { components: 2, sharedSequence: 4 } as const;

export const COMMAND = {
  vendor: 1,
  class: 2,
  imageMatch: 3,
  useBefore: 4,
  setComponent: 12,
  overrideParameters: 20,
  fetch: 21,
  invoke: 23,
  device: 24,
  updateAuthorized: 27,
  version: 28,
} as const;

export const PARAMETER = {
  vendor: 1,
  class: 2,
  digest: 3,
  useBefore: 4,
  imageSize: 14,
  uri: 21,
  device: 24,
  priority: 27,
  version: 28,
  /** Private: the previous module may no longer be fallen back to when its sequence number is below this. */
  securityFloor: -257,
  /** Private: one byte string, 16 bytes for each chunk of 16 KiB (`chunkDigests`). */
  chunkDigests: -258,
  /** Private: `{1: seconds}`, the least time on probation; the device's own minimum still holds. */
  probation: -259,
  /** Private: 1 lets a module with another key take a slot; without it only the key that holds the slot may. */
  replaceIdentity: -260,
} as const;

/** `SUIT_Rep_Policy` with all four bits: report success and failure, of commands and of system information. */
export const REPORT_ALL = 15;

/** Payload inside the envelope, under the member of that name. */
export const URI_INTEGRATED = '#';
/** Payload pulled in chunks over the broker that brought the envelope, found by its digest. */
export const URI_MQTT = 'mqtt:';
/** Payload fetched from a server. */
export const URI_HTTPS = 'https://';
