// Counts the visits of every path of a web server, and answers with the new number.
#include "iot_actor.h"

static bool read_path(iot_bytes payload, iot_bytes *path) {
  iot_reader r = iot_reader_on(payload);
  uint32_t pairs = iot_mp_map(&r);
  iot_bytes key;
  *path = IOT_EMPTY;
  while (iot_mp_key(&r, &pairs, &key)) {
    if (iot_same(key, IOT_TEXT("path"))) *path = iot_mp_text(&r);
    else iot_mp_skip(&r);
  }
  if (iot_mp_end(&r) && path->len == 0) iot_reject(&r, "names no path");
  return !r.problem || iot_fail_payload(IOT_TEXT("request"), &r);
}

static bool on_request(iot_bytes payload) {
  iot_bytes path;
  int32_t count;
  if (!read_path(payload, &path)) return false;
  if (!iot_keyvalue_add(path, 1, &count)) return iot_fail_host(IOT_TEXT("wascc:keyvalue Add"));

  uint8_t text[16];
  iot_writer number = iot_writer_on(text, sizeof text);
  iot_put_decimal(&number, count);
  iot_writer w = iot_reply_writer();
  iot_mp_put_map(&w, 4);
  iot_mp_put_text(&w, IOT_TEXT("statusCode"));
  iot_mp_put_int(&w, 200);
  iot_mp_put_text(&w, IOT_TEXT("status"));
  iot_mp_put_text(&w, IOT_TEXT("OK"));
  iot_mp_put_text(&w, IOT_TEXT("header"));
  iot_mp_put_map(&w, 1);
  iot_mp_put_text(&w, IOT_TEXT("content-type"));
  iot_mp_put_text(&w, IOT_TEXT("text/plain"));
  iot_mp_put_text(&w, IOT_TEXT("body"));
  iot_mp_put_blob(&w, iot_written(&number));
  return iot_reply_written(&w);
}

IOT_OPERATIONS(IOT_ON("HandleRequest", on_request))
