// CBOR (RFC 8949), the codec of every iot:* contract. Definite lengths only; maps have text keys.
#ifndef IOT_CBOR_H
#define IOT_CBOR_H

#include "iot_bytes.h"

void iot_cbor_put_map(iot_writer *w, uint32_t pairs);
void iot_cbor_put_array(iot_writer *w, uint32_t items);
void iot_cbor_put_text(iot_writer *w, iot_bytes text);
void iot_cbor_put_blob(iot_writer *w, iot_bytes bytes);
void iot_cbor_put_int(iot_writer *w, int64_t value);
void iot_cbor_put_bool(iot_writer *w, bool value);
void iot_cbor_put_float(iot_writer *w, double value);
void iot_cbor_put_null(iot_writer *w);

/// Number of pairs or items; 0 with a problem set when the next value is no map or array.
uint32_t iot_cbor_map(iot_reader *r);
uint32_t iot_cbor_array(iot_reader *r);
/// `while (iot_cbor_key(&r, &pairs, &key)) …` visits every pair; the body reads or skips exactly one value.
bool iot_cbor_key(iot_reader *r, uint32_t *pairs, iot_bytes *key);
iot_bytes iot_cbor_text(iot_reader *r);
/// A byte string; text is taken too, for peers that do not tell the two apart.
iot_bytes iot_cbor_blob(iot_reader *r);
/// Integers of any width that fit into 64 bits with sign; an integral float counts as one.
int64_t iot_cbor_int(iot_reader *r);
/// true and false; 1 and 0 count too, because levels of a line are written either way.
bool iot_cbor_bool(iot_reader *r);
double iot_cbor_float(iot_reader *r);
/// Steps over null or undefined if that is what comes next.
bool iot_cbor_null(iot_reader *r);
/// Steps over one value of any kind, however deep, without recursion.
void iot_cbor_skip(iot_reader *r);
/// True when everything was read and nothing was wrong.
bool iot_cbor_end(iot_reader *r);

#endif
