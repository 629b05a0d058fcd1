// Modbus RTU: frames and their checksum (Modbus over serial line V1.02; Modbus application protocol V1.1b3).
#include "iot_actor.h"

enum { READ_COILS = 1, READ_DISCRETE, READ_HOLDING, READ_INPUT, WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS = 16 };
enum { FRAME_MAX = 256 };
/// Exceptions that a device may owe to how it was asked.
enum { ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };
enum { LAST_EXCEPTION = 11, UNKNOWN_EXCEPTION = 12 };

static uint32_t crc16(const uint8_t *at, uint32_t len) {
  uint32_t crc = 0xffff;
  for (uint32_t i = 0; i < len; i++) {
    crc ^= at[i];
    for (uint32_t bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}

static void put16(iot_writer *w, uint32_t value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  iot_put(w, (iot_bytes){bytes, 2});
}

static uint32_t take16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

/// A whole frame: no half one, none with noise in it.
static bool frame_is_good(iot_bytes frame) {
  if (frame.len < 5 || frame.len > FRAME_MAX) return false;
  uint32_t body = frame.len - 2;
  uint32_t sent = (uint32_t)frame.at[body + 1] << 8 | frame.at[body];
  return crc16(frame.at, body) == sent;
}

static void close_frame(iot_writer *w) {
  uint32_t crc = crc16(w->start, (uint32_t)(w->at - w->start));
  uint8_t bytes[2] = {(uint8_t)crc, (uint8_t)(crc >> 8)};
  iot_put(w, (iot_bytes){bytes, 2});
}

static iot_bytes exception_text(uint32_t code) {
  switch (code) {
    case 1: return IOT_TEXT("illegal function");
    case 2: return IOT_TEXT("illegal data address");
    case 3: return IOT_TEXT("illegal data value");
    case 4: return IOT_TEXT("device failure");
    case 5: return IOT_TEXT("acknowledged, not done yet");
    case 6: return IOT_TEXT("device busy");
    case 10: return IOT_TEXT("gateway path unavailable");
    case 11: return IOT_TEXT("gateway target does not respond");
    default: return IOT_TEXT("unknown exception");
  }
}
