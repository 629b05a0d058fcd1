// For the SDK's own files: what every function of a contract begins with.
#ifndef IOT_CALLS_H
#define IOT_CALLS_H

#include "iot_actor.h"

static inline bool iot_call(iot_bytes contract, iot_bytes operation, const iot_writer *request) {
  return iot_host_call(IOT_TEXT("default"), contract, operation, request);
}
static inline iot_writer iot_cbor_request(uint32_t pairs) {
  iot_writer w = iot_host_request();
  iot_cbor_put_map(&w, pairs);
  return w;
}
static inline void iot_put_text_pair(iot_writer *w, iot_bytes key, iot_bytes value) {
  iot_cbor_put_text(w, key);
  iot_cbor_put_text(w, value);
}
static inline void iot_put_blob_pair(iot_writer *w, iot_bytes key, iot_bytes value) {
  iot_cbor_put_text(w, key);
  iot_cbor_put_blob(w, value);
}
static inline void iot_put_int_pair(iot_writer *w, iot_bytes key, int64_t value) {
  iot_cbor_put_text(w, key);
  iot_cbor_put_int(w, value);
}
static inline void iot_put_bool_pair(iot_writer *w, iot_bytes key, bool value) {
  iot_cbor_put_text(w, key);
  iot_cbor_put_bool(w, value);
}

/// Asks for a reply of one array, `{name: […]}`, and leaves a list at its first item.
bool iot_call_list(iot_bytes contract, iot_bytes operation, iot_bytes name, iot_list *list);

#endif
