// Counts frames, sends them back with a line end when it was told to, and says what it has counted: for the tests of iot:serial.
#include "iot_actor.h"

static uint32_t frames, bytes, opened, closed;
static bool echo;
/// FNV-1a over all frames, one after the other.
static uint32_t hash = 0x811c9dc5;

static bool on_data(iot_bytes payload) {
  static uint8_t line[4097];
  iot_data data;
  if (!iot_read_data(payload, &data)) return false;
  frames++;
  bytes += data.data.len;
  for (uint32_t i = 0; i < data.data.len; i++) hash = (hash ^ data.data.at[i]) * 0x01000193;
  if (!echo) return true;
  iot_writer w = iot_writer_on(line, sizeof line);
  iot_put(&w, data.data);
  iot_put(&w, IOT_TEXT("\n"));
  return iot_serial_write(data.port, iot_written(&w)) || iot_fail_host(IOT_TEXT("iot:serial Write"));
}

static bool on_opened(iot_bytes payload) {
  iot_port_event event;
  opened++;
  return iot_read_opened(payload, &event);
}

static bool on_closed(iot_bytes payload) {
  iot_port_event event;
  closed++;
  return iot_read_closed(payload, &event);
}

static bool on_echo(iot_bytes payload) {
  (void)payload;
  return echo = true;
}

static bool on_tally(iot_bytes payload) {
  (void)payload;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 5);
  iot_cbor_put_int(&w, frames);
  iot_cbor_put_int(&w, bytes);
  iot_cbor_put_int(&w, hash);
  iot_cbor_put_int(&w, opened);
  iot_cbor_put_int(&w, closed);
  return iot_reply_written(&w);
}

static bool on_start(iot_bytes payload) {
  iot_start start;
  return iot_read_start(payload, &start);
}

IOT_OPERATIONS(IOT_ON("Data", on_data), IOT_ON("Opened", on_opened), IOT_ON("Closed", on_closed), IOT_ON("Tally", on_tally),
               IOT_ON("Echo", on_echo), IOT_ON("Start", on_start))
