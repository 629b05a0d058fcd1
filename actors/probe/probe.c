// Exercises every function of the C SDK for the tests; probe.ts does the same with the AssemblyScript SDK.
#include "iot_actor.h"

#define KEY(name) iot_same(key, IOT_TEXT(name))

// Reads a map of known fields and writes the same map again; unknown fields are left out.
static bool on_cbor(iot_bytes payload) {
  iot_reader r = iot_reader_on(payload), count = r;
  iot_writer w = iot_reply_writer();
  iot_bytes key;
  uint32_t pairs = iot_cbor_map(&count), known = 0;
  while (iot_cbor_key(&count, &pairs, &key)) {
    if (!KEY("extra")) known++;
    iot_cbor_skip(&count);
  }
  if (!iot_cbor_end(&count)) return iot_fail_payload(IOT_TEXT("payload"), &count);
  iot_cbor_put_map(&w, known);
  pairs = iot_cbor_map(&r);
  while (iot_cbor_key(&r, &pairs, &key)) {
    if (KEY("extra")) {
      iot_cbor_skip(&r);
      continue;
    }
    iot_cbor_put_text(&w, key);
    if (KEY("text")) iot_cbor_put_text(&w, iot_cbor_text(&r));
    else if (KEY("blob")) iot_cbor_put_blob(&w, iot_cbor_blob(&r));
    else if (KEY("int")) iot_cbor_put_int(&w, iot_cbor_int(&r));
    else if (KEY("bool")) iot_cbor_put_bool(&w, iot_cbor_bool(&r));
    else if (KEY("float")) iot_cbor_put_float(&w, iot_cbor_float(&r));
    else if (KEY("none")) {
      if (!iot_cbor_null(&r)) iot_reject(&r, "is not null");
      iot_cbor_put_null(&w);
    } else if (KEY("ints")) {
      uint32_t items = iot_cbor_array(&r);
      iot_cbor_put_array(&w, items);
      while (items-- > 0 && !r.problem) iot_cbor_put_int(&w, iot_cbor_int(&r));
    } else {
      return iot_fail(IOT_TEXT("unknown field"));
    }
  }
  return iot_cbor_end(&r) ? iot_reply_written(&w) : iot_fail_payload(IOT_TEXT("payload"), &r);
}

static bool on_msgpack(iot_bytes payload) {
  iot_reader r = iot_reader_on(payload), count = r;
  iot_writer w = iot_reply_writer();
  iot_bytes key;
  uint32_t pairs = iot_mp_map(&count), known = 0;
  while (iot_mp_key(&count, &pairs, &key)) {
    if (!KEY("extra")) known++;
    iot_mp_skip(&count);
  }
  if (!iot_mp_end(&count)) return iot_fail_payload(IOT_TEXT("payload"), &count);
  iot_mp_put_map(&w, known);
  pairs = iot_mp_map(&r);
  while (iot_mp_key(&r, &pairs, &key)) {
    if (KEY("extra")) {
      iot_mp_skip(&r);
      continue;
    }
    iot_mp_put_text(&w, key);
    if (KEY("text")) iot_mp_put_text(&w, iot_mp_text(&r));
    else if (KEY("blob")) iot_mp_put_blob(&w, iot_mp_text(&r));
    else if (KEY("int")) iot_mp_put_int(&w, iot_mp_int(&r));
    else if (KEY("bool")) iot_mp_put_bool(&w, iot_mp_bool(&r));
    else if (KEY("none")) {
      if (!iot_mp_nil(&r)) iot_reject(&r, "is not nil");
      iot_mp_put_nil(&w);
    } else {
      return iot_fail(IOT_TEXT("unknown field"));
    }
  }
  return iot_mp_end(&r) ? iot_reply_written(&w) : iot_fail_payload(IOT_TEXT("payload"), &r);
}

static bool on_twice(iot_bytes payload) {
  iot_writer w = iot_reply_writer();
  iot_put(&w, payload);
  iot_put(&w, payload);
  return iot_reply_written(&w);
}

static bool on_raw(iot_bytes payload) {
  iot_writer w = iot_host_request();
  iot_put(&w, payload);
  iot_bytes reply;
  if (!iot_host_call(IOT_TEXT("other"), IOT_TEXT("test:raw"), IOT_TEXT("Raw"), &w)) return iot_fail_host(IOT_TEXT("Raw"));
  return iot_host_reply(&reply) ? iot_reply(reply) : iot_fail_host(IOT_TEXT("Raw"));
}

