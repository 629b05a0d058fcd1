// Views, writers and readers over memory that exists already: nothing in this SDK allocates.
#ifndef IOT_BYTES_H
#define IOT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/// A view of `len` bytes. It owns nothing: what it points at must outlive it.
typedef struct {
  const uint8_t *at;
  uint32_t len;
} iot_bytes;

/// A string literal as a view, without its closing zero.
#define IOT_TEXT(literal) ((iot_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define IOT_EMPTY ((iot_bytes){0, 0})

/// Fills a fixed buffer from the front. What does not fit is left out whole and `overflow` stays set.
typedef struct {
  uint8_t *start, *at, *end;
  bool overflow;
} iot_writer;

/// Reads a buffer from the front. After the first `problem` (a lower-case phrase) every read gives zero or empty.
typedef struct {
  const uint8_t *at, *end;
  const char *problem;
} iot_reader;

bool iot_same(iot_bytes a, iot_bytes b);
void iot_copy(uint8_t *to, const uint8_t *from, uint32_t len);

/// Reads an optional minus sign and 1 to 18 digits, nothing else. False when the text is anything but that.
bool iot_decimal(iot_bytes text, int64_t *value);

static inline iot_writer iot_writer_on(uint8_t *buffer, uint32_t size) {
  return (iot_writer){buffer, buffer, buffer + size, false};
}
static inline iot_bytes iot_written(const iot_writer *w) {
  return (iot_bytes){w->start, (uint32_t)(w->at - w->start)};
}
/// Room for `len` more bytes, or null with `overflow` set.
uint8_t *iot_room(iot_writer *w, uint32_t len);
void iot_put(iot_writer *w, iot_bytes bytes);
void iot_put_decimal(iot_writer *w, int64_t value);

static inline iot_reader iot_reader_on(iot_bytes bytes) {
  return (iot_reader){bytes.at, bytes.at + bytes.len, 0};
}
/// The next `len` bytes, or null with `problem` set to "ends too early".
const uint8_t *iot_take(iot_reader *r, uint32_t len);
/// Remembers the first problem and stops all further reading.
void iot_reject(iot_reader *r, const char *problem);

/// Big-endian numbers of `size` 1, 2, 4 or 8 bytes, as CBOR and MessagePack have them.
uint64_t iot_take_number(iot_reader *r, uint32_t size);
void iot_put_number(iot_writer *w, uint8_t head, uint64_t value, uint32_t size);
/// An integral float as an integer, so that a peer may write 1.7e12 as a float. Rejects anything else.
int64_t iot_integral(iot_reader *r, double value);
double iot_take_float(iot_reader *r, uint32_t size);

#endif
