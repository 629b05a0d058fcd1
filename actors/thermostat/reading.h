// Temperatures in thousandths of a degree Celsius, from a line of text or from what a Bluetooth sensor advertises.
#include "iot_actor.h"

enum { COLDEST = -55000, HOTTEST = 125000 };  // what common sensors can say; anything else is a fault

static bool plausible(int64_t value, int32_t *milli) {
  if (value < COLDEST || value > HOTTEST) return false;
  *milli = (int32_t)value;
  return true;
}

static iot_bytes without_unit(iot_bytes word) {
  if (word.len > 1 && (word.at[word.len - 1] | 32) == 'c') word.len--;
  if (word.len > 2 && word.at[word.len - 2] == 0xc2 && word.at[word.len - 1] == 0xb0) word.len -= 2;  // a degree sign
  return word;
}

/// "21.5", "T=21.5 H=40", "temp: 21.5 °C": the first number after no word, or after one that begins with a T. What comes
/// after any other word ("H=40", "ERROR 3") is something else.
static bool read_line(iot_bytes line, int32_t *milli) {
  iot_bytes word, name, value;
  int32_t number;
  bool other = false;
  while (iot_next_word(&line, &word)) {
    bool named = iot_cut(word, '=', &name, &value) || iot_cut(word, ':', &name, &value);
    bool is_number = iot_fixed(without_unit(named ? value : word), 3, &number);
    if (named || !is_number) other = (word.at[0] | 32) != 't';
    if (is_number && !other) return plausible(number, milli);
  }
  return false;
}

static int32_t little16(const uint8_t *at) { return (int16_t)(at[0] | at[1] << 8); }

/// BTHome v2, unencrypted: https://bthome.io/format. Objects come in rising order; an unknown one ends the reading.
static bool read_bthome(iot_bytes data, int32_t *milli) {
  if (data.len == 0 || (data.at[0] & 1) || data.at[0] >> 5 != 2) return false;
  for (uint32_t i = 1; i + 1 < data.len;) {
    uint8_t id = data.at[i++];
    if (id == 0x02 || id == 0x45) return i + 2 <= data.len && plausible(little16(data.at + i) * (id == 0x02 ? 10 : 100), milli);
    if (id <= 0x01 || id == 0x2e) i += 1;
    else if (id == 0x03 || id == 0x0c) i += 2;
    else return false;
  }
  return false;
}

static bool read_service_data(iot_bytes uuid, iot_bytes data, int32_t *milli) {
  if (iot_same(uuid, IOT_TEXT("fcd2"))) return read_bthome(data, milli);
  // The characteristic Temperature of the Bluetooth SIG, in hundredths.
  if (iot_same(uuid, IOT_TEXT("2a6e"))) return data.len == 2 && plausible(little16(data.at) * 10, milli);
  if (!iot_same(uuid, IOT_TEXT("181a"))) return false;
  // Two firmwares for Xiaomi's LYWSD03MMC: 13 bytes with tenths, high byte first, or 15 with hundredths, low byte first.
  if (data.len == 13) return plausible((int16_t)(data.at[6] << 8 | data.at[7]) * 100, milli);
  return data.len == 15 && plausible(little16(data.at + 6) * 10, milli);
}
