/* The waPC functions a guest imports, and the buffers its bytes pass through. */
#include <stdlib.h>
#include <string.h>

#include "m3_env.h"

#include "iot.h"

typedef struct
{
    uint8_t *   data;
    uint32_t    length;
    uint32_t    capacity;
}
buffer_t;

static buffer_t     buffers [iot_num_buffers];
static uint32_t     payload_limit = UINT32_MAX;
static bool         in_call;
static bool         host_failed;        /* the host buffer holds an error text, not a response */

const char          iot_bad_pointer [] = "pointer outside the guest's memory";
static const char   no_room []         = "no memory left for the message";

/*
 * The one way out to the host. `names` is the number under which (binding, namespace, operation) were seen before,
 * or -1. Answers the length of the response in the host buffer, or -1 - length of the error text in it.
 */
IOT_IMPORT (host_call)
int32_t host_host_call (int32_t names, const uint8_t * binding, uint32_t binding_length, const uint8_t * space,
                        uint32_t space_length, const uint8_t * operation, uint32_t operation_length,
                        const uint8_t * payload, uint32_t payload_length);

IOT_IMPORT (log)
void host_log (const uint8_t * text, uint32_t length);

/* --- buffers --------------------------------------------------------------------------------------------------- */

bool iot_wapc_reserve (iot_buffer_id id, uint32_t size)
{
    buffer_t * buffer = & buffers [id];

    if (buffer->data == NULL or size > buffer->capacity)
    {
        uint32_t capacity = size < 256 ? 256 : size;
        uint8_t * data = realloc (buffer->data, capacity);
        if (not data)
            return false;

        buffer->data        = data;
        buffer->capacity    = capacity;
    }
    return true;
}

/* Makes room for `size` bytes in a buffer and answers its address, NULL if there is no memory left. */
IOT_EXPORT (iot_reserve)
uint8_t * iot_reserve (uint32_t id, uint32_t size)
{
    return id < iot_num_buffers and iot_wapc_reserve (id, size) ? buffers [id].data : NULL;
}

/* A response above this many bytes is not kept; an error text is cut. */
IOT_EXPORT (iot_set_payload_limit)
void iot_set_payload_limit (uint32_t limit)
{
    payload_limit = limit;
}

void iot_wapc_begin (uint32_t operation_length, uint32_t payload_length)
{
    buffers [iot_operation].length  = operation_length;
    buffers [iot_payload].length    = payload_length;
    buffers [iot_host].length       = 0;
    host_failed                     = false;
    iot_state.has_response          = 0;
    iot_state.has_error             = 0;
    in_call                         = true;
}

void iot_wapc_end (void)
{
    in_call = false;
}

void iot_wapc_release (void)
{
    for (uint32_t i = 0; i < iot_num_buffers; ++i)
        free (buffers [i].data);

    memset (buffers, 0, sizeof (buffers));
    iot_names_release ();
}

/* --- guest memory ---------------------------------------------------------------------------------------------- */

uint8_t * iot_guest_bytes (IM3Runtime runtime, uint32_t pointer, uint32_t length)
{
    static uint8_t nothing;
    uint32_t size = 0;
    uint8_t * memory = m3_GetMemory (runtime, & size, 0);

    if ((uint64_t) pointer + length > size)
        return NULL;
    return memory ? memory + pointer : & nothing;
}

#define guest_bytes(VARIABLE, POINTER, LENGTH)                                          \
    uint8_t * VARIABLE = iot_guest_bytes (runtime, POINTER, LENGTH);                    \
    if (M3_UNLIKELY (not VARIABLE)) m3ApiTrap (iot_bad_pointer);

static M3Result keep (iot_buffer_id id, const uint8_t * from, uint32_t length)
{
    if (not iot_wapc_reserve (id, length))
        return no_room;

    if (length)
        memcpy (buffers [id].data, from, length);
    buffers [id].length = length;
    return m3Err_none;
}

/* --- the nine functions ---------------------------------------------------------------------------------------- */

static m3ApiRawFunction (guest_request)
{
    m3ApiGetArg (uint32_t, operation)
    m3ApiGetArg (uint32_t, payload)

    if (in_call)
    {
        buffer_t * name = & buffers [iot_operation];
        buffer_t * data = & buffers [iot_payload];
        guest_bytes (to_name, operation, name->length)
        guest_bytes (to_data, payload, data->length)

        if (name->length) memcpy (to_name, name->data, name->length);
        if (data->length) memcpy (to_data, data->data, data->length);
    }
    m3ApiSuccess ();
}

