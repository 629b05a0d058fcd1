// Polls Modbus RTU devices on a serial port and publishes what it reads; writes what it is told to.
#include "points.h"

enum { WRITES_MAX = 8, TOLD_VALUE = 0, TOLD_TIMEOUT = 254, TOLD_ODD = 255 };

static plan now;
static uint8_t port_name[64];
static iot_bytes port;

typedef struct {
  uint8_t index;
  int32_t value;
} write;
static write writes[WRITES_MAX];
static uint32_t writes_waiting;

/// The transaction under way.
static struct {
  bool busy, writing;
  uint8_t index;
  int32_t tries, value;
  uint32_t serial;
} current;
/// Next point of this round; `now.count` between rounds.
static uint32_t next_point;

static void go_on(void);

static iot_bytes timer_id(void) {
  // A tick may be on its way already when its timer is cancelled: it must not be taken for the next one's.
  static uint8_t id[6] = {'r', 'e', 'p', 'l', 'y', '0'};
  id[5] = (uint8_t)('0' + current.serial % 8);
  return (iot_bytes){id, sizeof id};
}

static void publish(const point *p, iot_bytes json) {
  uint8_t text[40];
  iot_writer topic = iot_writer_on(text, sizeof text);
  iot_put(&topic, IOT_TEXT("home/modbus/"));
  iot_put(&topic, name_of(p));
  // Nobody hears it while the broker is away; the next round says it again.
  iot_mqtt_publish(iot_written(&topic), json, 0, true);
}

/// An error is told once; it is over with the next value.
static void tell_error(point *p, uint8_t code) {
  if (p->told == code) return;
  p->told = code;
  uint8_t text[96];
  iot_writer w = iot_writer_on(text, sizeof text);
  iot_put(&w, IOT_TEXT("{\"error\":\""));
  iot_put(&w, code == TOLD_TIMEOUT ? IOT_TEXT("no answer") : code == TOLD_ODD ? IOT_TEXT("answer of another size") : exception_text(code));
  iot_put(&w, IOT_TEXT("\"}"));
  publish(p, iot_written(&w));
}

static void tell_value(point *p, int64_t value) {
  uint8_t text[64];
  iot_writer w = iot_writer_on(text, sizeof text);
  p->told = TOLD_VALUE;
  iot_put(&w, IOT_TEXT("{\"value\":"));
  if (p->type == U32) {
    // The only ones beyond a signed number of 32 bits.
    uint32_t scale = 1;
    for (uint32_t i = 0; i < p->decimals; i++) scale *= 10;
    iot_put_decimal(&w, value / scale);
    if (value % scale > 0) {
      iot_put(&w, IOT_TEXT("."));
      for (uint32_t part = scale / 10; part > 0; part /= 10) iot_put_decimal(&w, value / part % 10);
    }
  } else {
    iot_put_fixed(&w, (int32_t)value, p->decimals);
  }
  iot_put(&w, IOT_TEXT("}"));
  publish(p, iot_written(&w));
}

static uint8_t asked_function(void) {
  const point *p = &now.points[current.index];
  if (!current.writing) return p->function;
  return p->type == BIT ? WRITE_COIL : p->type >= U32 ? WRITE_REGISTERS : WRITE_REGISTER;
}

static void ask(void) {
  uint8_t text[16];
  iot_writer w = iot_writer_on(text, sizeof text);
  const point *p = &now.points[current.index];
  uint8_t function = asked_function();
  uint8_t head[2] = {p->unit, function};
  iot_put(&w, (iot_bytes){head, 2});
  put16(&w, p->address);
  if (!current.writing) put16(&w, registers_of(p));
  else if (function == WRITE_COIL) put16(&w, current.value ? 0xff00 : 0);
  else if (function == WRITE_REGISTER) put16(&w, (uint32_t)current.value & 0xffff);
  else {
    put16(&w, 2);
    iot_put(&w, IOT_TEXT("\4"));
    put16(&w, (uint32_t)current.value >> 16);
    put16(&w, (uint32_t)current.value & 0xffff);
  }
  close_frame(&w);
  current.serial++;
  // A port that is not open is as silent as a device that is off.
  iot_serial_write(port, iot_written(&w));
  if (!iot_timer_after(timer_id(), (uint32_t)now.timeout)) iot_log(IOT_TEXT("modbus-gateway: no timer for the answer"));
}

static void begin(uint32_t index, bool writing, int32_t value) {
  current.busy = true;
  current.writing = writing;
  current.index = (uint8_t)index;
  current.value = value;
  current.tries = now.retries;
  ask();
}

static void done(void) {
  current.busy = false;
  go_on();
}

/// What is to be written goes before what is to be read.
static void go_on(void) {
  if (current.busy || port.len == 0) return;
  if (writes_waiting > 0) {
    write first = writes[0];
    writes_waiting--;
    for (uint32_t i = 0; i < writes_waiting; i++) writes[i] = writes[i + 1];
    begin(first.index, true, first.value);
  } else if (next_point < now.count) {
    begin(next_point++, false, 0);
  }
}

