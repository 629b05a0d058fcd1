/** A characteristic of a peripheral; both UUIDs in their short spelling. */
export interface Place {
  readonly service: string;
  readonly characteristic: string;
}

/** One advertisement as it was heard, merged with the scan response where there was one. */
export interface Advert {
  readonly id: string;
  readonly address: string;
  readonly name?: string | undefined;
  /** dBm. */
  readonly rssi: number;
  readonly manufacturerData?: Uint8Array | undefined;
  readonly serviceData: readonly { readonly uuid: string; readonly data: Uint8Array }[];
  readonly services: readonly string[];
}

export interface ServiceInfo {
  readonly uuid: string;
  /** `properties`: `read`, `write`, `writeWithoutResponse`, `notify`, `indicate`, `broadcast`, … */
  readonly characteristics: readonly { readonly uuid: string; readonly properties: readonly string[] }[];
}

export interface RadioEvents {
  /** The adapter is on, for the first time or again. */
  ready(): void;
  advert(advert: Advert): void;
  /** A connection that stood is gone. Not after `disconnect`. */
  lost(id: string, reason: string): void;
  notification(id: string, at: Place, value: Uint8Array): void;
}

/**
 * The radio itself: all that an implementation of `iot:ble` has to bring. It is asked for one GATT operation at a time
 * for each peripheral, never for one that is not connected, and it need not keep time: who asks does.
 */
export interface Radio {
  /** Rejects with E_UNAVAILABLE when this machine has not got what it needs. An adapter that is off is no reason to. */
  start(events: RadioEvents): Promise<void>;
  /** Drops every connection. */
  stop(): Promise<void>;
  /** What is wrong with the adapter right now. */
  problem(): string | undefined;
  /**
   * Scans, or stops; as soon as the adapter is on. Each call begins anew: every peripheral in reach is told (again),
   * with `duplicates` each of its advertisements.
   */
  scan(wish: { readonly duplicates: boolean } | undefined): void;
  /** Waits for the peripheral until `signal` says that it is enough; rejects while something is wrong with the adapter. */
  connect(id: string, signal: AbortSignal): Promise<void>;
  disconnect(id: string): Promise<void>;
  discover(id: string): Promise<ServiceInfo[]>;
  read(id: string, at: Place): Promise<Uint8Array>;
  write(id: string, at: Place, value: Uint8Array, withoutResponse: boolean): Promise<void>;
  /** From now on its notifications are told. */
  subscribe(id: string, at: Place): Promise<void>;
  unsubscribe(id: string, at: Place): Promise<void>;
}
