// A waPC actor without an allocator: one static buffer for what comes in, one for what goes out, one for each
// direction of a host call. Include this, write handlers, close with IOT_OPERATIONS.
#ifndef IOT_ACTOR_H
#define IOT_ACTOR_H

#include "iot_bytes.h"
#include "iot_cbor.h"
#include "iot_contracts.h"
#include "iot_msgpack.h"
#include "iot_settings.h"
#include "iot_words.h"

/// Sizes in bytes; override with -D. A payload beyond them is refused with an error, never cut off.
#ifndef IOT_OPERATION_MAX
#define IOT_OPERATION_MAX 128
#endif
#ifndef IOT_PAYLOAD_MAX
#define IOT_PAYLOAD_MAX 8192
#endif
#ifndef IOT_REPLY_MAX
#define IOT_REPLY_MAX 8192
#endif
#ifndef IOT_HOST_REQUEST_MAX
#define IOT_HOST_REQUEST_MAX 9216
#endif
#ifndef IOT_HOST_REPLY_MAX
#define IOT_HOST_REPLY_MAX 8192
#endif

/// Handles one operation. The payload lies in a buffer of the SDK and is valid until the handler returns.
/// Returns true (with `iot_reply`, or nothing for an empty reply) or what `iot_fail…` returned.
typedef bool (*iot_handler)(iot_bytes payload);

typedef struct {
  iot_bytes name;
  iot_handler handle;
} iot_operation;

extern const iot_operation iot_operations[];
extern const uint32_t iot_operation_count;

#define IOT_ON(name, handler) {{(const uint8_t *)(name), sizeof(name) - 1}, handler}
/// `IOT_OPERATIONS(IOT_ON("Start", on_start), IOT_ON("Tick", on_tick))`, once per actor.
/// `HealthRequest` is answered by the SDK unless it is in the list.
#define IOT_OPERATIONS(...)                            \
  const iot_operation iot_operations[] = {__VA_ARGS__}; \
  const uint32_t iot_operation_count = sizeof iot_operations / sizeof iot_operations[0];

/// A handler for what an actor is told and does not mind.
bool iot_ignore(iot_bytes payload);

/// Answers the call with a copy of `bytes`. Returns true.
bool iot_reply(iot_bytes bytes);
/// An empty writer over the reply buffer, and the answer made from it (an error when it overflowed).
iot_writer iot_reply_writer(void);
bool iot_reply_written(const iot_writer *w);

/// Answers the call with an error text. All return false, for `return iot_fail(…)`.
bool iot_fail(iot_bytes text);
/// "DOING: what the host answered to the last host call".
bool iot_fail_host(iot_bytes doing);
/// "WHAT PROBLEM" for bytes that a reader did not like.
bool iot_fail_payload(iot_bytes what, const iot_reader *r);

/// An empty writer over the host request buffer; it serves one host call.
iot_writer iot_host_request(void);
/// Calls `operation` of `contract` through `binding` ("default" unless configured otherwise).
bool iot_host_call(iot_bytes binding, iot_bytes contract, iot_bytes operation, const iot_writer *request);
/// Fetches what the last host call answered; valid until the next one. False when it does not fit.
bool iot_host_reply(iot_bytes *reply);
/// Makes "the host's reply cannot be read" the reason of the last host call. Returns false.
bool iot_host_reply_unreadable(void);
/// Why the last host call failed; valid until the next one.
iot_bytes iot_host_error(void);

/// A line for the host's log.
void iot_log(iot_bytes text);

#endif