static const char *apply(iot_bytes text) {
  static plan made;
  const char *wrong = read_plan(text, &made);
  if (wrong) return wrong;
  if (current.busy) iot_timer_cancel(timer_id());
  now = made;
  current.busy = false;
  writes_waiting = 0;
  next_point = 0;
  return 0;
}

static bool start_polling(void) {
  return iot_timer_every(IOT_TEXT("poll"), (uint32_t)now.every) || iot_fail_host(IOT_TEXT("iot:timer Every"));
}

static bool on_start(iot_bytes payload) {
  iot_start start;
  iot_list ports;
  iot_port first;
  if (!iot_read_start(payload, &start)) return false;
  if (!iot_serial_ports(&ports)) return iot_fail_host(IOT_TEXT("iot:serial Ports"));
  if (!iot_next_port(&ports, &first)) return iot_fail(IOT_TEXT("the binding grants no serial port"));
  if (first.name.len > sizeof port_name) return iot_fail(IOT_TEXT("the port's name is too long"));
  iot_copy(port_name, first.name.at, first.name.len);
  port = (iot_bytes){port_name, first.name.len};
  apply(IOT_EMPTY);
  iot_settings_load(apply);
  if (!iot_mqtt_subscribe(IOT_TEXT("home/modbus/settings"), 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  if (!iot_mqtt_subscribe(IOT_TEXT("home/cmd/modbus/+"), 1)) return iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
  return start_polling();
}

static bool on_tick(iot_bytes payload) {
  iot_tick tick;
  if (!iot_read_tick(payload, &tick)) return false;
  if (iot_same(tick.id, IOT_TEXT("poll"))) {
    // A round that takes longer than it may goes on; none is begun beside it.
    if (next_point >= now.count && !current.busy) next_point = 0;
    go_on();
    return true;
  }
  if (!current.busy || !iot_same(tick.id, timer_id())) return true;
  if (current.tries-- > 0) {
    ask();
    return true;
  }
  tell_error(&now.points[current.index], TOLD_TIMEOUT);
  done();
  return true;
}

static bool on_data(iot_bytes payload) {
  iot_data data;
  if (!iot_read_data(payload, &data)) return false;
  iot_bytes frame = data.data;
  point *p = &now.points[current.index];
  // Noise, half frames and answers to somebody else: the time for the answer runs on.
  if (!current.busy || !iot_same(data.port, port) || !frame_is_good(frame) || frame.at[0] != p->unit) return true;
  if ((frame.at[1] & 0x7f) != asked_function()) return true;
  if (!(frame.at[1] & 0x80) && current.writing && (frame.len != 8 || take16(frame.at + 2) != p->address)) return true;
  iot_timer_cancel(timer_id());
  if (frame.at[1] & 0x80) {
    tell_error(p, frame.at[2]);
  } else if (current.writing) {
    // What the device made of it is read back at once.
    begin(current.index, false, 0);
    return true;
  } else {
    int64_t value;
    iot_bytes body = {frame.at + 3, frame.len - 5};
    if (frame.at[2] == body.len && read_value(p, body, &value)) tell_value(p, value);
    else tell_error(p, TOLD_ODD);
  }
  done();
  return true;
}

static bool on_command(iot_bytes name, iot_bytes text) {
  int32_t value;
  for (uint32_t i = 0; i < now.count; i++) {
    const point *p = &now.points[i];
    if (!iot_same(name, name_of(p))) continue;
    if (p->function != READ_HOLDING && p->function != READ_COILS) return iot_fail(IOT_TEXT("only coils and holding registers can be written"));
    if (!iot_fixed(text, p->decimals, &value) || !fits(p, value)) return iot_fail(IOT_TEXT("command is not a number that fits"));
    if (writes_waiting == WRITES_MAX) return iot_fail(IOT_TEXT("8 commands are waiting already"));
    writes[writes_waiting++] = (write){(uint8_t)i, value};
    go_on();
    return true;
  }
  return iot_fail(IOT_TEXT("command for a point that the settings do not name"));
}

static bool on_message(iot_bytes payload) {
  iot_bytes commands = IOT_TEXT("home/cmd/modbus/");
  iot_message message;
  if (!iot_read_message(payload, &message)) return false;
  if (message.topic.len > commands.len && iot_same((iot_bytes){message.topic.at, commands.len}, commands))
    return on_command((iot_bytes){message.topic.at + commands.len, message.topic.len - commands.len}, message.payload);
  if (!iot_settings_take(message.payload, apply)) return false;
  iot_settings_keep(message.payload);
  if (!start_polling()) return false;
  go_on();
  return true;
}

IOT_OPERATIONS(IOT_ON("Data", on_data), IOT_ON("Tick", on_tick), IOT_ON("Message", on_message), IOT_ON("Start", on_start))
