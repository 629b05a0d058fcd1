// Publishes what Bluetooth devices advertise, each at most once in a while.
#include "iot_actor.h"

enum { DEVICES = 64, ID_MAX = 40, FILTERS = 8, FILTER_MAX = 32 };

typedef struct {
  int32_t every_ms, floor_rssi, most;
  uint32_t filters;
  struct {
    uint8_t start[FILTER_MAX];
    uint32_t len;
  } only[FILTERS];
} settings;
static settings now = {.every_ms = 10000, .floor_rssi = -127, .most = 100};

/// Devices that make up a new address for each advertisement are new ones each time: all together are limited, too.
static int64_t second_began;
static int32_t in_second;

static bool is_too_much(int64_t ms) {
  if (ms - second_began >= 1000) {
    second_began = ms;
    in_second = 0;
  }
  return in_second >= now.most;
}

static bool begins(iot_bytes text, iot_bytes start) {
  return text.len >= start.len && iot_same((iot_bytes){text.at, start.len}, start);
}

static bool is_wanted(const iot_advertisement *from) {
  for (uint32_t i = 0; i < now.filters; i++) {
    iot_bytes start = {now.only[i].start, now.only[i].len};
    if (begins(from->address, start) || begins(from->name, start)) return true;
  }
  return now.filters == 0;
}

/// Who was told of when. The one that was told of longest ago makes room.
typedef struct {
  uint8_t id[ID_MAX];
  uint32_t id_len;
  int64_t at;
} seen;
static seen devices[DEVICES];

static bool is_due(iot_bytes id, int64_t ms) {
  seen *oldest = &devices[0];
  for (uint32_t i = 0; i < DEVICES; i++) {
    seen *d = &devices[i];
    if (d->id_len > 0 && iot_same((iot_bytes){d->id, d->id_len}, id)) {
      if (ms - d->at < now.every_ms) return false;
      d->at = ms;
      return true;
    }
    if (oldest->id_len > 0 && (d->id_len == 0 || d->at < oldest->at)) oldest = d;
  }
  iot_copy(oldest->id, id.at, id.len);
  oldest->id_len = id.len;
  oldest->at = ms;
  return true;
}

static void put_name(iot_writer *w, iot_bytes name) {
  iot_put(w, IOT_TEXT(",\""));
  iot_put(w, name);
  iot_put(w, IOT_TEXT("\":"));
}

static void put_hex(iot_writer *w, iot_bytes name, iot_bytes bytes) {
  put_name(w, name);
  iot_put(w, IOT_TEXT("\""));
  iot_put_hex(w, bytes);
  iot_put(w, IOT_TEXT("\""));
}

static void put_number(iot_writer *w, iot_bytes name, int64_t value) {
  put_name(w, name);
  iot_put_decimal(w, value);
}

static iot_bytes part(iot_bytes bytes, uint32_t from, uint32_t len) { return (iot_bytes){bytes.at + from, len}; }

/// Apple's iBeacon: company 0x004c, type 2, 21 bytes: UUID, major, minor, measured power at 1 m.
static void put_ibeacon(iot_writer *w, iot_bytes data) {
  if (data.len != 25 || data.at[0] != 0x4c || data.at[1] != 0 || data.at[2] != 2 || data.at[3] != 21) return;
  put_name(w, IOT_TEXT("iBeacon"));
  iot_put(w, IOT_TEXT("{\"uuid\":\""));
  iot_put_hex(w, part(data, 4, 16));
  iot_put(w, IOT_TEXT("\""));
  put_number(w, IOT_TEXT("major"), data.at[20] << 8 | data.at[21]);
  put_number(w, IOT_TEXT("minor"), data.at[22] << 8 | data.at[23]);
  put_number(w, IOT_TEXT("power"), (int8_t)data.at[24]);
  iot_put(w, IOT_TEXT("}"));
}

/// Eddystone-UID: https://github.com/google/eddystone, frame 0: power at 0 m, namespace of 10 bytes, instance of 6.
static bool put_eddystone(iot_writer *w, iot_bytes uuid, iot_bytes data) {
  if (!iot_same(uuid, IOT_TEXT("feaa")) || data.len < 18 || data.at[0] != 0) return false;
  put_name(w, IOT_TEXT("eddystone"));
  iot_put(w, IOT_TEXT("{\"namespace\":\""));
  iot_put_hex(w, part(data, 2, 10));
  iot_put(w, IOT_TEXT("\",\"instance\":\""));
  iot_put_hex(w, part(data, 12, 6));
  iot_put(w, IOT_TEXT("\""));
  put_number(w, IOT_TEXT("power"), (int8_t)data.at[1]);
  iot_put(w, IOT_TEXT("}"));
  return true;
}

