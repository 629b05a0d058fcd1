// Keeps a temperature: a sensor on a serial port or in the air, a relay on a line, set-point and state by MQTT.
#include "reading.h"

enum { CHECK_MS = 1000, SENSOR_MAX = 32 };

typedef struct {
  int32_t setpoint, hysteresis;         // thousandths of a degree
  int32_t min_on, min_off, silent;      // seconds
  bool cool;
  uint8_t sensor[SENSOR_MAX];
  uint32_t sensor_len;
} settings;

static settings now = {.setpoint = 20000, .hysteresis = 300, .min_on = 60, .min_off = 60, .silent = 300};
static uint8_t relay_name[64];
static iot_bytes relay;
static bool on;
/// Milliseconds of the monotonic clock.
static int64_t switched_at, heard_at;
static int32_t temperature, published;
static enum { WAITING, OK, SILENT } sensor;
static bool changed = true;
/// A radio that refused may come later.
static bool deaf;

static bool clock_ms(int64_t *ms) {
  iot_now time;
  if (!iot_timer_now(&time)) return false;
  *ms = time.monotonic_ns / 1000000;
  return true;
}

static void put_pair(iot_writer *w, iot_bytes name, int32_t milli) {
  iot_put(w, name);
  iot_put_fixed(w, milli, 3);
}

static void publish(void) {
  uint8_t text[160];
  iot_writer w = iot_writer_on(text, sizeof text);
  put_pair(&w, IOT_TEXT("{\"setpoint\":"), now.setpoint);
  if (sensor == OK) put_pair(&w, IOT_TEXT(",\"temperature\":"), temperature);
  iot_put(&w, on ? IOT_TEXT(",\"relay\":\"on\"") : IOT_TEXT(",\"relay\":\"off\""));
  iot_put(&w, IOT_TEXT(",\"sensor\":\""));
  iot_put(&w, sensor == OK ? IOT_TEXT("ok\"}") : sensor == SILENT ? IOT_TEXT("silent\"}") : IOT_TEXT("waiting\"}"));
  published = temperature;
  // A house without a broker is heated all the same; what it did not take is said at the next check.
  changed = !iot_mqtt_publish(IOT_TEXT("home/thermostat/state"), iot_written(&w), 1, true);
}

static bool switch_to(bool level, int64_t ms) {
  if (!iot_gpio_write(relay, level)) return iot_fail_host(IOT_TEXT("iot:gpio Write"));
  if (on != level) changed = true;
  on = level;
  switched_at = ms;
  return true;
}

static bool control(void) {
  int64_t ms;
  if (!clock_ms(&ms)) return iot_fail_host(IOT_TEXT("iot:timer Now"));
  if (sensor != SILENT && ms - heard_at > (int64_t)now.silent * 1000) {
    sensor = SILENT;
    changed = true;
    iot_log(IOT_TEXT("thermostat: the sensor is silent: off"));
  }
  if (sensor == SILENT) {
    // Off at once, whatever the least time on may be.
    if (on && !switch_to(false, ms)) return false;
  } else if (sensor == OK) {
    int32_t above = now.cool ? now.setpoint - temperature : temperature - now.setpoint;
    bool wanted = above >= now.hysteresis ? false : above <= -now.hysteresis ? true : on;
    int64_t least = (int64_t)(on ? now.min_on : now.min_off) * 1000;
    if (wanted != on && ms - switched_at >= least && !switch_to(wanted, ms)) return false;
  }
  if (changed) publish();
  return true;
}

static bool take(int32_t milli) {
  if (!clock_ms(&heard_at)) return iot_fail_host(IOT_TEXT("iot:timer Now"));
  temperature = milli;
  int32_t difference = temperature > published ? temperature - published : published - temperature;
  // Nobody wants to hear of each thousandth.
  if (sensor != OK || difference >= 50) changed = true;
  sensor = OK;
  return control();
}

static const char *apply(iot_bytes text) {
  settings made = now;
  iot_bytes word, name, value;
  while (iot_next_word(&text, &word)) {
    if (!iot_cut(word, '=', &name, &value)) return "is not name=value";
    if (iot_same(name, IOT_TEXT("setpoint"))) {
      if (!iot_fixed(value, 3, &made.setpoint) || made.setpoint < COLDEST || made.setpoint > HOTTEST) return "setpoint= wants degrees Celsius";
    } else if (iot_same(name, IOT_TEXT("hysteresis"))) {
      if (!iot_fixed(value, 3, &made.hysteresis) || made.hysteresis < 0 || made.hysteresis > 20000) return "hysteresis= wants 0 to 20 degrees";
    } else if (iot_same(name, IOT_TEXT("min-on"))) {
      if (!iot_whole(value, 0, 86400, &made.min_on)) return "min-on= wants 0 to 86400 seconds";
    } else if (iot_same(name, IOT_TEXT("min-off"))) {
      if (!iot_whole(value, 0, 86400, &made.min_off)) return "min-off= wants 0 to 86400 seconds";
    } else if (iot_same(name, IOT_TEXT("silent"))) {
      if (!iot_whole(value, 1, 86400, &made.silent)) return "silent= wants 1 to 86400 seconds";
    } else if (iot_same(name, IOT_TEXT("mode"))) {
      made.cool = iot_same(value, IOT_TEXT("cool"));
      if (!made.cool && !iot_same(value, IOT_TEXT("heat"))) return "mode= wants heat or cool";
    } else if (iot_same(name, IOT_TEXT("sensor"))) {
      if (value.len > SENSOR_MAX) return "sensor= wants an address or a name of at most 32 bytes";
      iot_copy(made.sensor, value.at, value.len);
      made.sensor_len = value.len;
    } else {
      return "has a name that thermostat does not know";
    }
  }
  now = made;
  changed = true;
  return 0;
}

