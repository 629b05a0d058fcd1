// What is to be read and written: "every=5000 timeout=300 retries=2 flow=1:input:8:s16:1 pump=1:coil:0".
#include "rtu.h"

enum { POINTS_MAX = 128, NAME_MAX = 16, UNITS = 248 };
enum { BIT, U16, S16, U32, S32 };

typedef struct {
  uint8_t name[NAME_MAX];
  uint8_t name_len, unit, function, type, decimals;
  uint16_t address;
  /// What was published last, so that an error is told once; 0 for a value.
  uint8_t told;
  /// To be read in this round; in the request that is under way; never to be read together with others.
  bool due, asked, alone;
} point;

typedef struct {
  int32_t every, timeout, retries;
  uint32_t count;
  point points[POINTS_MAX];
} plan;

static iot_bytes name_of(const point *p) { return (iot_bytes){p->name, p->name_len}; }
/// In registers or coils.
static uint32_t size_of(const point *p) { return p->type >= U32 ? 2 : 1; }

static bool read_kind(iot_bytes text, point *p) {
  p->type = U16;
  if (iot_same(text, IOT_TEXT("holding"))) p->function = READ_HOLDING;
  else if (iot_same(text, IOT_TEXT("input"))) p->function = READ_INPUT;
  else p->type = BIT;
  if (iot_same(text, IOT_TEXT("coil"))) p->function = READ_COILS;
  else if (iot_same(text, IOT_TEXT("discrete"))) p->function = READ_DISCRETE;
  return p->function != 0;
}

static bool read_type(iot_bytes text, point *p) {
  if (p->type == BIT) return false;
  if (iot_same(text, IOT_TEXT("u16"))) p->type = U16;
  else if (iot_same(text, IOT_TEXT("s16"))) p->type = S16;
  else if (iot_same(text, IOT_TEXT("u32"))) p->type = U32;
  else if (iot_same(text, IOT_TEXT("s32"))) p->type = S32;
  else return false;
  return true;
}

/// UNIT:KIND:ADDRESS[:TYPE[:DECIMALS]]
static bool read_place(iot_bytes text, point *p) {
  iot_bytes part, rest;
  int32_t number;
  if (!iot_cut(text, ':', &part, &rest) || !iot_whole(part, 1, 247, &number)) return false;
  p->unit = (uint8_t)number;
  if (!iot_cut(rest, ':', &part, &text) || !read_kind(part, p)) return false;
  bool more = iot_cut(text, ':', &part, &rest);
  if (!iot_whole(more ? part : text, 0, 65535, &number)) return false;
  p->address = (uint16_t)number;
  if (!more) return true;
  more = iot_cut(rest, ':', &part, &text);
  if (!read_type(more ? part : rest, p) || p->address + size_of(p) > 65536) return false;
  if (!more) return true;
  if (!iot_whole(text, 0, 6, &number)) return false;
  p->decimals = (uint8_t)number;
  return true;
}

static bool is_name(iot_bytes text) {
  for (uint32_t i = 0; i < text.len; i++) {
    uint8_t c = text.at[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) return false;
  }
  return text.len > 0 && text.len <= NAME_MAX;
}

/// Null, or what is wrong.
static const char *read_plan(iot_bytes text, plan *made) {
  iot_bytes word, name, value;
  *made = (plan){.every = 5000, .timeout = 300, .retries = 2};
  while (iot_next_word(&text, &word)) {
    if (!iot_cut(word, '=', &name, &value)) return "is not name=value";
    if (iot_same(name, IOT_TEXT("every"))) {
      if (!iot_whole(value, 100, 86400000, &made->every)) return "every= wants 100 to 86400000 milliseconds";
    } else if (iot_same(name, IOT_TEXT("timeout"))) {
      if (!iot_whole(value, 10, 10000, &made->timeout)) return "timeout= wants 10 to 10000 milliseconds";
    } else if (iot_same(name, IOT_TEXT("retries"))) {
      if (!iot_whole(value, 0, 10, &made->retries)) return "retries= wants 0 to 10";
    } else {
      if (made->count == POINTS_MAX) return "names more than 128 points";
      if (!is_name(name)) return "has a name that is not 1 to 16 letters, digits, _ or -";
      for (uint32_t i = 0; i < made->count; i++)
        if (iot_same(name, name_of(&made->points[i]))) return "has a name twice";
      point *p = &made->points[made->count];
      if (!read_place(value, p)) return "has a point that is not UNIT:KIND:ADDRESS[:TYPE[:DECIMALS]]";
      iot_copy(p->name, name.at, name.len);
      p->name_len = (uint8_t)name.len;
      made->count++;
    }
  }
  return 0;
}

/// A coil or registers as a number: number `from` of those that were read together.
static int64_t value_of(const point *p, const uint8_t *data, uint32_t from) {
  if (p->type == BIT) return data[from / 8] >> from % 8 & 1;
  uint32_t bits = take16(data + 2 * from);
  if (p->type >= U32) bits = bits << 16 | take16(data + 2 * from + 2);
  return p->type == S16 ? (int16_t)bits : p->type == S32 ? (int32_t)bits : (int64_t)bits;
}

/// Whether a number that was typed goes into it.
static bool fits(const point *p, int64_t value) {
  switch (p->type) {
    case BIT: return value == 0 || value == 1;
    case U16: return value >= 0 && value <= 65535;
    case S16: return value >= -32768 && value <= 32767;
    case U32: return value >= 0;
    default: return true;
  }
}
