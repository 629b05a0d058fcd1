#include "iot_words.h"

static bool is_space(uint8_t c) { return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t'; }

bool iot_next_word(iot_bytes *text, iot_bytes *word) {
  while (text->len > 0 && is_space(text->at[0])) text->at++, text->len--;
  *word = (iot_bytes){text->at, 0};
  while (text->len > 0 && !is_space(text->at[0])) text->at++, text->len--, word->len++;
  return word->len > 0;
}

bool iot_cut(iot_bytes word, uint8_t at, iot_bytes *before, iot_bytes *after) {
  uint32_t i = 0;
  while (i < word.len && word.at[i] != at) i++;
  if (i == 0 || i == word.len) return false;
  *before = (iot_bytes){word.at, i};
  *after = (iot_bytes){word.at + i + 1, word.len - i - 1};
  return true;
}

bool iot_fixed(iot_bytes text, uint32_t decimals, int32_t *value) {
  bool minus = text.len > 0 && text.at[0] == '-';
  uint32_t i = minus || (text.len > 0 && text.at[0] == '+') ? 1 : 0, digits = 0, after = 0;
  bool point = false;
  int64_t sum = 0;
  for (; i < text.len; i++) {
    uint8_t c = text.at[i];
    if (c == '.' && !point && digits > 0) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    if (point && ++after > decimals) continue;
    digits++;
    sum = sum * 10 + (c - '0');
    if (sum > INT32_MAX) return false;
  }
  if (digits == 0 || (point && after == 0)) return false;
  for (uint32_t have = after < decimals ? after : decimals; have < decimals; have++) sum *= 10;
  if (sum > INT32_MAX) return false;
  *value = (int32_t)(minus ? -sum : sum);
  return true;
}

void iot_put_fixed(iot_writer *w, int32_t value, uint32_t decimals) {
  uint32_t scale = 1, rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
  for (uint32_t i = 0; i < decimals; i++) scale *= 10;
  if (value < 0) iot_put(w, IOT_TEXT("-"));
  iot_put_decimal(w, rest / scale);
  rest %= scale;
  if (rest > 0) iot_put(w, IOT_TEXT("."));
  for (scale /= 10; rest > 0; scale /= 10) {
    iot_put_decimal(w, rest / scale);
    rest %= scale;
  }
}

bool iot_whole(iot_bytes text, int32_t low, int32_t high, int32_t *value) {
  int64_t number;
  if (!iot_decimal(text, &number) || number < low || number > high) return false;
  *value = (int32_t)number;
  return true;
}

static uint8_t hex_digit(uint32_t value) { return (uint8_t)(value < 10 ? '0' + value : 'a' + value - 10); }

void iot_put_hex(iot_writer *w, iot_bytes bytes) {
  uint8_t *room = iot_room(w, bytes.len * 2);
  for (uint32_t i = 0; room && i < bytes.len; i++) {
    room[2 * i] = hex_digit(bytes.at[i] >> 4);
    room[2 * i + 1] = hex_digit(bytes.at[i] & 15);
  }
}

/// Bytes of the character at the front of `text`, by Unicode's table of well-formed UTF-8; 0 for what is none.
static uint32_t character_len(iot_bytes text) {
  uint8_t first = text.at[0];
  uint32_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (len > text.len) return 0;
  for (uint32_t i = 1; i < len; i++)
    if ((text.at[i] & 0xc0) != 0x80) return 0;
  if (len < 3) return len;
  // What is written longer than it has to be, halves of surrogate pairs, and what is beyond the last plane.
  uint8_t second = text.at[1];
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return len;
}

void iot_put_json(iot_writer *w, iot_bytes text) {
  iot_put(w, IOT_TEXT("\""));
  for (uint32_t i = 0, len; i < text.len; i += len > 0 ? len : 1) {
    len = character_len((iot_bytes){text.at + i, text.len - i});
    iot_bytes one = {text.at + i, len};
    if (len == 0) {
      iot_put(w, IOT_TEXT("\\ufffd"));
      continue;
    }
    if (*one.at == '"' || *one.at == '\\') iot_put(w, IOT_TEXT("\\"));
    if (*one.at < ' ') {
      iot_put(w, IOT_TEXT("\\u00"));
      iot_put_hex(w, one);
    } else {
      iot_put(w, one);
    }
  }
  iot_put(w, IOT_TEXT("\""));
}
