/*
 * Takes the place of m3_core.c. wasm3 clears whatever it allocates, and with that makes every page of an engine
 * resident: the guest's memory, the value stack, the code pages. But WebAssembly memory that was never written to is
 * zero already, and reading it costs no page. So what must be zero is read here, and written only where it is not.
 */
#include <iso646.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t __attribute__ ((may_alias)) word_t;

static void clear (void * start, size_t size)
{
    uint8_t * byte  = start;
    uint8_t * end   = byte + size;

    for (; byte < end and ((uintptr_t) byte % sizeof (word_t)); ++byte)
        if (* byte) * byte = 0;

    for (; (size_t) (end - byte) >= 4 * sizeof (word_t); byte += 4 * sizeof (word_t))
    {
        word_t * words = (word_t *) byte;
        if (words [0] | words [1] | words [2] | words [3])
            words [0] = words [1] = words [2] = words [3] = 0;
    }

    for (; byte < end; ++byte)
        if (* byte) * byte = 0;
}

static void * allocate_cleared (size_t size)
{
    void * start = malloc (size);
    if (start) clear (start, size);
    return start;
}

/* m3_core.c multiplies by one, and clears with zero only. */
#define calloc(SIZE, ONE)           allocate_cleared (SIZE)
#define memset(START, ZERO, SIZE)   clear (START, SIZE)
#include "m3_core.c"
