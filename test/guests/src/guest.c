/* The test guest in C; guest.cpp and the others answer the same, see ../README.md. Nothing but the compiler is used. */
#define WAPC(name) __attribute__((import_module("wapc"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

WAPC(__guest_request) void guest_request(char *operation, char *payload);
WAPC(__guest_response) void guest_response(const char *data, unsigned length);
WAPC(__guest_error) void guest_error(const char *text, unsigned length);
WAPC(__host_call) int host_call(const char *binding, unsigned binding_length, const char *space, unsigned space_length,
                                const char *operation, unsigned operation_length, const char *data, unsigned length);
WAPC(__host_response_len) unsigned host_response_len(void);
WAPC(__host_response) void host_response(char *to);
WAPC(__host_error_len) unsigned host_error_len(void);
WAPC(__host_error) void host_error(char *to);
WAPC(__console_log) void console_log(const char *text, unsigned length);

enum { MAX_OPERATION = 128, MAX_PAYLOAD = 16384 };

static char operation[MAX_OPERATION], payload[MAX_PAYLOAD], answer[MAX_PAYLOAD];

static int fail(const char *text, unsigned length)
{
    guest_error(text, length);
    return 0;
}

#define FAIL(text) fail(text, sizeof(text) - 1)

static int is(const char *name, unsigned length)
{
    unsigned i = 0;

    while (i < length && name[i] == operation[i])
        i++;
    return i == length && name[i] == 0;
}

static unsigned append(unsigned at, const char *text, unsigned length)
{
    for (unsigned i = 0; i < length; i++)
        answer[at + i] = text[i];
    return at + length;
}

static int add(unsigned length)
{
    if (host_call("", 0, "wascc:keyvalue", 14, "Add", 3, payload, length) != 1) {
        unsigned size = host_error_len();
        if (size > MAX_PAYLOAD)
            return FAIL("too long");
        host_error(answer);
        return fail(answer, size);
    }
    unsigned size = host_response_len();
    if (size > MAX_PAYLOAD)
        return FAIL("too long");
    host_response(answer);
    guest_response(answer, size);
    return 1;
}

EXPORT(__guest_call) int guest_call(unsigned operation_length, unsigned length)
{
    if (operation_length > MAX_OPERATION || length > MAX_PAYLOAD)
        return FAIL("too long");
    guest_request(operation, payload);

    if (is("Echo", operation_length)) {
        guest_response(payload, length);
        return 1;
    }
    if (is("Fail", operation_length))
        return FAIL("no luck");
    if (is("HostCall", operation_length))
        return add(length);
    if (is("Log", operation_length)) {
        console_log(payload, length);
        guest_response(answer, 0);
        return 1;
    }
    if (is("HealthRequest", operation_length)) {
        guest_response(answer, 0);
        return 1;
    }

    unsigned at = append(0, "Could not find function \"", 25);
    at = append(at, operation, operation_length);
    return fail(answer, append(at, "\"", 1));
}