static bool on_raw_twice(iot_bytes payload) {
  iot_writer w = iot_host_request();
  iot_put(&w, payload);
  iot_put(&w, payload);
  return iot_host_call(IOT_TEXT("other"), IOT_TEXT("test:raw"), IOT_TEXT("Raw"), &w) || iot_fail_host(IOT_TEXT("Raw"));
}

static bool on_levels(iot_bytes line) {
  bool before, after;
  if (!iot_gpio_read(line, &before)) return iot_fail_host(IOT_TEXT("Read"));
  if (!iot_gpio_toggle(line, &after)) return iot_fail_host(IOT_TEXT("Toggle"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 2);
  iot_cbor_put_bool(&w, before);
  iot_cbor_put_bool(&w, after);
  return iot_reply_written(&w);
}

static bool on_watch(iot_bytes line) {
  return iot_gpio_watch(line, IOT_TEXT("both"), 5000) || iot_fail_host(IOT_TEXT("Watch"));
}

static bool on_edge(iot_bytes payload) {
  iot_edge e;
  if (!iot_read_edge(payload, &e)) return false;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 4);
  iot_cbor_put_text(&w, e.line);
  iot_cbor_put_text(&w, e.edge);
  iot_cbor_put_int(&w, e.timestamp_ns);
  iot_cbor_put_int(&w, e.seq);
  return iot_reply_written(&w);
}

static bool on_timers(iot_bytes id) {
  return (iot_timer_after(id, 250) && iot_timer_cancel(id)) || iot_fail_host(IOT_TEXT("timer"));
}

static bool on_now(iot_bytes payload) {
  (void)payload;
  iot_now now;
  if (!iot_timer_now(&now)) return iot_fail_host(IOT_TEXT("Now"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 3);
  iot_cbor_put_int(&w, now.unix_ms);
  iot_cbor_put_int(&w, now.monotonic_ns);
  iot_cbor_put_bool(&w, now.trusted);
  return iot_reply_written(&w);
}

static bool on_tick(iot_bytes payload) {
  iot_tick tick;
  if (!iot_read_tick(payload, &tick)) return false;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 3);
  iot_cbor_put_text(&w, tick.id);
  iot_cbor_put_float(&w, tick.due_at);
  iot_cbor_put_float(&w, tick.at);
  return iot_reply_written(&w);
}

static bool on_message(iot_bytes payload) {
  iot_message m;
  if (!iot_read_message(payload, &m)) return false;
  return iot_mqtt_publish(m.topic, m.payload, m.qos, m.retain) || iot_fail_host(IOT_TEXT("Publish"));
}

static bool on_subscribe(iot_bytes filter) { return iot_mqtt_subscribe(filter, 2) || iot_fail_host(IOT_TEXT("Subscribe")); }

static bool on_store(iot_bytes value) {
  bool exists;
  int32_t sum;
  iot_bytes stored;
  if (!iot_keyvalue_set(IOT_TEXT("k"), value, 60)) return iot_fail_host(IOT_TEXT("Set"));
  if (!iot_keyvalue_add(IOT_TEXT("n"), -300, &sum)) return iot_fail_host(IOT_TEXT("Add"));
  if (!iot_keyvalue_get(IOT_TEXT("k"), &stored, &exists)) return iot_fail_host(IOT_TEXT("Get"));
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 3);
  iot_cbor_put_int(&w, sum);
  iot_cbor_put_text(&w, stored);
  iot_cbor_put_bool(&w, exists);
  return iot_reply_written(&w);
}

static bool on_log(iot_bytes text) {
  iot_log(text);
  return iot_logging_write(IOT_LOG_WARN, text) || iot_fail_host(IOT_TEXT("WriteLog"));
}

static bool on_silent(iot_bytes payload) {
  (void)payload;
  return false;
}

IOT_OPERATIONS(IOT_ON("Cbor", on_cbor), IOT_ON("MsgPack", on_msgpack), IOT_ON("Twice", on_twice), IOT_ON("Raw", on_raw), IOT_ON("RawTwice", on_raw_twice),
               IOT_ON("Levels", on_levels), IOT_ON("Watch", on_watch), IOT_ON("Edge", on_edge), IOT_ON("Timers", on_timers),
               IOT_ON("Now", on_now), IOT_ON("Tick", on_tick), IOT_ON("Message", on_message),
               IOT_ON("Subscribe", on_subscribe), IOT_ON("Store", on_store), IOT_ON("Log", on_log),
               IOT_ON("Silent", on_silent))
