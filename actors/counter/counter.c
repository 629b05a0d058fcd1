// Counts commands: takes a message id from home/cmd/count, adds one to a stored number and says so.
#include "iot_actor.h"

#ifndef COUNTER_VERSION
#define COUNTER_VERSION 1
#endif

#define KEY IOT_TEXT("count")
#define COMMANDS IOT_TEXT("home/cmd/count")
#define STATE IOT_TEXT("home/counter/state")

static bool on_start(iot_bytes payload) {
  iot_start start;
  if (!iot_read_start(payload, &start)) return false;
  if (!iot_mqtt_subscribe(COMMANDS, 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  // A host without a log is no reason not to count.
  iot_logging_write(IOT_LOG_INFO, COUNTER_VERSION == 1 ? IOT_TEXT("counter 1 is ready") : IOT_TEXT("counter 2 is ready"));
  return true;
}

static bool is_id(iot_bytes text) {
  if (text.len == 0 || text.len > 20) return false;
  for (uint32_t i = 0; i < text.len; i++)
    if (text.at[i] < '0' || text.at[i] > '9') return false;
  return true;
}

static bool on_message(iot_bytes payload) {
  iot_message message;
  if (!iot_read_message(payload, &message)) return false;
  if (!is_id(message.payload)) return iot_fail(IOT_TEXT("message is not a decimal id of 1 to 20 digits"));
  int32_t count;
  if (!iot_keyvalue_add(KEY, 1, &count)) return iot_fail_host(IOT_TEXT("wascc:keyvalue Add"));

  uint8_t text[40];
  iot_writer w = iot_writer_on(text, sizeof text);
  iot_put(&w, message.payload);
  iot_put(&w, IOT_TEXT(" "));
  iot_put_decimal(&w, count);
  if (COUNTER_VERSION > 1) iot_put(&w, IOT_TEXT(" v2"));
  if (!iot_mqtt_publish(STATE, iot_written(&w), 1, false)) return iot_fail_host(IOT_TEXT("iot:mqtt Publish"));
  return true;
}

static bool on_count(iot_bytes payload) {
  (void)payload;
  iot_bytes text;
  bool exists;
  int64_t count = 0;
  if (!iot_keyvalue_get(KEY, &text, &exists)) return iot_fail_host(IOT_TEXT("wascc:keyvalue Get"));
  if (exists && !iot_decimal(text, &count)) return iot_fail(IOT_TEXT("the stored count is not a number"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_map(&w, 1);
  iot_cbor_put_text(&w, IOT_TEXT("count"));
  iot_cbor_put_int(&w, count);
  return iot_reply_written(&w);
}

static bool on_echo(iot_bytes payload) { return iot_reply(payload); }

IOT_OPERATIONS(IOT_ON("Message", on_message), IOT_ON("Echo", on_echo), IOT_ON("Count", on_count), IOT_ON("Start", on_start))
