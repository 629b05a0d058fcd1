// Polls Modbus RTU devices on a serial port and publishes what it reads; writes what it is told to.
#include "bus.h"

enum { WRITES_MAX = 8, TOLD_VALUE = 0, TOLD_CLOSED = 253, TOLD_TIMEOUT = 254, TOLD_ODD = 255 };
/// An error is told again after so long: the first time nobody may have heard it.
enum { AGAIN_MS = 600000 };

static plan now;
static uint8_t port_name[64];
static iot_bytes port;
static int64_t since_told;
/// Whose turn it is: nobody waits for ever behind one that is always in time for the next round.
static uint32_t turn;

typedef struct {
  uint8_t index;
  int32_t value;
} write;
/// The first one is under way while `request.writing`.
static write writes[WRITES_MAX];
static uint32_t writes_waiting;

#define EACH_POINT(p) for (point *p = now.points; p < now.points + now.count; p++)

static iot_bytes timer_id(void) {
  // A tick may be on its way already when its timer is cancelled: it must not be taken for the next one's.
  static uint8_t id[6] = {'r', 'e', 'p', 'l', 'y', '0'};
  id[5] = (uint8_t)('0' + request.serial % 8);
  return (iot_bytes){id, sizeof id};
}

ONCE void publish(const point *p, iot_bytes json) {
  uint8_t text[40];
  iot_writer topic = iot_writer_on(text, sizeof text);
  iot_put(&topic, IOT_TEXT("home/modbus/"));
  iot_put(&topic, name_of(p));
  // Nobody hears it while the broker is away; the next round says it again.
  iot_mqtt_publish(iot_written(&topic), json, 0, true);
}

static iot_bytes error_text(uint8_t code) {
  switch (code) {
    case TOLD_CLOSED: return IOT_TEXT("port is not open");
    case TOLD_TIMEOUT: return IOT_TEXT("no answer");
    case TOLD_ODD: return IOT_TEXT("answer of another size");
    default: return exception_text(code);
  }
}

