// Exercises what the C SDK has for serial ports, Bluetooth and lists of lines, and its words; probe-io.ts does the same.
#include "iot_actor.h"

static bool on_lines(iot_bytes payload) {
  (void)payload;
  iot_list lines;
  iot_line line;
  if (!iot_gpio_lines(&lines)) return iot_fail_host(IOT_TEXT("Lines"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 6);
  while (iot_next_line(&lines, &line)) {
    iot_cbor_put_text(&w, line.name);
    iot_cbor_put_bool(&w, line.output);
    iot_cbor_put_bool(&w, line.value);
  }
  return iot_reply_written(&w);
}

static bool on_serial(iot_bytes port) {
  return (iot_serial_write(port, port) && iot_serial_drain(port)) || iot_fail_host(IOT_TEXT("serial"));
}

static bool on_ports(iot_bytes payload) {
  (void)payload;
  iot_list ports;
  iot_port port;
  if (!iot_serial_ports(&ports)) return iot_fail_host(IOT_TEXT("Ports"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 4);
  while (iot_next_port(&ports, &port)) {
    iot_cbor_put_text(&w, port.name);
    iot_cbor_put_bool(&w, port.open);
  }
  return iot_reply_written(&w);
}

static bool on_data(iot_bytes payload) {
  iot_data data;
  if (!iot_read_data(payload, &data)) return false;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 3);
  iot_cbor_put_text(&w, data.port);
  iot_cbor_put_blob(&w, data.data);
  iot_cbor_put_int(&w, data.at);
  return iot_reply_written(&w);
}

static bool on_closed(iot_bytes payload) {
  iot_port_event event;
  if (!iot_read_closed(payload, &event)) return false;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 2);
  iot_cbor_put_text(&w, event.port);
  iot_cbor_put_text(&w, event.reason);
  return iot_reply_written(&w);
}

static bool on_scan(iot_bytes payload) {
  (void)payload;
  return (iot_ble_scan(true) && iot_ble_stop_scan()) || iot_fail_host(IOT_TEXT("scan"));
}

static bool on_advertisement(iot_bytes payload) {
  iot_advertisement heard;
  iot_bytes uuid, data;
  if (!iot_read_advertisement(payload, &heard)) return false;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 9);
  iot_cbor_put_text(&w, heard.id);
  iot_cbor_put_text(&w, heard.address);
  iot_cbor_put_text(&w, heard.name);
  iot_cbor_put_int(&w, heard.rssi);
  iot_cbor_put_blob(&w, heard.manufacturer_data);
  while (iot_next_service_data(&heard.service_data, &uuid, &data)) {
    iot_cbor_put_text(&w, uuid);
    iot_cbor_put_blob(&w, data);
  }
  return iot_reply_written(&w);
}

// Each word of the payload, as the number it spells in thousandths or as hex of its JSON.
static bool on_words(iot_bytes payload) {
  iot_writer w = iot_reply_writer();
  iot_bytes word, name, value;
  int32_t number;
  while (iot_next_word(&payload, &word)) {
    if (iot_cut(word, '=', &name, &value)) {
      iot_put(&w, name);
      iot_put(&w, IOT_TEXT(":"));
      if (iot_fixed(value, 3, &number)) iot_put_fixed(&w, number, 3);
      else iot_put_hex(&w, value);
    } else {
      iot_put_json(&w, word);
    }
    iot_put(&w, IOT_TEXT(" "));
  }
  return iot_reply_written(&w);
}

IOT_OPERATIONS(IOT_ON("Lines", on_lines), IOT_ON("Serial", on_serial), IOT_ON("Ports", on_ports), IOT_ON("Data", on_data),
               IOT_ON("Closed", on_closed), IOT_ON("Scan", on_scan), IOT_ON("Advertisement", on_advertisement),
               IOT_ON("Words", on_words))
