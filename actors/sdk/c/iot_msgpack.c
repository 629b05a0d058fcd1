#include "iot_msgpack.h"

void iot_mp_put_map(iot_writer *w, uint32_t pairs) {
  if (pairs < 16) iot_put_number(w, (uint8_t)(0x80 | pairs), 0, 0);
  else if (pairs <= 0xffff) iot_put_number(w, 0xde, pairs, 2);
  else iot_put_number(w, 0xdf, pairs, 4);
}

void iot_mp_put_text(iot_writer *w, iot_bytes text) {
  if (text.len < 32) iot_put_number(w, (uint8_t)(0xa0 | text.len), 0, 0);
  else if (text.len <= 0xff) iot_put_number(w, 0xd9, text.len, 1);
  else if (text.len <= 0xffff) iot_put_number(w, 0xda, text.len, 2);
  else iot_put_number(w, 0xdb, text.len, 4);
  iot_put(w, text);
}

void iot_mp_put_blob(iot_writer *w, iot_bytes bytes) {
  if (bytes.len <= 0xff) iot_put_number(w, 0xc4, bytes.len, 1);
  else if (bytes.len <= 0xffff) iot_put_number(w, 0xc5, bytes.len, 2);
  else iot_put_number(w, 0xc6, bytes.len, 4);
  iot_put(w, bytes);
}

void iot_mp_put_int(iot_writer *w, int64_t value) {
  if (value >= -32 && value < 128) iot_put_number(w, (uint8_t)value, 0, 0);
  else if (value >= INT8_MIN && value <= INT8_MAX) iot_put_number(w, 0xd0, (uint64_t)value, 1);
  else if (value >= INT16_MIN && value <= INT16_MAX) iot_put_number(w, 0xd1, (uint64_t)value, 2);
  else if (value >= INT32_MIN && value <= INT32_MAX) iot_put_number(w, 0xd2, (uint64_t)value, 4);
  else iot_put_number(w, 0xd3, (uint64_t)value, 8);
}

void iot_mp_put_bool(iot_writer *w, bool value) { iot_put_number(w, value ? 0xc3 : 0xc2, 0, 0); }
void iot_mp_put_nil(iot_writer *w) { iot_put_number(w, 0xc0, 0, 0); }

static uint8_t take_byte(iot_reader *r) {
  const uint8_t *at = iot_take(r, 1);
  return at ? *at : 0xc1;
}

uint32_t iot_mp_map(iot_reader *r) {
  uint8_t head = take_byte(r);
  uint64_t pairs = 0;
  if (r->problem) return 0;
  if (head >> 4 == 8) pairs = head & 15;
  else if (head == 0xde || head == 0xdf) pairs = iot_take_number(r, head == 0xde ? 2 : 4);
  else iot_reject(r, "is not a map where one is expected");
  if (pairs * 2 > (uint32_t)(r->end - r->at)) iot_reject(r, "ends too early");
  return r->problem ? 0 : (uint32_t)pairs;
}

bool iot_mp_key(iot_reader *r, uint32_t *pairs, iot_bytes *key) {
  if (*pairs == 0 || r->problem) return false;
  *pairs -= 1;
  *key = iot_mp_text(r);
  return !r->problem;
}

iot_bytes iot_mp_text(iot_reader *r) {
  uint8_t head = take_byte(r);
  uint32_t len = 0;
  if (r->problem) return IOT_EMPTY;
  if (head >> 5 == 5) len = head & 31;
  else if (head >= 0xd9 && head <= 0xdb) len = (uint32_t)iot_take_number(r, 1u << (head - 0xd9));
  else if (head >= 0xc4 && head <= 0xc6) len = (uint32_t)iot_take_number(r, 1u << (head - 0xc4));
  else iot_reject(r, "is not text where text is expected");
  const uint8_t *at = iot_take(r, len);
  return at ? (iot_bytes){at, len} : IOT_EMPTY;
}

