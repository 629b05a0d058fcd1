#include "iot_calls.h"

#define SERIAL IOT_TEXT("iot:serial")

bool iot_serial_write(iot_bytes port, iot_bytes data) {
  iot_writer w = iot_cbor_request(2);
  iot_put_text_pair(&w, IOT_TEXT("port"), port);
  iot_put_blob_pair(&w, IOT_TEXT("data"), data);
  return iot_call(SERIAL, IOT_TEXT("Write"), &w);
}

bool iot_serial_drain(iot_bytes port) {
  iot_writer w = iot_cbor_request(1);
  iot_put_text_pair(&w, IOT_TEXT("port"), port);
  return iot_call(SERIAL, IOT_TEXT("Drain"), &w);
}

bool iot_serial_ports(iot_list *ports) { return iot_call_list(SERIAL, IOT_TEXT("Ports"), IOT_TEXT("ports"), ports); }

bool iot_next_port(iot_list *ports, iot_port *port) {
  if (ports->left == 0 || ports->reader.problem) return false;
  ports->left -= 1;
  *port = (iot_port){IOT_EMPTY, false};
  iot_reader *r = &ports->reader;
  uint32_t pairs = iot_cbor_map(r);
  iot_bytes key;
  while (iot_cbor_key(r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("name"))) port->name = iot_cbor_text(r);
    else if (iot_same(key, IOT_TEXT("open"))) port->open = iot_cbor_bool(r);
    else iot_cbor_skip(r);
  }
  return !r->problem;
}

bool iot_read_data(iot_bytes payload, iot_data *data) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *data = (iot_data){IOT_EMPTY, IOT_EMPTY, 0};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("port"))) data->port = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("data"))) data->data = iot_cbor_blob(&r);
    else if (iot_same(key, IOT_TEXT("at"))) data->at = iot_cbor_int(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && data->port.len == 0) iot_reject(&r, "names no port");
  return !r.problem || iot_fail_payload(IOT_TEXT("Data payload"), &r);
}

static bool read_event(iot_bytes payload, iot_port_event *event, iot_bytes what) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *event = (iot_port_event){IOT_EMPTY, IOT_EMPTY};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("port"))) event->port = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("reason"))) event->reason = iot_cbor_text(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && event->port.len == 0) iot_reject(&r, "names no port");
  return !r.problem || iot_fail_payload(what, &r);
}
bool iot_read_opened(iot_bytes payload, iot_port_event *event) { return read_event(payload, event, IOT_TEXT("Opened payload")); }
bool iot_read_closed(iot_bytes payload, iot_port_event *event) { return read_event(payload, event, IOT_TEXT("Closed payload")); }
