#include "iot_calls.h"

#define GPIO IOT_TEXT("iot:gpio")
#define TIMER IOT_TEXT("iot:timer")
#define MQTT IOT_TEXT("iot:mqtt")
#define KEYVALUE IOT_TEXT("wascc:keyvalue")

bool iot_call_list(iot_bytes contract, iot_bytes operation, iot_bytes name, iot_list *list) {
  iot_writer w = iot_cbor_request(0);
  iot_bytes reply, key;
  if (!iot_call(contract, operation, &w) || !iot_host_reply(&reply)) return false;
  iot_reader r = iot_reader_on(reply);
  uint32_t pairs = iot_cbor_map(&r);
  bool found = false;
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, name)) {
      list->reader = r;
      list->left = iot_cbor_array(&list->reader);
      found = !list->reader.problem;
    }
    iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && found) return true;
  return iot_host_reply_unreadable();
}

bool iot_read_start(iot_bytes payload, iot_start *start) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *start = (iot_start){IOT_EMPTY};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("reason"))) start->reason = iot_cbor_text(&r);
    else iot_cbor_skip(&r);
  }
  return iot_cbor_end(&r) || iot_fail_payload(IOT_TEXT("Start payload"), &r);
}

// iot:gpio

static bool level(iot_bytes operation, iot_bytes line, bool *value) {
  iot_writer w = iot_cbor_request(1);
  iot_put_text_pair(&w, IOT_TEXT("line"), line);
  iot_bytes reply, key;
  if (!iot_call(GPIO, operation, &w) || !iot_host_reply(&reply)) return false;
  iot_reader r = iot_reader_on(reply);
  uint32_t pairs = iot_cbor_map(&r);
  bool found = false;
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("value"))) *value = iot_cbor_bool(&r), found = true;
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && found) return true;
  return iot_host_reply_unreadable();
}
bool iot_gpio_read(iot_bytes line, bool *value) { return level(IOT_TEXT("Read"), line, value); }
bool iot_gpio_toggle(iot_bytes line, bool *value) { return level(IOT_TEXT("Toggle"), line, value); }

bool iot_gpio_write(iot_bytes line, bool value) {
  iot_writer w = iot_cbor_request(2);
  iot_put_text_pair(&w, IOT_TEXT("line"), line);
  iot_put_int_pair(&w, IOT_TEXT("value"), value);
  return iot_call(GPIO, IOT_TEXT("Write"), &w);
}

bool iot_gpio_watch(iot_bytes line, iot_bytes edge, uint32_t debounce_us) {
  iot_writer w = iot_cbor_request(3);
  iot_put_text_pair(&w, IOT_TEXT("line"), line);
  iot_put_text_pair(&w, IOT_TEXT("edge"), edge);
  iot_put_int_pair(&w, IOT_TEXT("debounceUs"), debounce_us);
  return iot_call(GPIO, IOT_TEXT("Watch"), &w);
}

bool iot_gpio_lines(iot_list *lines) { return iot_call_list(GPIO, IOT_TEXT("Lines"), IOT_TEXT("lines"), lines); }

bool iot_next_line(iot_list *lines, iot_line *line) {
  if (lines->left == 0 || lines->reader.problem) return false;
  lines->left -= 1;
  *line = (iot_line){IOT_EMPTY, false, false};
  iot_reader *r = &lines->reader;
  uint32_t pairs = iot_cbor_map(r);
  iot_bytes key;
  while (iot_cbor_key(r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("name"))) line->name = iot_cbor_text(r);
    else if (iot_same(key, IOT_TEXT("direction"))) line->output = iot_same(iot_cbor_text(r), IOT_TEXT("out"));
    else if (iot_same(key, IOT_TEXT("value"))) line->value = iot_cbor_bool(r);
    else iot_cbor_skip(r);
  }
  return !r->problem;
}

