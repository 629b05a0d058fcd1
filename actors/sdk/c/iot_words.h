// Texts that people type and read: "setpoint=21.5 hysteresis=0.5", decimals without floats, JSON strings, hex.
#ifndef IOT_WORDS_H
#define IOT_WORDS_H

#include "iot_bytes.h"

/// `while (iot_next_word(&text, &word)) …`: words between spaces, commas and line ends.
bool iot_next_word(iot_bytes *text, iot_bytes *word);
/// Cuts "name=value" in two. False when there is no "=" or nothing before it.
bool iot_cut(iot_bytes word, uint8_t at, iot_bytes *before, iot_bytes *after);

/// "-21.5" with 3 decimals is -21500. Further decimals are cut off. False for what is no number or too large.
bool iot_fixed(iot_bytes text, uint32_t decimals, int32_t *value);
/// -21500 with 3 decimals is "-21.5"; zeros at the end are left out.
void iot_put_fixed(iot_writer *w, int32_t value, uint32_t decimals);
/// A whole number within bounds, in decimal digits.
bool iot_whole(iot_bytes text, int32_t low, int32_t high, int32_t *value);

void iot_put_hex(iot_writer *w, iot_bytes bytes);
/// A JSON string with its quotes. A byte that is not UTF-8 becomes U+FFFD, so that what comes out is always JSON.
void iot_put_json(iot_writer *w, iot_bytes text);

#endif
