// The test guest in C++: handlers are objects in a table that global constructors fill, which `wapc_init` runs.
extern "C" {
#define WAPC(name) __attribute__((import_module("wapc"), import_name(#name)))
WAPC(__guest_request) void guest_request(char *operation, char *payload);
WAPC(__guest_response) void guest_response(const char *data, unsigned length);
WAPC(__guest_error) void guest_error(const char *text, unsigned length);
WAPC(__host_call) int host_call(const char *, unsigned, const char *, unsigned, const char *, unsigned, const char *, unsigned);
WAPC(__host_response_len) unsigned host_response_len();
WAPC(__host_response) void host_response(char *to);
WAPC(__host_error_len) unsigned host_error_len();
WAPC(__host_error) void host_error(char *to);
WAPC(__console_log) void console_log(const char *text, unsigned length);
void __wasm_call_ctors();
}

namespace {

struct Text {
    const char *at;
    unsigned length;

    constexpr Text(const char *from, unsigned size) : at(from), length(size) {}
    template <unsigned N> constexpr Text(const char (&literal)[N]) : at(literal), length(N - 1) {}

    bool operator==(const Text &other) const {
        if (length != other.length) return false;
        for (unsigned i = 0; i < length; i++)
            if (at[i] != other.at[i]) return false;
        return true;
    }
};

char operation_buffer[128], payload_buffer[16384], answer[16384];

bool fail(Text text) {
    guest_error(text.at, text.length);
    return false;
}

bool reply(Text data) {
    guest_response(data.at, data.length);
    return true;
}

class Handler {
  public:
    explicit Handler(Text name) : name_(name), next_(first) { first = this; }
    virtual bool handle(Text payload) const = 0;

    static const Handler *find(Text name) {
        for (const Handler *one = first; one; one = one->next_)
            if (one->name_ == name) return one;
        return nullptr;
    }

  private:
    Text name_;
    Handler *next_;
    static Handler *first;
};

Handler *Handler::first;

template <typename Body> class On : public Handler {
  public:
    On(Text name, Body body) : Handler(name), body_(body) {}
    bool handle(Text payload) const override { return body_(payload); }

  private:
    Body body_;
};

bool add(Text payload) {
    Text space("wascc:keyvalue"), operation("Add");
    bool done = host_call("", 0, space.at, space.length, operation.at, operation.length, payload.at, payload.length) == 1;
    unsigned length = done ? host_response_len() : host_error_len();
    if (length > sizeof answer) return fail("too long");
    if (done) host_response(answer);
    else host_error(answer);
    return done ? reply({answer, length}) : fail({answer, length});
}

bool log(Text payload) {
    console_log(payload.at, payload.length);
    return reply("");
}

const On echo("Echo", reply);
const On refuse("Fail", [](Text) { return fail("no luck"); });
const On host("HostCall", add);
const On line("Log", log);
const On health("HealthRequest", [](Text) { return reply(""); });

bool unknown(Text name) {
    unsigned at = 0;
    const Text parts[] = {"Could not find function \"", name, "\""};
    for (const Text &part : parts)
        for (unsigned i = 0; i < part.length; i++) answer[at++] = part.at[i];
    return fail({answer, at});
}

} // namespace

extern "C" __attribute__((export_name("wapc_init"))) void wapc_init() { __wasm_call_ctors(); }

extern "C" __attribute__((export_name("__guest_call"))) int guest_call(unsigned operation_length, unsigned length) {
    if (operation_length > sizeof operation_buffer || length > sizeof payload_buffer) return fail("too long");
    guest_request(operation_buffer, payload_buffer);
    Text name(operation_buffer, operation_length);
    const Handler *handler = Handler::find(name);
    return handler ? handler->handle({payload_buffer, length}) : unknown(name);
}
