#include "iot_calls.h"

#define BLE IOT_TEXT("iot:ble")

bool iot_ble_scan(bool duplicates) {
  iot_writer w = iot_cbor_request(1);
  iot_put_bool_pair(&w, IOT_TEXT("duplicates"), duplicates);
  return iot_call(BLE, IOT_TEXT("Scan"), &w);
}

bool iot_ble_stop_scan(void) {
  iot_writer w = iot_cbor_request(0);
  return iot_call(BLE, IOT_TEXT("StopScan"), &w);
}

bool iot_read_advertisement(iot_bytes payload, iot_advertisement *a) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *a = (iot_advertisement){IOT_EMPTY, IOT_EMPTY, IOT_EMPTY, IOT_EMPTY, {iot_reader_on(IOT_EMPTY), 0}, 0};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("id"))) a->id = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("address"))) a->address = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("name"))) a->name = iot_cbor_null(&r) ? IOT_EMPTY : iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("rssi"))) a->rssi = (int32_t)iot_cbor_int(&r);
    else if (iot_same(key, IOT_TEXT("manufacturerData"))) a->manufacturer_data = iot_cbor_null(&r) ? IOT_EMPTY : iot_cbor_blob(&r);
    else if (iot_same(key, IOT_TEXT("serviceData")) && !iot_cbor_null(&r)) {
      a->service_data.reader = r;
      a->service_data.left = iot_cbor_array(&a->service_data.reader);
      iot_cbor_skip(&r);
    } else if (!iot_same(key, IOT_TEXT("serviceData"))) iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && a->id.len == 0) iot_reject(&r, "names no peripheral");
  return !r.problem || iot_fail_payload(IOT_TEXT("Advertisement payload"), &r);
}

bool iot_next_service_data(iot_list *list, iot_bytes *uuid, iot_bytes *data) {
  if (list->left == 0 || list->reader.problem) return false;
  list->left -= 1;
  *uuid = *data = IOT_EMPTY;
  iot_reader *r = &list->reader;
  uint32_t pairs = iot_cbor_map(r);
  iot_bytes key;
  while (iot_cbor_key(r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("uuid"))) *uuid = iot_cbor_text(r);
    else if (iot_same(key, IOT_TEXT("data"))) *data = iot_cbor_blob(r);
    else iot_cbor_skip(r);
  }
  return !r->problem;
}
