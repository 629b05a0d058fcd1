/** Every MQTT topic of a device, in one place. `device`, `component` and `client` never hold `/`, `+` or `#`. */
export const topics = {
  presence: (device: string) => `iot/${device}/presence`,
  /** Retained SUIT envelope without the module; empty cancels. */
  desired: (device: string, component: string) => `iot/${device}/ota/desired/${component}`,
  /** Device → sender: CBOR `[deployment, offset, length, count]`. */
  get: (device: string) => `iot/${device}/ota/get`,
  /** Sender → device: CBOR `[deployment, offset, bytes, crc32]`. */
  data: (device: string) => `iot/${device}/ota/data`,
  /** Retained freshness index of the fleet: a COSE_Sign1 by a key of the role `fresh`. */
  fresh: (device: string) => `iot/${device}/ota/fresh`,
  state: (device: string, component: string) => `iot/${device}/ota/state/${component}`,
  report: (device: string) => `iot/${device}/ota/report`,
  /** Retained chunk number `n` of a module, left behind by a sender that is gone. */
  blob: (sha256: string, n: number) => `iot/blobs/${sha256}/${n}`,
  request: (device: string, client: string) => `iot/${device}/rpc/${client}/request`,
  response: (device: string, client: string) => `iot/${device}/rpc/${client}/response`,
  log: (device: string) => `iot/${device}/log`,
} as const;

/** Level `index` of a topic; `iot/pi-01/ota/desired/blink` has `blink` at 4. */
export function level(topic: string, index: number): string {
  return topic.split('/')[index] ?? '';
}