// Sign-extends a number of `size` bytes.
static int64_t widened(uint64_t value, uint32_t size) {
  uint32_t shift = 64 - size * 8;
  return (int64_t)(value << shift) >> shift;
}

int64_t iot_mp_int(iot_reader *r) {
  uint8_t head = take_byte(r);
  if (r->problem) return 0;
  if (head < 0x80 || head >= 0xe0) return (int8_t)head;
  if (head == 0xca || head == 0xcb) return iot_integral(r, iot_take_float(r, head == 0xca ? 4 : 8));
  uint32_t size = 1u << (head & 3);
  if (head >= 0xd0 && head <= 0xd3) return widened(iot_take_number(r, size), size);
  if (head >= 0xcc && head <= 0xcf) {
    uint64_t value = iot_take_number(r, size);
    if (value <= INT64_MAX) return (int64_t)value;
  }
  iot_reject(r, "is not an integer of 64 bits where one is expected");
  return 0;
}

bool iot_mp_bool(iot_reader *r) {
  uint8_t head = take_byte(r);
  if (!r->problem && head != 0xc2 && head != 0xc3) iot_reject(r, "is not true or false where one is expected");
  return !r->problem && head == 0xc3;
}

bool iot_mp_nil(iot_reader *r) {
  if (r->at == r->end || *r->at != 0xc0) return false;
  r->at++;
  return true;
}

// What follows a head from 0xc0 to 0xdf: bytes of fixed data, then bytes of a length, then what the length counts.
enum { NONE, BYTES, ITEMS, PAIRS };
typedef struct {
  uint8_t fixed, length, counts;
} shape;
static const shape SHAPES[32] = {
    {0, 0, NONE},  {0, 0, NONE},  {0, 0, NONE},  {0, 0, NONE},  {0, 1, BYTES}, {0, 2, BYTES}, {0, 4, BYTES}, {1, 1, BYTES},
    {1, 2, BYTES}, {1, 4, BYTES}, {4, 0, NONE},  {8, 0, NONE},  {1, 0, NONE},  {2, 0, NONE},  {4, 0, NONE},  {8, 0, NONE},
    {1, 0, NONE},  {2, 0, NONE},  {4, 0, NONE},  {8, 0, NONE},  {2, 0, NONE},  {3, 0, NONE},  {5, 0, NONE},  {9, 0, NONE},
    {17, 0, NONE}, {0, 1, BYTES}, {0, 2, BYTES}, {0, 4, BYTES}, {0, 2, ITEMS}, {0, 4, ITEMS}, {0, 2, PAIRS}, {0, 4, PAIRS},
};

void iot_mp_skip(iot_reader *r) {
  for (uint32_t left = 1; left > 0 && !r->problem; left--) {
    uint8_t head = take_byte(r), counts = NONE;
    uint64_t count = 0, fixed = 0;
    if (r->problem) return;
    if (head >= 0x80 && head < 0x90) counts = PAIRS, count = head & 15;
    else if (head >= 0x90 && head < 0xa0) counts = ITEMS, count = head & 15;
    else if (head >= 0xa0 && head < 0xc0) counts = BYTES, count = head & 31;
    else if (head == 0xc1) iot_reject(r, "has a MessagePack head that does not exist");
    else if (head >= 0xc0 && head < 0xe0) {
      shape s = SHAPES[head - 0xc0];
      counts = s.counts;
      fixed = s.fixed;
      if (s.length > 0) count = iot_take_number(r, s.length);
    }
    uint64_t bytes = fixed + (counts == BYTES ? count : 0);
    uint64_t items = counts == PAIRS ? count * 2 : counts == ITEMS ? count : 0;
    uint32_t room = (uint32_t)(r->end - r->at);
    if (bytes > room || items + left - 1 > room) iot_reject(r, "ends too early");
    else iot_take(r, (uint32_t)bytes), left += (uint32_t)items;
  }
}
