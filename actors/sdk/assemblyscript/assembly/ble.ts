import { failPayload } from './answer';
import { Bytes } from './bytes';
import { hostCall, requestCbor } from './call';
import { CborReader } from './cbor';
import { List } from './list';
import { Problem } from './reader';
import { text } from './text';

const BLE = text('iot:ble');
const SCAN = text('Scan');
const STOP_SCAN = text('StopScan');
const DUPLICATES = text('duplicates');
const ID = text('id');
const ADDRESS = text('address');
const NAME = text('name');
const RSSI = text('rssi');
const MANUFACTURER = text('manufacturerData');
const SERVICE_DATA = text('serviceData');
const UUID = text('uuid');
const DATA = text('data');
const reader = new CborReader();
const key = new Bytes();

/** Listens until it is told to stop; `duplicates`: to each advertisement of a peripheral, not the first one only. */
export function bleScan(duplicates: bool = false): bool {
  const request = requestCbor();
  request.map(1);
  request.text(DUPLICATES);
  request.bool(duplicates);
  return hostCall(BLE, SCAN, request);
}

export function bleStopScan(): bool {
  const request = requestCbor();
  request.map(0);
  return hostCall(BLE, STOP_SCAN, request);
}

/** An incoming advertisement. What it does not say is empty. */
export class Advertisement {
  id: Bytes = new Bytes();
  address: Bytes = new Bytes();
  name: Bytes = new Bytes();
  manufacturerData: Bytes = new Bytes();
  /** dBm. */
  rssi: i32 = 0;
  /** Set by `nextServiceData`; in lower case without dashes, and short where it can be ("feaa"). */
  uuid: Bytes = new Bytes();
  data: Bytes = new Bytes();
  private readonly serviceData: List = new List();

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.id.set(0, 0);
    this.address.set(0, 0);
    this.name.set(0, 0);
    this.manufacturerData.set(0, 0);
    this.serviceData.left = 0;
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (reader.null()) continue;
      if (key.equals(ID)) reader.text(this.id);
      else if (key.equals(ADDRESS)) reader.text(this.address);
      else if (key.equals(NAME)) reader.text(this.name);
      else if (key.equals(RSSI)) this.rssi = <i32>reader.int();
      else if (key.equals(MANUFACTURER)) reader.blob(this.manufacturerData);
      else if (key.equals(SERVICE_DATA)) this.serviceData.take(reader);
      else reader.skip();
    }
    if (reader.finish() && this.id.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Advertisement payload', reader.problem);
  }

  /** `while (advertisement.nextServiceData()) …` sets `uuid` and `data`. */
  nextServiceData(): bool {
    if (!this.serviceData.next()) return false;
    const item = this.serviceData.reader;
    this.uuid.set(0, 0);
    this.data.set(0, 0);
    for (let pairs = item.map(); pairs > 0 && !item.problem; pairs--) {
      item.text(key);
      if (key.equals(UUID)) item.text(this.uuid);
      else if (key.equals(DATA)) item.blob(this.data);
      else item.skip();
    }
    return item.problem == Problem.None;
  }
}
