/* What AssemblyScript's runtime imports from module `env`. Its strings are UTF-16LE, their byte length at pointer - 4. */
#include <string.h>

#include "m3_env.h"

#include "iot.h"

/* The host keeps the text; the guest is stopped with `aborted` and the host puts the text into its error. */
IOT_IMPORT (abort)
void host_abort (const uint8_t * message, uint32_t message_bytes, const uint8_t * file, uint32_t file_bytes,
                 uint32_t line, uint32_t column);

IOT_IMPORT (trace)
void host_trace (const uint8_t * message, uint32_t message_bytes, uint32_t count, double a, double b, double c,
                 double d, double e);

static const char aborted [] = "abort";

/* Time and randomness reach a guest through contracts only, so every guest gets the same seed. */
static const double seed = 4294967291.0;

/* False when the string is not inside the guest's memory. A null pointer is the empty string. */
static bool guest_string (IM3Runtime runtime, uint32_t pointer, const uint8_t ** text, uint32_t * length)
{
    static const uint8_t empty;

    * text = & empty;
    * length = 0;
    if (pointer == 0)
        return true;
    if (pointer < 4)
        return false;

    const uint8_t * header = iot_guest_bytes (runtime, pointer - 4, 4);
    if (not header)
        return false;

    memcpy (length, header, 4);
    * text = iot_guest_bytes (runtime, pointer, * length);
    return * text != NULL;
}

m3ApiRawFunction (iot_env_abort)
{
    m3ApiGetArg (uint32_t, message)
    m3ApiGetArg (uint32_t, file)
    m3ApiGetArg (uint32_t, line)
    m3ApiGetArg (uint32_t, column)
    const uint8_t * message_text, * file_text;
    uint32_t message_bytes, file_bytes;

    if (not guest_string (runtime, message, & message_text, & message_bytes)
        or not guest_string (runtime, file, & file_text, & file_bytes))
        m3ApiTrap (iot_bad_pointer);

    host_abort (message_text, message_bytes, file_text, file_bytes, line, column);
    m3ApiTrap (aborted);
}

m3ApiRawFunction (iot_env_seed)
{
    m3ApiReturnType (double)
    m3ApiReturn (seed);
}

m3ApiRawFunction (iot_env_trace)
{
    m3ApiGetArg (uint32_t, message)
    m3ApiGetArg (uint32_t, count)
    m3ApiGetArg (double, a)
    m3ApiGetArg (double, b)
    m3ApiGetArg (double, c)
    m3ApiGetArg (double, d)
    m3ApiGetArg (double, e)
    const uint8_t * text;
    uint32_t length;

    if (not guest_string (runtime, message, & text, & length))
        m3ApiTrap (iot_bad_pointer);

    host_trace (text, length, count, a, b, c, d, e);
    m3ApiSuccess ();
}
