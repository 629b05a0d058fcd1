//! The test guest in Zig; it exports no start function, as old actors did not.
const std = @import("std");

extern "wapc" fn __guest_request(operation: [*]u8, payload: [*]u8) void;
extern "wapc" fn __guest_response(data: [*]const u8, length: usize) void;
extern "wapc" fn __guest_error(text: [*]const u8, length: usize) void;
extern "wapc" fn __host_call(
    binding: [*]const u8,
    binding_length: usize,
    space: [*]const u8,
    space_length: usize,
    operation: [*]const u8,
    operation_length: usize,
    payload: [*]const u8,
    payload_length: usize,
) i32;
extern "wapc" fn __host_response_len() usize;
extern "wapc" fn __host_response(to: [*]u8) void;
extern "wapc" fn __host_error_len() usize;
extern "wapc" fn __host_error(to: [*]u8) void;
extern "wapc" fn __console_log(text: [*]const u8, length: usize) void;

const Failure = error{ NoLuck, TooLong, Host };
const Handler = *const fn (payload: []const u8) Failure![]const u8;

var operation_buffer: [128]u8 = undefined;
var payload_buffer: [16384]u8 = undefined;
var answer: [16384]u8 = undefined;
/// What the host said when `Failure.Host` is returned.
var host_text: []const u8 = "";

fn echo(payload: []const u8) Failure![]const u8 {
    return payload;
}

fn fail(_: []const u8) Failure![]const u8 {
    return Failure.NoLuck;
}

fn add(payload: []const u8) Failure![]const u8 {
    const space = "wascc:keyvalue";
    const operation = "Add";
    if (__host_call("", 0, space, space.len, operation, operation.len, payload.ptr, payload.len) == 1) {
        const length = __host_response_len();
        if (length > answer.len) return Failure.TooLong;
        __host_response(&answer);
        return answer[0..length];
    }
    const length = __host_error_len();
    if (length > answer.len) return Failure.TooLong;
    __host_error(&answer);
    host_text = answer[0..length];
    return Failure.Host;
}

fn log(payload: []const u8) Failure![]const u8 {
    __console_log(payload.ptr, payload.len);
    return "";
}

fn health(_: []const u8) Failure![]const u8 {
    return "";
}

const Entry = struct { name: []const u8, handler: Handler };
const handlers = [_]Entry{
    .{ .name = "Echo", .handler = echo },
    .{ .name = "Fail", .handler = fail },
    .{ .name = "HostCall", .handler = add },
    .{ .name = "Log", .handler = log },
    .{ .name = "HealthRequest", .handler = health },
};

fn refuse(text: []const u8) i32 {
    __guest_error(text.ptr, text.len);
    return 0;
}

fn unknown(name: []const u8) i32 {
    var length: usize = 0;
    for ([_][]const u8{ "Could not find function \"", name, "\"" }) |part| {
        @memcpy(answer[length..][0..part.len], part);
        length += part.len;
    }
    return refuse(answer[0..length]);
}

export fn __guest_call(operation_length: usize, payload_length: usize) i32 {
    if (operation_length > operation_buffer.len or payload_length > payload_buffer.len) return refuse("too long");
    __guest_request(&operation_buffer, &payload_buffer);
    const name = operation_buffer[0..operation_length];
    for (handlers) |entry| {
        if (!std.mem.eql(u8, entry.name, name)) continue;
        const reply = entry.handler(payload_buffer[0..payload_length]) catch |failure| return refuse(switch (failure) {
            Failure.NoLuck => "no luck",
            Failure.TooLong => "too long",
            Failure.Host => host_text,
        });
        __guest_response(reply.ptr, reply.len);
        return 1;
    }
    return unknown(name);
}