bool iot_read_edge(iot_bytes payload, iot_edge *edge) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *edge = (iot_edge){IOT_EMPTY, IOT_EMPTY, 0, 0};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("line"))) edge->line = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("edge"))) edge->edge = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("timestampNs"))) edge->timestamp_ns = iot_cbor_int(&r);
    else if (iot_same(key, IOT_TEXT("seq"))) edge->seq = iot_cbor_int(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && edge->line.len == 0) iot_reject(&r, "names no line");
  return !r.problem || iot_fail_payload(IOT_TEXT("Edge payload"), &r);
}

// iot:timer

static bool set_timer(iot_bytes operation, iot_bytes id, uint32_t ms) {
  iot_writer w = iot_cbor_request(2);
  iot_put_text_pair(&w, IOT_TEXT("id"), id);
  iot_put_int_pair(&w, IOT_TEXT("ms"), ms);
  return iot_call(TIMER, operation, &w);
}
bool iot_timer_every(iot_bytes id, uint32_t ms) { return set_timer(IOT_TEXT("Every"), id, ms); }
bool iot_timer_after(iot_bytes id, uint32_t ms) { return set_timer(IOT_TEXT("After"), id, ms); }

bool iot_timer_cancel(iot_bytes id) {
  iot_writer w = iot_cbor_request(1);
  iot_put_text_pair(&w, IOT_TEXT("id"), id);
  return iot_call(TIMER, IOT_TEXT("Cancel"), &w);
}

bool iot_timer_now(iot_now *now) {
  iot_writer w = iot_cbor_request(0);
  iot_bytes reply, key;
  if (!iot_call(TIMER, IOT_TEXT("Now"), &w) || !iot_host_reply(&reply)) return false;
  iot_reader r = iot_reader_on(reply);
  uint32_t pairs = iot_cbor_map(&r);
  *now = (iot_now){0, 0, false};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("unixMs"))) now->unix_ms = iot_cbor_int(&r);
    else if (iot_same(key, IOT_TEXT("monotonicNs"))) now->monotonic_ns = iot_cbor_int(&r);
    else if (iot_same(key, IOT_TEXT("trusted"))) now->trusted = iot_cbor_bool(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r)) return true;
  return iot_host_reply_unreadable();
}

bool iot_read_tick(iot_bytes payload, iot_tick *tick) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *tick = (iot_tick){IOT_EMPTY, 0, 0};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("id"))) tick->id = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("dueAt"))) tick->due_at = iot_cbor_float(&r);
    else if (iot_same(key, IOT_TEXT("at"))) tick->at = iot_cbor_float(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && tick->id.len == 0) iot_reject(&r, "names no timer");
  return !r.problem || iot_fail_payload(IOT_TEXT("Tick payload"), &r);
}

// iot:mqtt

bool iot_mqtt_publish(iot_bytes topic, iot_bytes payload, uint32_t qos, bool retain) {
  iot_writer w = iot_cbor_request(4);
  iot_put_text_pair(&w, IOT_TEXT("topic"), topic);
  iot_put_blob_pair(&w, IOT_TEXT("payload"), payload);
  iot_put_int_pair(&w, IOT_TEXT("qos"), qos);
  iot_put_bool_pair(&w, IOT_TEXT("retain"), retain);
  return iot_call(MQTT, IOT_TEXT("Publish"), &w);
}

bool iot_mqtt_subscribe(iot_bytes filter, uint32_t qos) {
  iot_writer w = iot_cbor_request(2);
  iot_put_text_pair(&w, IOT_TEXT("filter"), filter);
  iot_put_int_pair(&w, IOT_TEXT("qos"), qos);
  return iot_call(MQTT, IOT_TEXT("Subscribe"), &w);
}

