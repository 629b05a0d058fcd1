#include "iot_cbor.h"

// Major types and simple values, RFC 8949 section 3.
enum { UNSIGNED, NEGATIVE, BLOB, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE = 20, TRUE = 21, NIL = 22, UNDEFINED = 23, FLOAT16 = 25, FLOAT32 = 26, FLOAT64 = 27 };

static void put_head(iot_writer *w, uint8_t major, uint64_t value) {
  uint8_t first = (uint8_t)(major << 5);
  if (value < 24) iot_put_number(w, (uint8_t)(first | value), 0, 0);
  else if (value <= 0xff) iot_put_number(w, first | 24, value, 1);
  else if (value <= 0xffff) iot_put_number(w, first | 25, value, 2);
  else if (value <= 0xffffffff) iot_put_number(w, first | 26, value, 4);
  else iot_put_number(w, first | 27, value, 8);
}

void iot_cbor_put_map(iot_writer *w, uint32_t pairs) { put_head(w, MAP, pairs); }
void iot_cbor_put_array(iot_writer *w, uint32_t items) { put_head(w, ARRAY, items); }
void iot_cbor_put_text(iot_writer *w, iot_bytes text) {
  put_head(w, TEXT, text.len);
  iot_put(w, text);
}
void iot_cbor_put_blob(iot_writer *w, iot_bytes bytes) {
  put_head(w, BLOB, bytes.len);
  iot_put(w, bytes);
}
void iot_cbor_put_int(iot_writer *w, int64_t value) {
  if (value < 0) put_head(w, NEGATIVE, (uint64_t)~value);
  else put_head(w, UNSIGNED, (uint64_t)value);
}
void iot_cbor_put_bool(iot_writer *w, bool value) { put_head(w, SIMPLE, value ? TRUE : FALSE); }
void iot_cbor_put_null(iot_writer *w) { put_head(w, SIMPLE, NIL); }
void iot_cbor_put_float(iot_writer *w, double value) {
  uint64_t bits;
  __builtin_memcpy(&bits, &value, 8);
  iot_put_number(w, SIMPLE << 5 | FLOAT64, bits, 8);
}

typedef struct {
  uint8_t major, info;
  uint64_t value;
} head;

static head take_head(iot_reader *r) {
  const uint8_t *at = iot_take(r, 1);
  head h = {SIMPLE, NIL, 0};
  if (!at) return h;
  h.major = *at >> 5;
  h.info = *at & 31;
  h.value = h.info;
  if (h.info > 27) iot_reject(r, "has an indefinite length or a reserved CBOR head");
  else if (h.info >= 24) h.value = iot_take_number(r, 1u << (h.info - 24));
  return h;
}

// Tags say nothing that these contracts need: the value below them counts.
static head take_value(iot_reader *r) {
  head h = take_head(r);
  while (h.major == TAG && !r->problem) h = take_head(r);
  return h;
}

// Every item takes at least one byte, so a count beyond what is left is a lie and must not start a loop.
static uint32_t counted(iot_reader *r, uint8_t major, uint32_t bytes_each, const char *problem) {
  head h = take_value(r);
  if (r->problem) return 0;
  if (h.major != major) iot_reject(r, problem);
  else if (h.value > (uint32_t)(r->end - r->at) / bytes_each) iot_reject(r, "ends too early");
  else return (uint32_t)h.value;
  return 0;
}

uint32_t iot_cbor_map(iot_reader *r) { return counted(r, MAP, 2, "is not a map where one is expected"); }
uint32_t iot_cbor_array(iot_reader *r) { return counted(r, ARRAY, 1, "is not an array where one is expected"); }

bool iot_cbor_key(iot_reader *r, uint32_t *pairs, iot_bytes *key) {
  if (*pairs == 0 || r->problem) return false;
  *pairs -= 1;
  *key = iot_cbor_text(r);
  return !r->problem;
}

static iot_bytes string(iot_reader *r, uint8_t low, const char *problem) {
  head h = take_value(r);
  if (r->problem) return IOT_EMPTY;
  if (h.major < low || h.major > TEXT) {
    iot_reject(r, problem);
    return IOT_EMPTY;
  }
  uint32_t len = h.value > UINT32_MAX ? UINT32_MAX : (uint32_t)h.value;
  const uint8_t *at = iot_take(r, len);
  return at ? (iot_bytes){at, len} : IOT_EMPTY;
}

iot_bytes iot_cbor_text(iot_reader *r) { return string(r, TEXT, "is not text where text is expected"); }
iot_bytes iot_cbor_blob(iot_reader *r) { return string(r, BLOB, "is not bytes where bytes are expected"); }

static bool is_float(head h) { return h.major == SIMPLE && h.info >= FLOAT16; }

// The number's bits were consumed with the head: read them again as a float.
static double float_of(iot_reader *r, head h) {
  uint32_t size = 1u << (h.info - 24);
  r->at -= size;
  return iot_take_float(r, size);
}

int64_t iot_cbor_int(iot_reader *r) {
  head h = take_value(r);
  if (r->problem) return 0;
  if (is_float(h)) return iot_integral(r, float_of(r, h));
  if (h.major > NEGATIVE || h.value > INT64_MAX) {
    iot_reject(r, "is not an integer of 64 bits where one is expected");
    return 0;
  }
  return h.major == NEGATIVE ? ~(int64_t)h.value : (int64_t)h.value;
}

bool iot_cbor_bool(iot_reader *r) {
  head h = take_value(r);
  if (r->problem) return false;
  if (h.major == SIMPLE && (h.info == TRUE || h.info == FALSE)) return h.info == TRUE;
  if (h.major == UNSIGNED && h.value <= 1) return h.value == 1;
  iot_reject(r, "is not true or false where one is expected");
  return false;
}

double iot_cbor_float(iot_reader *r) {
  head h = take_value(r);
  if (r->problem) return 0;
  if (is_float(h)) return float_of(r, h);
  if (h.major == UNSIGNED) return (double)h.value;
  if (h.major == NEGATIVE) return -1.0 - (double)h.value;
  iot_reject(r, "is not a number where one is expected");
  return 0;
}

bool iot_cbor_null(iot_reader *r) {
  if (r->at == r->end || (*r->at != (SIMPLE << 5 | NIL) && *r->at != (SIMPLE << 5 | UNDEFINED))) return false;
  r->at++;
  return true;
}

void iot_cbor_skip(iot_reader *r) {
  for (uint32_t left = 1; left > 0 && !r->problem; left--) {
    head h = take_value(r);
    uint32_t room = (uint32_t)(r->end - r->at);
    if (h.major == BLOB || h.major == TEXT) iot_take(r, h.value > room ? UINT32_MAX : (uint32_t)h.value);
    if (h.major != ARRAY && h.major != MAP) continue;
    uint64_t items = h.value > room ? UINT32_MAX : h.major == MAP ? h.value * 2 : h.value;
    if (items + left - 1 > room) iot_reject(r, "ends too early");
    else left += (uint32_t)items;
  }
}

bool iot_cbor_end(iot_reader *r) {
  if (r->at != r->end) iot_reject(r, "has bytes after its end");
  return !r->problem;
}
