//! waPC for the guests in Rust that use the standard library.
use std::collections::HashMap;
use std::sync::Mutex;

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

pub type Outcome = Result<Vec<u8>, String>;
pub type Handler = fn(&[u8]) -> Outcome;

static HANDLERS: Mutex<Option<HashMap<String, Handler>>> = Mutex::new(None);

pub fn register(operation: &str, handler: Handler) {
    let mut handlers = HANDLERS.lock().unwrap();
    handlers.get_or_insert_with(HashMap::new).insert(operation.to_string(), handler);
}

pub fn log(text: &[u8]) {
    unsafe { __console_log(text.as_ptr(), text.len()) }
}

pub fn host_call(space: &str, operation: &str, payload: &[u8]) -> Outcome {
    unsafe {
        let done = __host_call(
            std::ptr::null(), 0, space.as_ptr(), space.len(),
            operation.as_ptr(), operation.len(), payload.as_ptr(), payload.len(),
        ) == 1;
        let mut answer = vec![0; if done { __host_response_len() } else { __host_error_len() }];
        if done {
            __host_response(answer.as_mut_ptr());
            Ok(answer)
        } else {
            __host_error(answer.as_mut_ptr());
            Err(String::from_utf8_lossy(&answer).into_owned())
        }
    }
}

/// Answers one call with the handler that was registered for it.
pub fn dispatch(operation_length: usize, payload_length: usize) -> i32 {
    answer(operation_length, payload_length, |operation, payload| {
        let handler = HANDLERS.lock().unwrap().as_ref().and_then(|all| all.get(operation).copied());
        match handler {
            Some(handler) => handler(payload),
            None => Err(format!("Could not find function \"{}\"", operation)),
        }
    })
}

/// Answers one call with `handle`.
pub fn answer(operation_length: usize, payload_length: usize, handle: impl Fn(&str, &[u8]) -> Outcome) -> i32 {
    let mut operation = vec![0; operation_length];
    let mut payload = vec![0; payload_length];
    unsafe { __guest_request(operation.as_mut_ptr(), payload.as_mut_ptr()) };
    match handle(&String::from_utf8_lossy(&operation), &payload) {
        Ok(reply) => unsafe { __guest_response(reply.as_ptr(), reply.len()) },
        Err(text) => {
            unsafe { __guest_error(text.as_ptr(), text.len()) };
            return 0;
        }
    }
    1
}