static void put_services(iot_writer *w, iot_list list) {
  iot_list again = list;
  iot_bytes uuid, data;
  bool any = false, decoded = false;
  while (iot_next_service_data(&list, &uuid, &data)) {
    any = true;
    if (!decoded) decoded = put_eddystone(w, uuid, data);
  }
  if (!any) return;
  put_name(w, IOT_TEXT("serviceData"));
  for (any = false; iot_next_service_data(&again, &uuid, &data); any = true) {
    iot_put(w, any ? IOT_TEXT(",") : IOT_TEXT("{"));
    iot_put_json(w, uuid);
    iot_put(w, IOT_TEXT(":\""));
    iot_put_hex(w, data);
    iot_put(w, IOT_TEXT("\""));
  }
  iot_put(w, IOT_TEXT("}"));
}

static bool on_advertisement(iot_bytes payload) {
  static uint8_t text[2048], topic[64];
  iot_advertisement from;
  iot_now time;
  if (!iot_read_advertisement(payload, &from)) return false;
  if (from.rssi < now.floor_rssi || from.id.len > ID_MAX || !is_wanted(&from)) return true;
  for (uint32_t i = 0; i < from.id.len; i++)  // it becomes a level of a topic
    if (from.id.at[i] == '/' || from.id.at[i] == '+' || from.id.at[i] == '#') return true;
  if (!iot_timer_now(&time)) return iot_fail_host(IOT_TEXT("iot:timer Now"));
  int64_t ms = time.monotonic_ns / 1000000;
  if (is_too_much(ms) || !is_due(from.id, ms)) return true;
  in_second++;

  iot_writer w = iot_writer_on(text, sizeof text), to = iot_writer_on(topic, sizeof topic);
  iot_put(&w, IOT_TEXT("{\"address\":"));
  iot_put_json(&w, from.address);
  put_number(&w, IOT_TEXT("rssi"), from.rssi);
  if (from.name.len > 0) {
    put_name(&w, IOT_TEXT("name"));
    iot_put_json(&w, from.name);
  }
  if (from.manufacturer_data.len > 0) put_hex(&w, IOT_TEXT("manufacturerData"), from.manufacturer_data);
  put_ibeacon(&w, from.manufacturer_data);
  put_services(&w, from.service_data);
  iot_put(&w, IOT_TEXT("}"));
  if (w.overflow) return iot_fail(IOT_TEXT("advertisement does not fit into a message"));
  iot_put(&to, IOT_TEXT("home/ble/"));
  iot_put(&to, from.id);
  return iot_mqtt_publish(iot_written(&to), iot_written(&w), 0, false) || iot_fail_host(IOT_TEXT("iot:mqtt Publish"));
}

static const char *apply(iot_bytes text) {
  settings made = {.every_ms = 10000, .floor_rssi = -127, .most = 100};
  iot_bytes word, name, value;
  while (iot_next_word(&text, &word)) {
    if (!iot_cut(word, '=', &name, &value)) return "is not name=value";
    if (iot_same(name, IOT_TEXT("every"))) {
      if (!iot_whole(value, 0, 86400000, &made.every_ms)) return "every= wants 0 to 86400000 milliseconds";
    } else if (iot_same(name, IOT_TEXT("rssi"))) {
      if (!iot_whole(value, -127, 20, &made.floor_rssi)) return "rssi= wants -127 to 20 dBm";
    } else if (iot_same(name, IOT_TEXT("most"))) {
      if (!iot_whole(value, 1, 1000, &made.most)) return "most= wants 1 to 1000 messages a second";
    } else if (iot_same(name, IOT_TEXT("only"))) {
      if (made.filters == FILTERS) return "has more than 8 only=";
      if (value.len == 0 || value.len > FILTER_MAX) return "only= wants the beginning of an address or a name, 1 to 32 bytes";
      iot_copy(made.only[made.filters].start, value.at, value.len);
      made.only[made.filters++].len = value.len;
    } else {
      return "has a name that ble-beacon does not know";
    }
  }
  now = made;
  return 0;
}

static bool on_start(iot_bytes payload) {
  iot_start start;
  if (!iot_read_start(payload, &start)) return false;
  iot_settings_load(apply);
  if (!iot_mqtt_subscribe(IOT_TEXT("home/ble/settings"), 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  return iot_ble_scan(true) || iot_fail_host(IOT_TEXT("iot:ble Scan"));
}

static bool on_message(iot_bytes payload) {
  iot_message message;
  if (!iot_read_message(payload, &message) || !iot_settings_take(message.payload, apply)) return false;
  iot_settings_keep(message.payload);
  return true;
}

IOT_OPERATIONS(IOT_ON("Advertisement", on_advertisement), IOT_ON("Message", on_message), IOT_ON("Start", on_start))
