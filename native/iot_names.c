/* A guest calls the same few operations again and again: the host decodes their names once, and knows them by number. */
#include <string.h>

#include "m3_env.h"

#include "iot.h"

enum { max_names = 16, max_name_bytes = 112 };

static struct
{
    uint32_t    lengths [3];
    uint8_t     text [max_name_bytes];
}
names [max_names];

static uint32_t     num_names;

int32_t iot_names_number (uint8_t * const parts [3], const uint32_t lengths [3])
{
    for (uint32_t i = 0; i < num_names; ++i)
    {
        const uint8_t * text = names [i].text;

        if (memcmp (names [i].lengths, lengths, sizeof (names [i].lengths)) == 0
            and memcmp (text, parts [0], lengths [0]) == 0
            and memcmp (text + lengths [0], parts [1], lengths [1]) == 0
            and memcmp (text + lengths [0] + lengths [1], parts [2], lengths [2]) == 0)
            return (int32_t) i;
    }

    if (num_names == max_names or (uint64_t) lengths [0] + lengths [1] + lengths [2] > max_name_bytes)
        return -1;

    uint8_t * text = names [num_names].text;
    for (uint32_t part = 0; part < 3; ++part)
    {
        memcpy (text, parts [part], lengths [part]);
        text += lengths [part];
    }
    memcpy (names [num_names].lengths, lengths, sizeof (names [0].lengths));
    return (int32_t) num_names ++;
}

void iot_names_release (void)
{
    num_names = 0;
}
