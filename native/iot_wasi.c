/*
 * WASI is the host's: nothing of it is decided here. It gets the number under which the function was linked, the
 * arguments as wasm3 holds them, and where the guest's memory lies.
 */
#include "m3_env.h"

#include "iot.h"

/* Answers what the guest gets, or a negative number to stop it. */
IOT_IMPORT (wasi)
int32_t host_wasi (uint32_t number, const uint64_t * arguments, uint32_t count, uint8_t * memory,
                   uint32_t memory_bytes);

static const char stopped [] = "stopped by the host";

m3ApiRawFunction (iot_wasi)
{
    uint32_t memory_bytes = 0;
    uint8_t * memory = m3_GetMemory (runtime, & memory_bytes, 0);
    uint32_t results = m3_GetRetCount (_ctx->function);

    /* wasm3 keeps the slots of the results in front of those of the arguments. */
    int32_t answer = host_wasi ((uint32_t) (uintptr_t) _ctx->userdata, _sp + results,
                                m3_GetArgCount (_ctx->function), memory, memory_bytes);
    if (answer < 0)
        m3ApiTrap (stopped);
    if (results)
        * (int32_t *) _sp = answer;
    m3ApiSuccess ();
}
