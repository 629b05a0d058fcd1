import { createHash } from 'node:crypto';

/** Vendor of devices that were given no other: a name that nobody can register. */
export const VENDOR_DOMAIN = 'iot-host.invalid';
/** The interface between host and module that class ids name. */
export const ACTOR_ABI = 'wapc';

/** Namespace of domain names, RFC 9562 section 6.6. */
const DNS_NAMESPACE = Uint8Array.from(Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex'));

/**
 * Vendor, class and device ids are name-based UUIDs (16 bytes). They select what an update is for; they are no
 * proof of identity.
 */
export function vendorId(domain: string = VENDOR_DOMAIN): Uint8Array {
  return uuid5(DNS_NAMESPACE, domain);
}

/** A board (`raspberry-pi-5`) with what its modules must speak. */
export function classId(vendor: Uint8Array, board: string, abi: string = ACTOR_ABI): Uint8Array {
  return uuid5(vendor, `iot-host/${board}/${abi}`);
}

/** One device of a vendor. */
export function deviceId(vendor: Uint8Array, deviceName: string): Uint8Array {
  return uuid5(vendor, deviceName);
}

/** RFC 9562 section 5.5. */
export function uuid5(namespace: Uint8Array, name: string): Uint8Array {
  const id = Uint8Array.from(
    createHash('sha1').update(namespace).update(name, 'utf8').digest().subarray(0, 16),
  );
  const view = new DataView(id.buffer);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x50);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  return id;
}
