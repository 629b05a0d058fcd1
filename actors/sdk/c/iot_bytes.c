#include "iot_bytes.h"

bool iot_same(iot_bytes a, iot_bytes b) {
  if (a.len != b.len) return false;
  for (uint32_t i = 0; i < a.len; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}

// Eight bytes a turn: an interpreter pays for turns, not for bytes, and Wasm allows unaligned access.
void iot_copy(uint8_t *to, const uint8_t *from, uint32_t len) {
  for (; len >= 8; len -= 8, to += 8, from += 8) {
    uint64_t word;
    __builtin_memcpy(&word, from, 8);
    __builtin_memcpy(to, &word, 8);
  }
  while (len-- > 0) *to++ = *from++;
}

bool iot_decimal(iot_bytes text, int64_t *value) {
  bool minus = text.len > 0 && text.at[0] == '-';
  uint32_t i = minus ? 1 : 0;
  if (text.len == i || text.len - i > 18) return false;
  int64_t sum = 0;
  for (; i < text.len; i++) {
    uint8_t digit = (uint8_t)(text.at[i] - '0');
    if (digit > 9) return false;
    sum = sum * 10 + digit;
  }
  *value = minus ? -sum : sum;
  return true;
}

uint8_t *iot_room(iot_writer *w, uint32_t len) {
  if (w->overflow || len > (uint32_t)(w->end - w->at)) {
    w->overflow = true;
    return 0;
  }
  uint8_t *room = w->at;
  w->at += len;
  return room;
}

void iot_put(iot_writer *w, iot_bytes bytes) {
  uint8_t *room = iot_room(w, bytes.len);
  if (room) iot_copy(room, bytes.at, bytes.len);
}

void iot_put_decimal(iot_writer *w, int64_t value) {
  uint8_t text[20];
  uint32_t from = sizeof text;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    text[--from] = (uint8_t)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) text[--from] = '-';
  iot_put(w, (iot_bytes){text + from, (uint32_t)sizeof text - from});
}

void iot_reject(iot_reader *r, const char *problem) {
  if (!r->problem) r->problem = problem;
  r->at = r->end;
}

const uint8_t *iot_take(iot_reader *r, uint32_t len) {
  if (r->problem) return 0;
  if (len > (uint32_t)(r->end - r->at)) {
    iot_reject(r, "ends too early");
    return 0;
  }
  const uint8_t *at = r->at;
  r->at += len;
  return at;
}

uint64_t iot_take_number(iot_reader *r, uint32_t size) {
  const uint8_t *at = iot_take(r, size);
  uint64_t value = 0;
  for (uint32_t i = 0; at && i < size; i++) value = value << 8 | at[i];
  return value;
}

void iot_put_number(iot_writer *w, uint8_t head, uint64_t value, uint32_t size) {
  uint8_t *room = iot_room(w, 1 + size);
  if (!room) return;
  room[0] = head;
  for (uint32_t i = size; i > 0; i--, value >>= 8) room[i] = (uint8_t)value;
}

int64_t iot_integral(iot_reader *r, double value) {
  // 2^63 itself does not fit; a conversion out of range would trap.
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0) {
    int64_t whole = (int64_t)value;
    if ((double)whole == value) return whole;
  }
  iot_reject(r, "has a fraction or is too large where an integer is expected");
  return 0;
}

// RFC 8949 appendix D explains the half-precision form.
static double half(uint32_t bits) {
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double value = exponent == 0 ? mantissa / 16777216.0 : (mantissa + 1024) / 33554432.0 * (double)(1u << exponent);
  if (exponent == 31) value = mantissa ? __builtin_nan("") : __builtin_inf();
  return bits & 0x8000 ? -value : value;
}

double iot_take_float(iot_reader *r, uint32_t size) {
  uint64_t bits = iot_take_number(r, size);
  if (size == 2) return half((uint32_t)bits);
  if (size == 4) {
    uint32_t narrow = (uint32_t)bits;
    float value;
    __builtin_memcpy(&value, &narrow, 4);
    return value;
  }
  double value;
  __builtin_memcpy(&value, &bits, 8);
  return value;
}