/// Without a sensor's name or address nobody listens: the neighbour's thermometer would do for a reading.
static void listen(void) {
  bool failed = now.sensor_len > 0 && !iot_ble_scan(true);
  if (failed && !deaf) iot_log(IOT_TEXT("thermostat: sensor= is set, but iot:ble refuses to scan; it is asked again and again"));
  deaf = failed;
}

static bool find_relay(void) {
  iot_list lines;
  iot_line line;
  if (!iot_gpio_lines(&lines)) return iot_fail_host(IOT_TEXT("iot:gpio Lines"));
  while (iot_next_line(&lines, &line)) {
    if (!line.output || line.name.len > sizeof relay_name) continue;
    iot_copy(relay_name, line.name.at, line.name.len);
    relay = (iot_bytes){relay_name, line.name.len};
    // New code takes over what the old one had switched.
    on = line.value;
    return true;
  }
  return iot_fail(IOT_TEXT("the binding grants no output line"));
}

/// All of the settings as one text, for the next start: those that a message did not name, too.
static void keep(void) {
  uint8_t text[192];
  iot_writer w = iot_writer_on(text, sizeof text);
  put_pair(&w, IOT_TEXT("setpoint="), now.setpoint);
  put_pair(&w, IOT_TEXT(" hysteresis="), now.hysteresis);
  iot_put(&w, IOT_TEXT(" min-on="));
  iot_put_decimal(&w, now.min_on);
  iot_put(&w, IOT_TEXT(" min-off="));
  iot_put_decimal(&w, now.min_off);
  iot_put(&w, IOT_TEXT(" silent="));
  iot_put_decimal(&w, now.silent);
  iot_put(&w, now.cool ? IOT_TEXT(" mode=cool sensor=") : IOT_TEXT(" mode=heat sensor="));
  iot_put(&w, (iot_bytes){now.sensor, now.sensor_len});
  iot_settings_keep(iot_written(&w));
}

static bool on_start(iot_bytes payload) {
  iot_start start;
  if (!iot_read_start(payload, &start) || !find_relay()) return false;
  iot_settings_load(apply);
  // As if it had been switched and heard just now: neither a restart nor new code makes the relay chatter.
  if (!clock_ms(&switched_at)) return iot_fail_host(IOT_TEXT("iot:timer Now"));
  heard_at = switched_at;
  if (!iot_timer_every(IOT_TEXT("check"), CHECK_MS)) return iot_fail_host(IOT_TEXT("iot:timer Every"));
  if (!iot_mqtt_subscribe(IOT_TEXT("home/thermostat/settings"), 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  if (!iot_mqtt_subscribe(IOT_TEXT("home/cmd/thermostat"), 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  listen();
  return true;
}

static bool on_tick(iot_bytes payload) {
  iot_tick tick;
  if (!iot_read_tick(payload, &tick)) return false;
  if (deaf) listen();
  return control();
}

static bool on_data(iot_bytes payload) {
  iot_data data;
  int32_t milli;
  if (!iot_read_data(payload, &data)) return false;
  return read_line(data.data, &milli) ? take(milli) : true;
}

/// Addresses are told in lower case, and printed on labels in either.
static bool is_address(iot_bytes address, iot_bytes typed) {
  if (address.len != typed.len) return false;
  for (uint32_t i = 0; i < typed.len; i++) {
    uint8_t c = typed.at[i];
    if (address.at[i] != (c >= 'A' && c <= 'F' ? c | 32 : c)) return false;
  }
  return true;
}

static bool on_advertisement(iot_bytes payload) {
  iot_advertisement from;
  iot_bytes uuid, data, wanted = {now.sensor, now.sensor_len};
  int32_t milli;
  if (!iot_read_advertisement(payload, &from)) return false;
  if (wanted.len == 0 || !(is_address(from.address, wanted) || iot_same(from.name, wanted))) return true;
  while (iot_next_service_data(&from.service_data, &uuid, &data))
    if (read_service_data(uuid, data, &milli)) return take(milli);
  return true;
}

static bool on_message(iot_bytes payload) {
  uint8_t text[40];
  iot_message message;
  if (!iot_read_message(payload, &message)) return false;
  if (iot_same(message.topic, IOT_TEXT("home/cmd/thermostat"))) {
    iot_writer w = iot_writer_on(text, sizeof text);
    iot_put(&w, IOT_TEXT("setpoint="));
    iot_put(&w, message.payload);
    int32_t ignored;
    if (w.overflow || !iot_fixed(message.payload, 3, &ignored)) return iot_fail(IOT_TEXT("command is not a temperature"));
    message.payload = iot_written(&w);
  }
  if (!iot_settings_take(message.payload, apply)) return false;
  keep();
  listen();
  return control();
}

// A sensor that is pulled out is a silent one, and is silent for no longer than it is out.
IOT_OPERATIONS(IOT_ON("Data", on_data), IOT_ON("Opened", iot_ignore), IOT_ON("Closed", iot_ignore),
               IOT_ON("Advertisement", on_advertisement), IOT_ON("Tick", on_tick), IOT_ON("Message", on_message), IOT_ON("Start", on_start))
