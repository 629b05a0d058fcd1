// MessagePack, the codec of every wascc:* contract: the part that keyvalue and logging need.
#ifndef IOT_MSGPACK_H
#define IOT_MSGPACK_H

#include "iot_bytes.h"

void iot_mp_put_map(iot_writer *w, uint32_t pairs);
void iot_mp_put_text(iot_writer *w, iot_bytes text);
void iot_mp_put_blob(iot_writer *w, iot_bytes bytes);
void iot_mp_put_int(iot_writer *w, int64_t value);
void iot_mp_put_bool(iot_writer *w, bool value);
void iot_mp_put_nil(iot_writer *w);

uint32_t iot_mp_map(iot_reader *r);
/// As `iot_cbor_key`: the body reads or skips exactly one value.
bool iot_mp_key(iot_reader *r, uint32_t *pairs, iot_bytes *key);
/// Text or bytes: the older generation of the codec does not tell them apart.
iot_bytes iot_mp_text(iot_reader *r);
int64_t iot_mp_int(iot_reader *r);
bool iot_mp_bool(iot_reader *r);
/// Steps over nil if that is what comes next.
bool iot_mp_nil(iot_reader *r);
void iot_mp_skip(iot_reader *r);
/// True when nothing was wrong. Bytes after the value are allowed: published modules write some.
static inline bool iot_mp_end(const iot_reader *r) { return !r->problem; }

#endif
