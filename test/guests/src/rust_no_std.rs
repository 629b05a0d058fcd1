//! The test guest in Rust without its standard library: static buffers, no allocator.
#![no_std]

use core::ptr::{addr_of, addr_of_mut};

#[link(wasm_import_module = "wapc")]
extern "C" {
    fn __guest_request(operation: *mut u8, payload: *mut u8);
    fn __guest_response(data: *const u8, length: usize);
    fn __guest_error(text: *const u8, length: usize);
    fn __host_call(
        binding: *const u8, binding_length: usize, space: *const u8, space_length: usize,
        operation: *const u8, operation_length: usize, payload: *const u8, payload_length: usize,
    ) -> i32;
    fn __host_response_len() -> usize;
    fn __host_response(to: *mut u8);
    fn __host_error_len() -> usize;
    fn __host_error(to: *mut u8);
    fn __console_log(text: *const u8, length: usize);
}

const MAX_OPERATION: usize = 128;
const MAX_PAYLOAD: usize = 16384;
static mut OPERATION: [u8; MAX_OPERATION] = [0; MAX_OPERATION];
static mut PAYLOAD: [u8; MAX_PAYLOAD] = [0; MAX_PAYLOAD];
static mut ANSWER: [u8; MAX_PAYLOAD] = [0; MAX_PAYLOAD];

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

fn reply(data: &[u8]) -> i32 {
    unsafe { __guest_response(data.as_ptr(), data.len()) };
    1
}

fn fail(text: &[u8]) -> i32 {
    unsafe { __guest_error(text.as_ptr(), text.len()) };
    0
}

fn add(payload: &[u8], answer: &mut [u8]) -> i32 {
    let (space, operation) = (b"wascc:keyvalue", b"Add");
    unsafe {
        let done = __host_call(
            core::ptr::null(), 0, space.as_ptr(), space.len(),
            operation.as_ptr(), operation.len(), payload.as_ptr(), payload.len(),
        ) == 1;
        let length = if done { __host_response_len() } else { __host_error_len() };
        if length > answer.len() {
            return fail(b"too long");
        }
        if done {
            __host_response(answer.as_mut_ptr());
            reply(&answer[..length])
        } else {
            __host_error(answer.as_mut_ptr());
            fail(&answer[..length])
        }
    }
}

fn unknown(operation: &[u8], answer: &mut [u8]) -> i32 {
    let mut length = 0;
    for part in [&b"Could not find function \""[..], operation, b"\""] {
        answer[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    fail(&answer[..length])
}

#[no_mangle]
pub extern "C" fn __guest_call(operation_length: usize, payload_length: usize) -> i32 {
    if operation_length > MAX_OPERATION || payload_length > MAX_PAYLOAD {
        return fail(b"too long");
    }
    let (operation, payload, answer) = unsafe {
        __guest_request(addr_of_mut!(OPERATION) as *mut u8, addr_of_mut!(PAYLOAD) as *mut u8);
        (&(*addr_of!(OPERATION))[..operation_length], &(*addr_of!(PAYLOAD))[..payload_length], &mut *addr_of_mut!(ANSWER))
    };
    match operation {
        b"Echo" => reply(payload),
        b"Fail" => fail(b"no luck"),
        b"HostCall" => add(payload, answer),
        b"Log" => {
            unsafe { __console_log(payload.as_ptr(), payload.len()) };
            reply(b"")
        }
        b"HealthRequest" => reply(b""),
        _ => unknown(operation, answer),
    }
}