bool iot_read_message(iot_bytes payload, iot_message *message) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_cbor_map(&r);
  iot_bytes key;
  *message = (iot_message){IOT_EMPTY, IOT_EMPTY, 0, false};
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("topic"))) message->topic = iot_cbor_text(&r);
    else if (iot_same(key, IOT_TEXT("payload"))) message->payload = iot_cbor_blob(&r);
    else if (iot_same(key, IOT_TEXT("qos"))) message->qos = (uint32_t)iot_cbor_int(&r);
    else if (iot_same(key, IOT_TEXT("retain"))) message->retain = iot_cbor_bool(&r);
    else iot_cbor_skip(&r);
  }
  if (iot_cbor_end(&r) && message->topic.len == 0) iot_reject(&r, "names no topic");
  return !r.problem || iot_fail_payload(IOT_TEXT("Message payload"), &r);
}

// wascc:keyvalue and wascc:logging

static void mp_pair(iot_writer *w, iot_bytes key, iot_bytes value) {
  iot_mp_put_text(w, key);
  iot_mp_put_text(w, value);
}
static void mp_number(iot_writer *w, iot_bytes key, int64_t value) {
  iot_mp_put_text(w, key);
  iot_mp_put_int(w, value);
}

bool iot_keyvalue_add(iot_bytes key, int32_t by, int32_t *value) {
  iot_writer w = iot_host_request();
  iot_mp_put_map(&w, 2);
  mp_pair(&w, IOT_TEXT("key"), key);
  mp_number(&w, IOT_TEXT("value"), by);
  iot_bytes reply, field;
  if (!iot_call(KEYVALUE, IOT_TEXT("Add"), &w) || !iot_host_reply(&reply)) return false;
  iot_reader r = iot_reader_on(reply);
  uint32_t pairs = iot_mp_map(&r);
  int64_t sum = INT64_MAX;
  while (iot_mp_key(&r, &pairs, &field)) {
    if (iot_same(field, IOT_TEXT("value"))) sum = iot_mp_int(&r);
    else iot_mp_skip(&r);
  }
  if (iot_mp_end(&r) && sum >= INT32_MIN && sum <= INT32_MAX) {
    *value = (int32_t)sum;
    return true;
  }
  return iot_host_reply_unreadable();
}

bool iot_keyvalue_get(iot_bytes key, iot_bytes *value, bool *exists) {
  iot_writer w = iot_host_request();
  iot_mp_put_map(&w, 1);
  mp_pair(&w, IOT_TEXT("key"), key);
  iot_bytes reply, field;
  if (!iot_call(KEYVALUE, IOT_TEXT("Get"), &w) || !iot_host_reply(&reply)) return false;
  iot_reader r = iot_reader_on(reply);
  uint32_t pairs = iot_mp_map(&r);
  bool found = false;
  *value = IOT_EMPTY;
  *exists = false;
  while (iot_mp_key(&r, &pairs, &field)) {
    if (iot_same(field, IOT_TEXT("value"))) *value = iot_mp_nil(&r) ? IOT_EMPTY : iot_mp_text(&r);
    else if (iot_same(field, IOT_TEXT("exists"))) *exists = iot_mp_bool(&r), found = true;
    else iot_mp_skip(&r);
  }
  if (iot_mp_end(&r) && found) return true;
  return iot_host_reply_unreadable();
}

bool iot_keyvalue_set(iot_bytes key, iot_bytes value, int32_t expires) {
  iot_writer w = iot_host_request();
  iot_mp_put_map(&w, 3);
  mp_pair(&w, IOT_TEXT("key"), key);
  mp_pair(&w, IOT_TEXT("value"), value);
  mp_number(&w, IOT_TEXT("expires"), expires);
  return iot_call(KEYVALUE, IOT_TEXT("Set"), &w);
}

bool iot_logging_write(uint32_t level, iot_bytes text) {
  iot_writer w = iot_host_request();
  iot_mp_put_map(&w, 2);
  mp_number(&w, IOT_TEXT("level"), level);
  mp_pair(&w, IOT_TEXT("body"), text);
  return iot_call(IOT_TEXT("wascc:logging"), IOT_TEXT("WriteLog"), &w);
}
