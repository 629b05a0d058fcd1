/*
 * The border between wasm3 and the host. One Wasm instance of this shim holds one environment, one runtime and at
 * most one guest module: everything below is about that one guest.
 *
 * Ownership
 *   - Memory from `iot_alloc` belongs to the host until it is handed to `iot_load`, which takes it over whatever it
 *     answers; nothing else that comes out of the shim is ever freed by the host.
 *   - The five buffers (`iot_reserve`) and `iot_state` belong to the shim. An address of a buffer is good until the
 *     next `iot_reserve` of the same buffer, the next call into the guest, or `iot_unload`.
 *   - An `iot_function` handle is good until `iot_unload`.
 *   - `iot_unload` frees everything. After a JavaScript exception was thrown through the shim nothing in here may be
 *     used any more: the host drops the whole Wasm instance instead.
 *
 * The shim loads, links, calls, meters and copies. What is allowed is decided by whoever calls it.
 */
#ifndef iot_h
#define iot_h

#include <stdbool.h>
#include <stdint.h>

#include "wasm3.h"

#define IOT_EXPORT(NAME) __attribute__ ((export_name (#NAME)))
#define IOT_IMPORT(NAME) __attribute__ ((import_module ("iot"), import_name (#NAME)))

/* What `iot_load`, `iot_link`, `iot_link_wasi`, `iot_run_start`, `iot_invoke` and `iot_call` answer. */
typedef enum
{
    iot_ok          = 0,
    iot_trap        = 1,    /* the guest did something it must not */
    iot_fuel_out    = 2,    /* the budget is spent */
    iot_bad_module  = 3,
    iot_bad_feature = 4,    /* an instruction wasm3 does not have */
    iot_no_memory   = 5,    /* this Wasm instance cannot grow further */
    iot_too_large   = 6     /* the guest's initial memory is above its limit */
}
iot_status;

typedef enum
{
    iot_operation   = 0,    /* host -> guest: name of the operation */
    iot_payload     = 1,    /* host -> guest: request; also scratch for strings and argument slots outside a call */
    iot_response    = 2,    /* guest -> host */
    iot_error       = 3,    /* guest -> host */
    iot_host        = 4,    /* answer to the running host call: response bytes or error text */
    iot_num_buffers = 5
}
iot_buffer_id;

/* Read by the host after every call; the layout is repeated in runtime/engine/wasm3/shim.ts and checked by a test. */
typedef struct
{
    double          fuel_left;
    uint32_t        result;             /* what `__guest_call` returned */
    uint32_t        memory_pages;
    uint32_t        has_response;
    uint32_t        response;           /* 0 when the response was above the payload limit and was not kept */
    uint32_t        response_length;
    uint32_t        has_error;
    uint32_t        error;
    uint32_t        error_length;       /* cut to the payload limit */
    uint32_t        message;            /* C string: why the last status was not `iot_ok`, else 0 */
    uint32_t        detail;             /* C string: more about it, else 0 */
}
iot_state_t;

extern iot_state_t  iot_state;

/* --- shared inside the shim ------------------------------------------------------------------------------------ */

extern int64_t      iot_fuel;           /* units left; the guest stops when it would become negative */
extern const char   iot_fuel_spent [];  /* the trap that says so, compared by address */

void                iot_wapc_begin      (uint32_t operation_length, uint32_t payload_length);
void                iot_wapc_end        (void);
bool                iot_wapc_reserve    (iot_buffer_id buffer, uint32_t size);
void                iot_wapc_release    (void);
M3RawCall           iot_raw_function    (uint32_t number);
const void *        iot_wasi            (IM3Runtime, IM3ImportContext, uint64_t *, void *);

/* Address of `length` bytes at `pointer` of the guest's memory, or NULL if they are not all inside it. */
uint8_t *           iot_guest_bytes     (IM3Runtime runtime, uint32_t pointer, uint32_t length);

/* The number under which (binding, namespace, operation) are known from now on, or -1 if there is no room for them. */
int32_t             iot_names_number    (uint8_t * const parts [3], const uint32_t lengths [3]);
void                iot_names_release   (void);

extern const char   iot_bad_pointer [];

#endif
