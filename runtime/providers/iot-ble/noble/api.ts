import type { EventEmitter } from 'node:events';

/** What both packages have in common and the adapter uses: @abandonware/noble 1.9, @stoprocent/noble 2.8. */
export interface Noble extends EventEmitter {
  /** Reading it for the first time opens the adapter. */
  readonly state: string;
  startScanning(services: string[], duplicates: boolean, done: (error?: Error) => void): void;
  stopScanning(done?: () => void): void;
  /** Lets go of the adapter. */
  stop(): void;
}

export interface NoblePeripheral extends EventEmitter {
  readonly id: string;
  readonly address: string;
  readonly rssi: number;
  readonly state: string;
  readonly advertisement: {
    readonly localName?: string;
    readonly manufacturerData?: Buffer;
    readonly serviceData?: readonly { readonly uuid: string; readonly data: Buffer }[];
    readonly serviceUuids?: readonly string[];
  };
  connect(done: (error?: Error | string | null) => void): void;
  cancelConnect?(): void;
  disconnect(done?: () => void): void;
  discoverAllServicesAndCharacteristicsAsync(): Promise<{ services: NobleService[] }>;
}

export interface NobleService {
  readonly uuid: string;
  readonly characteristics: readonly NobleCharacteristic[] | null;
}

export interface NobleCharacteristic extends EventEmitter {
  readonly uuid: string;
  readonly properties: readonly string[];
  readAsync(): Promise<Buffer>;
  writeAsync(data: Buffer, withoutResponse: boolean): Promise<void>;
  subscribeAsync(): Promise<unknown>;
  unsubscribeAsync(): Promise<unknown>;
}
