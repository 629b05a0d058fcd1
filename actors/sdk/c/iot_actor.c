#include "iot_actor.h"

#define FROM_HOST(name) __attribute__((import_module("wapc"), import_name(#name))) extern
FROM_HOST(__guest_request) void guest_request(uint8_t *operation, uint8_t *payload);
FROM_HOST(__guest_response) void guest_response(const uint8_t *at, uint32_t len);
FROM_HOST(__guest_error) void guest_error(const uint8_t *at, uint32_t len);
FROM_HOST(__host_call) uint32_t host_call(const uint8_t *, uint32_t, const uint8_t *, uint32_t, const uint8_t *, uint32_t, const uint8_t *, uint32_t);
FROM_HOST(__host_response_len) uint32_t host_response_len(void);
FROM_HOST(__host_response) void host_response(uint8_t *at);
FROM_HOST(__host_error_len) uint32_t host_error_len(void);
FROM_HOST(__host_error) void host_error(uint8_t *at);
FROM_HOST(__console_log) void console_log(const uint8_t *at, uint32_t len);

static uint8_t operation_buffer[IOT_OPERATION_MAX] __attribute__((aligned(8)));
static uint8_t payload_buffer[IOT_PAYLOAD_MAX] __attribute__((aligned(8)));
static uint8_t reply_buffer[IOT_REPLY_MAX] __attribute__((aligned(8)));
static uint8_t request_buffer[IOT_HOST_REQUEST_MAX] __attribute__((aligned(8)));
static uint8_t answer_buffer[IOT_HOST_REPLY_MAX] __attribute__((aligned(8)));

/// What this call has told the host so far.
static enum { SILENT, REPLIED, FAILED } told;
/// Set when the last host call failed on this side, before or after it reached the host.
static iot_bytes own_error;

bool iot_ignore(iot_bytes payload) {
  (void)payload;
  return true;
}

bool iot_reply(iot_bytes bytes) {
  guest_response(bytes.at, bytes.len);
  told = REPLIED;
  return true;
}

iot_writer iot_reply_writer(void) { return iot_writer_on(reply_buffer, sizeof reply_buffer); }

bool iot_reply_written(const iot_writer *w) {
  return w->overflow ? iot_fail(IOT_TEXT("reply does not fit into the actor's buffer")) : iot_reply(iot_written(w));
}

bool iot_fail(iot_bytes text) {
  guest_error(text.at, text.len);
  told = FAILED;
  return false;
}

// An error that is too long is cut, between characters, rather than lost.
static void put_cut(iot_writer *w, iot_bytes text) {
  uint32_t room = (uint32_t)(w->end - w->at);
  if (text.len > room) {
    text.len = room;
    while (text.len > 0 && (text.at[text.len] & 0xc0) == 0x80) text.len--;
  }
  iot_put(w, text);
}

static bool fail_joined(iot_bytes first, iot_bytes second, iot_bytes third) {
  iot_writer w = iot_reply_writer();
  put_cut(&w, first);
  put_cut(&w, second);
  put_cut(&w, third);
  return iot_fail(iot_written(&w));
}

bool iot_fail_host(iot_bytes doing) { return fail_joined(doing, IOT_TEXT(": "), iot_host_error()); }

bool iot_fail_payload(iot_bytes what, const iot_reader *r) {
  const char *problem = r->problem ? r->problem : "is not acceptable";
  uint32_t len = 0;
  while (problem[len]) len++;
  return fail_joined(what, IOT_TEXT(" "), (iot_bytes){(const uint8_t *)problem, len});
}

iot_writer iot_host_request(void) { return iot_writer_on(request_buffer, sizeof request_buffer); }

bool iot_host_call(iot_bytes binding, iot_bytes contract, iot_bytes operation, const iot_writer *request) {
  own_error = IOT_EMPTY;
  if (request->overflow) {
    own_error = IOT_TEXT("request does not fit into the actor's buffer");
    return false;
  }
  iot_bytes payload = iot_written(request);
  return host_call(binding.at, binding.len, contract.at, contract.len, operation.at, operation.len, payload.at, payload.len) == 1;
}

bool iot_host_reply(iot_bytes *reply) {
  uint32_t len = host_response_len();
  *reply = IOT_EMPTY;
  if (len > sizeof answer_buffer) {
    own_error = IOT_TEXT("host's reply does not fit into the actor's buffer");
    return false;
  }
  if (len > 0) host_response(answer_buffer);
  *reply = (iot_bytes){answer_buffer, len};
  return true;
}

bool iot_host_reply_unreadable(void) {
  own_error = IOT_TEXT("the host's reply cannot be read");
  return false;
}

iot_bytes iot_host_error(void) {
  if (own_error.len > 0) return own_error;
  uint32_t len = host_error_len();
  if (len == 0) return IOT_TEXT("the host gave no reason");
  if (len > sizeof answer_buffer) return IOT_TEXT("the host's reason does not fit into the actor's buffer");
  host_error(answer_buffer);
  return (iot_bytes){answer_buffer, len};
}

void iot_log(iot_bytes text) { console_log(text.at, text.len); }

static bool dispatch(iot_bytes name, iot_bytes payload) {
  for (uint32_t i = 0; i < iot_operation_count; i++)
    if (iot_same(iot_operations[i].name, name)) return iot_operations[i].handle(payload);
  if (iot_same(name, IOT_TEXT("HealthRequest"))) return true;
  return fail_joined(IOT_TEXT("Could not find function \""), name, IOT_TEXT("\""));
}

__attribute__((export_name("__guest_call"))) uint32_t guest_call(uint32_t operation_len, uint32_t payload_len) {
  told = SILENT;
  // The host copies without knowing where the buffers end: too much must be refused before it is fetched.
  if (operation_len > sizeof operation_buffer) return iot_fail(IOT_TEXT("operation name does not fit into the actor's buffer"));
  if (payload_len > sizeof payload_buffer) return iot_fail(IOT_TEXT("payload does not fit into the actor's buffer"));
  guest_request(operation_buffer, payload_buffer);
  bool ok = dispatch((iot_bytes){operation_buffer, operation_len}, (iot_bytes){payload_buffer, payload_len});
  // Some hosts take silence for a failure, and a failure without a text helps nobody.
  if (ok && told == SILENT) return iot_reply((iot_bytes){reply_buffer, 0});
  if (!ok && told != FAILED) return iot_fail(IOT_TEXT("the actor failed without giving a reason"));
  return told == REPLIED;
}