static m3ApiRawFunction (guest_response)
{
    m3ApiGetArg (uint32_t, pointer)
    m3ApiGetArg (uint32_t, length)
    guest_bytes (from, pointer, length)

    iot_state.has_response      = 1;
    iot_state.response_length   = length;
    iot_state.response          = 0;

    if (length <= payload_limit)
    {
        M3Result result = keep (iot_response, from, length);
        if (result) m3ApiTrap (result);
        iot_state.response = (uint32_t) (uintptr_t) buffers [iot_response].data;
    }
    m3ApiSuccess ();
}

static m3ApiRawFunction (guest_error)
{
    m3ApiGetArg (uint32_t, pointer)
    m3ApiGetArg (uint32_t, length)
    guest_bytes (from, pointer, length)

    M3Result result = keep (iot_error, from, M3_MIN (length, payload_limit));
    if (result) m3ApiTrap (result);

    iot_state.has_error     = 1;
    iot_state.error         = (uint32_t) (uintptr_t) buffers [iot_error].data;
    iot_state.error_length  = buffers [iot_error].length;
    m3ApiSuccess ();
}

static m3ApiRawFunction (host_call)
{
    m3ApiReturnType (uint32_t)
    m3ApiGetArg (uint32_t, binding)
    m3ApiGetArg (uint32_t, binding_length)
    m3ApiGetArg (uint32_t, space)
    m3ApiGetArg (uint32_t, space_length)
    m3ApiGetArg (uint32_t, operation)
    m3ApiGetArg (uint32_t, operation_length)
    m3ApiGetArg (uint32_t, payload)
    m3ApiGetArg (uint32_t, payload_length)

    guest_bytes (binding_text, binding, binding_length)
    guest_bytes (space_text, space, space_length)
    guest_bytes (operation_text, operation, operation_length)
    guest_bytes (data, payload, payload_length)

    uint8_t * const parts [3] = { binding_text, space_text, operation_text };
    const uint32_t lengths [3] = { binding_length, space_length, operation_length };

    buffers [iot_host].length = 0;

    int32_t answer = host_host_call (iot_names_number (parts, lengths), binding_text, binding_length, space_text,
                                     space_length, operation_text, operation_length, data, payload_length);

    host_failed = answer < 0;
    buffers [iot_host].length = (uint32_t) (host_failed ? -1 - answer : answer);
    m3ApiReturn (host_failed ? 0 : 1);
}

static inline uint32_t host_length (bool failed)
{
    return host_failed == failed ? buffers [iot_host].length : 0;
}

static m3ApiRawFunction (host_response_len)
{
    m3ApiReturnType (uint32_t)
    m3ApiReturn (host_length (false));
}

static m3ApiRawFunction (host_error_len)
{
    m3ApiReturnType (uint32_t)
    m3ApiReturn (host_length (true));
}

static m3ApiRawFunction (host_response)
{
    m3ApiGetArg (uint32_t, pointer)
    uint32_t length = host_length (false);
    guest_bytes (to, pointer, length)

    if (length) memcpy (to, buffers [iot_host].data, length);
    m3ApiSuccess ();
}

static m3ApiRawFunction (host_error)
{
    m3ApiGetArg (uint32_t, pointer)
    uint32_t length = host_length (true);
    guest_bytes (to, pointer, length)

    if (length) memcpy (to, buffers [iot_host].data, length);
    m3ApiSuccess ();
}

static m3ApiRawFunction (console_log)
{
    m3ApiGetArg (uint32_t, pointer)
    m3ApiGetArg (uint32_t, length)
    guest_bytes (text, pointer, length)

    host_log (text, length);
    m3ApiSuccess ();
}

const void * iot_env_abort (IM3Runtime, IM3ImportContext, uint64_t *, void *);
const void * iot_env_seed (IM3Runtime, IM3ImportContext, uint64_t *, void *);
const void * iot_env_trace (IM3Runtime, IM3ImportContext, uint64_t *, void *);

/* The numbers `iot_link` takes; runtime/engine/wasm3/shim.ts has the same order. */
M3RawCall iot_raw_function (uint32_t number)
{
    static const M3RawCall functions [] =
    {
        guest_request, guest_response, guest_error, host_call, host_response_len, host_response, host_error_len,
        host_error, console_log, iot_env_abort, iot_env_seed, iot_env_trace
    };
    return number < sizeof (functions) / sizeof (functions [0]) ? functions [number] : NULL;
}