/// An error is told once; it is over with the next value.
ONCE void tell_error(point *p, uint8_t code) {
  if (p->told == code) return;
  p->told = code;
  uint8_t text[96];
  iot_writer w = iot_writer_on(text, sizeof text);
  iot_put(&w, IOT_TEXT("{\"error\":\""));
  iot_put(&w, error_text(code));
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

static void port_is_lost(void) {
  if (request.busy) iot_timer_cancel(timer_id());
  request.busy = false;
  writes_waiting = 0;
  EACH_POINT(p) {
    p->due = p->asked = false;
    tell_error(p, TOLD_CLOSED);
  }
}

ONCE void ask(void) {
  have = 0;
  request.serial++;
  if (!iot_serial_write(port, (iot_bytes){request.bytes, request.len})) port_is_lost();
  else if (!iot_timer_after(timer_id(), patience(now.timeout))) iot_log(IOT_TEXT("modbus-gateway: no timer for the answer"));
}

static iot_writer begin(const point *p, uint8_t function, uint32_t start, uint32_t count) {
  request.busy = true;
  request.repeated = false;
  request.unit = p->unit;
  request.function = function;
  request.start = start;
  request.count = count;
  request.tries = now.retries;
  iot_writer w = iot_writer_on(request.bytes, sizeof request.bytes);
  uint8_t head[2] = {p->unit, function};
  iot_put(&w, (iot_bytes){head, 2});
  put16(&w, start);
  return w;
}

static void send(iot_writer *w) {
  close_frame(w);
  request.len = iot_written(w).len;
  ask();
}

static void begin_write(const point *p, int32_t value) {
  uint8_t function = p->type == BIT ? WRITE_COIL : p->type >= U32 ? WRITE_REGISTERS : WRITE_REGISTER;
  iot_writer w = begin(p, function, p->address, size_of(p));
  request.writing = true;
  if (function == WRITE_COIL) put16(&w, value ? 0xff00 : 0);
  else if (function == WRITE_REGISTER) put16(&w, (uint32_t)value & 0xffff);
  else {
    put16(&w, 2);
    iot_put(&w, IOT_TEXT("\4"));
    put16(&w, (uint32_t)value >> 16);
    put16(&w, (uint32_t)value & 0xffff);
  }
  send(&w);
}

static bool goes_along(const point *p, const point *first) {
  return p->due && !p->alone && !first->alone && p->unit == first->unit && p->function == first->function;
}

/// Reads a point, and with it those that are due right before and after it.
static void begin_read(point *first) {
  uint32_t start = first->address, end = start + size_of(first), most = first->type == BIT ? COILS_MAX : REGISTERS_MAX;
  first->due = false;
  first->asked = true;
  for (bool more = true; more;) {
    more = false;
    EACH_POINT(p) {
      uint32_t from = p->address, to = from + size_of(p);
      if (!goes_along(p, first) || from > end || to < start) continue;
      if (from > start) from = start;
      if (to < end) to = end;
      if (to - from > most) continue;
      start = from;
      end = to;
      p->due = false;
      p->asked = more = true;
    }
  }
  iot_writer w = begin(first, first->function, start, end - start);
  request.writing = false;
  put16(&w, request.count);
  send(&w);
}

/// What is to be written goes before what is to be read; who does not answer may be told all the same.
ONCE void go_on(void) {
  if (request.busy || port.len == 0) return;
  int64_t ms = clock_ms();
  const point *target = &now.points[writes[0].index];
  if (writes_waiting > 0 && (units[target->unit].failures > 0 || !is_left_alone(target->unit, ms)))
    return begin_write(target, writes[0].value);
  for (uint32_t n = 0; n < now.count; n++) {
    uint32_t at = (turn + n) % now.count;
    point *p = &now.points[at];
    if (!p->due || is_left_alone(p->unit, ms)) continue;
    turn = at + 1;
    return begin_read(p);
  }
}

static void done(void) {
  request.busy = false;
  if (request.writing && writes_waiting > 0) {
    writes_waiting--;
    for (uint32_t i = 0; i < writes_waiting; i++) writes[i] = writes[i + 1];
  }
  go_on();
}

static void begin_round(void) {
  EACH_POINT(p) p->due = true;
  go_on();
}

/// All that is wanted of a unit that does not answer.
static void nobody_answers(void) {
  has_failed(request.unit);
  if (request.writing) tell_error(&now.points[writes[0].index], TOLD_TIMEOUT);
  EACH_POINT(p) {
    if (p->unit != request.unit || !(p->due || p->asked)) continue;
    p->due = p->asked = false;
    tell_error(p, TOLD_TIMEOUT);
  }
  done();
}

/// `code`: 0 for good, or what is wrong. Some devices do not give together what lies side by side.
static void was_read(uint8_t code, const uint8_t *data) {
  uint32_t together = 0;
  EACH_POINT(p) together += p->asked;
  bool apart = together > 1 && (code == ILLEGAL_ADDRESS || code == ILLEGAL_VALUE || code == TOLD_ODD);
  EACH_POINT(p) {
    if (!p->asked) continue;
    p->asked = false;
    if (apart) p->alone = p->due = true;
    else if (code) tell_error(p, code);
    else tell_value(p, value_of(p, data, p->address - request.start));
  }
}

static void was_written(uint8_t code) {
  point *p = &now.points[writes[0].index];
  // What the device made of it is read back.
  if (code) tell_error(p, code);
  else p->due = true;
}

static const char *apply(iot_bytes text) {
  static plan made;
  const char *wrong = read_plan(text, &made);
  if (wrong) return wrong;
  if (request.busy) {
    iot_timer_cancel(timer_id());
    leave_alone(request.unit, 2 * now.timeout);
  }
  now = made;
  request.busy = false;
  writes_waiting = turn = 0;
  EACH_POINT(p) p->due = true;
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
  if (iot_same(tick.id, IOT_TEXT("wake"))) {
    go_on();
  } else if (iot_same(tick.id, IOT_TEXT("poll"))) {
    since_told += now.every;
    bool again = since_told >= AGAIN_MS;
    if (again) since_told = 0;
    EACH_POINT(p) if (again) p->told = TOLD_VALUE;
    // A round that takes longer than it may goes on; none is begun beside it.
    if (!request.busy) begin_round();
  } else if (request.busy && iot_same(tick.id, timer_id())) {
    if (request.tries-- > 0) {
      request.repeated = true;
      ask();
    } else {
      nobody_answers();
    }
  }
  return true;
}

static bool on_data(iot_bytes payload) {
  iot_data data;
  iot_bytes answer;
  if (!iot_read_data(payload, &data)) return false;
  if (!iot_same(data.port, port)) return true;
  // Noise, half frames and what somebody else says: the time for the answer runs on.
  if (!request.busy || !collect(data.data, &answer)) {
    stray(data.data, now.timeout);
    return true;
  }
  bool failed = answer.at[1] & 0x80;
  // What is written comes back as it was sent: address, and value or count.
  if (request.writing && !failed && !iot_same((iot_bytes){answer.at, 6}, (iot_bytes){request.bytes, 6})) return true;
  iot_timer_cancel(timer_id());
  has_answered(request.unit, now.timeout);
  uint8_t code = !failed ? 0 : answer.at[2] > 0 && answer.at[2] <= LAST_EXCEPTION ? answer.at[2] : UNKNOWN_EXCEPTION;
  if (request.writing) was_written(code);
  else was_read(failed || answer.at[2] == data_bytes() ? code : TOLD_ODD, answer.at + 3);
  done();
  return true;
}

static bool on_opened(iot_bytes payload) {
  iot_port_event event;
  if (!iot_read_opened(payload, &event)) return false;
  if (iot_same(event.port, port) && !request.busy) begin_round();
  return true;
}

static bool on_closed(iot_bytes payload) {
  iot_port_event event;
  if (!iot_read_closed(payload, &event)) return false;
  if (iot_same(event.port, port)) port_is_lost();
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

IOT_OPERATIONS(IOT_ON("Data", on_data), IOT_ON("Tick", on_tick), IOT_ON("Opened", on_opened), IOT_ON("Closed", on_closed),
               IOT_ON("Message", on_message), IOT_ON("Start", on_start))
