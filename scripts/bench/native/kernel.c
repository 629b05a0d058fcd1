/*
 * The compute kernel: what small devices do all day, in four parts of about the same weight. A linked list is
 * searched, turned round and sorted; small matrices are multiplied; a state machine reads numbers out of text; a CRC
 * goes over everything. `run` answers a checksum, so that two engines can be seen to have done the same.
 */
#include <stdint.h>

enum { nodes = 64, side = 12, text_bytes = 256 };

typedef struct node
{
    struct node *   next;
    int16_t         key;
    int16_t         value;
}
node_t;

static node_t       pool [nodes];
static int16_t      a [side] [side], b [side] [side];
static int32_t      product [side] [side];
static uint8_t      text [text_bytes];

static uint32_t     seed;

static uint32_t next_random (void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static uint16_t crc16 (uint16_t crc, uint32_t value)
{
    for (int bit = 0; bit < 32; ++bit)
    {
        uint16_t odd = (crc ^ value) & 1;
        crc >>= 1;
        value >>= 1;
        if (odd) crc ^= 0xa001;
    }
    return crc;
}

/* --- list ------------------------------------------------------------------------------------------------------ */

static node_t * make_list (void)
{
    for (int i = 0; i < nodes; ++i)
    {
        uint32_t random = next_random ();
        pool [i].next   = i + 1 < nodes ? & pool [i + 1] : 0;
        pool [i].key    = (int16_t) (random & 0x3ff);
        pool [i].value  = (int16_t) (random >> 16);
    }
    return pool;
}

static node_t * merge (node_t * left, node_t * right)
{
    node_t head = { 0, 0, 0 };
    node_t * last = & head;

    while (left && right)
    {
        node_t ** smaller = left->key <= right->key ? & left : & right;
        last = last->next = * smaller;
        * smaller = last->next;
    }
    last->next = left ? left : right;
    return head.next;
}

static node_t * sort (node_t * list, int length)
{
    if (length < 2)
        return list;

    node_t * middle = list;
    for (int i = 1; i < length / 2; ++i)
        middle = middle->next;

    node_t * right = middle->next;
    middle->next = 0;
    list = sort (list, length / 2);
    return merge (list, sort (right, length - length / 2));
}

static uint16_t list_part (uint16_t crc)
{
    node_t * list = make_list ();

    for (int wanted = 0; wanted < 8; ++wanted)
    {
        int key = (int) (next_random () & 0x3ff);
        int steps = 0;
        for (node_t * node = list; node && node->key < key; node = node->next)
            ++ steps;
        crc = crc16 (crc, (uint32_t) steps);
    }

    node_t * turned = 0;
    while (list)
    {
        node_t * next = list->next;
        list->next = turned;
        turned = list;
        list = next;
    }

    for (node_t * node = sort (turned, nodes); node; node = node->next)
        crc = crc16 (crc, (uint32_t) (node->key + node->value));
    return crc;
}

/* --- matrix ---------------------------------------------------------------------------------------------------- */

static uint16_t matrix_part (uint16_t crc)
{
    for (int row = 0; row < side; ++row)
        for (int column = 0; column < side; ++column)
        {
            a [row] [column] = (int16_t) next_random ();
            b [row] [column] = (int16_t) next_random ();
        }

    for (int row = 0; row < side; ++row)
        for (int column = 0; column < side; ++column)
        {
            int32_t sum = 0;
            for (int i = 0; i < side; ++i)
                sum += (a [row] [i] * b [i] [column]) >> 4;
            product [row] [column] = sum;
        }

    for (int row = 0; row < side; ++row)
        crc = crc16 (crc, (uint32_t) product [row] [side - 1 - row]);
    return crc;
}

/* --- state machine --------------------------------------------------------------------------------------------- */

typedef enum { start, sign, whole, point, fraction, bad, num_states } state_t;

static uint16_t machine_part (uint16_t crc)
{
    static const uint8_t letters [] = "0123456789+-.,,x";
    uint32_t seen [num_states] = { 0 };
    state_t state = start;

    for (int i = 0; i < text_bytes; ++i)
        text [i] = letters [next_random () & 15];

    for (int i = 0; i < text_bytes; ++i)
    {
        uint8_t c = text [i];
        int digit = c >= '0' && c <= '9';

        if (c == ',')
        {
            ++ seen [state];
            state = start;
            continue;
        }
        switch (state)
        {
            case start:     state = digit ? whole : c == '+' || c == '-' ? sign : c == '.' ? point : bad; break;
            case sign:      state = digit ? whole : c == '.' ? point : bad; break;
            case whole:     state = digit ? whole : c == '.' ? point : bad; break;
            case point:     state = digit ? fraction : bad; break;
            case fraction:  state = digit ? fraction : bad; break;
            default:        break;
        }
    }

    for (int i = 0; i < num_states; ++i)
        crc = crc16 (crc, seen [i]);
    return crc;
}

__attribute__ ((export_name ("run")))
uint32_t run (uint32_t rounds)
{
    uint16_t crc = 0xffff;

    seed = 0x1234567;
    for (uint32_t i = 0; i < rounds; ++i)
    {
        crc = list_part (crc);
        crc = matrix_part (crc);
        crc = machine_part (crc);
    }
    return crc;
}
