//! The test guest in Rust with its standard library: for wasm32-unknown-unknown, and for wasm32-wasi, where a few
//! more operations use what only WASI gives.
mod wapc;

fn register_all() {
    wapc::register("Echo", |payload| Ok(payload.to_vec()));
    wapc::register("Fail", |_| Err("no luck".to_string()));
    wapc::register("HostCall", |payload| wapc::host_call("wascc:keyvalue", "Add", payload));
    wapc::register("Log", |payload| {
        wapc::log(payload);
        Ok(Vec::new())
    });
    wapc::register("HealthRequest", |_| Ok(Vec::new()));
    #[cfg(target_os = "wasi")]
    wasi::register_all();
}

#[cfg(target_os = "wasi")]
mod wasi {
    use crate::wapc::register;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    pub fn register_all() {
        register("Print", |payload| {
            println!("out: {}", String::from_utf8_lossy(payload));
            eprint!("err: {}", payload.len());
            Ok(Vec::new())
        });
        register("Time", |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?;
            Ok(now.as_nanos().to_string().into_bytes())
        });
        register("Sleep", |payload| {
            let text = std::str::from_utf8(payload).map_err(|e| e.to_string())?;
            let before = Instant::now();
            std::thread::sleep(Duration::from_millis(text.parse::<u64>().map_err(|e| e.to_string())?));
            Ok(before.elapsed().as_millis().to_string().into_bytes())
        });
        register("Surroundings", |_| {
            Ok(format!("{} {}", std::env::args().count(), std::env::vars().count()).into_bytes())
        });
        register("Panic", |_| panic!("on purpose"));
        register("Exit", |_| std::process::exit(3));
    }
}

#[cfg(not(target_os = "wasi"))]
#[no_mangle]
pub extern "C" fn wapc_init() {
    register_all();
}

/// Of the program for WASI: its `_start` ends with this.
#[allow(dead_code)]
fn main() {
    register_all();
    #[cfg(target_os = "wasi")]
    std::process::exit(0);
}

#[no_mangle]
pub extern "C" fn __guest_call(operation_length: usize, payload_length: usize) -> i32 {
    wapc::dispatch(operation_length, payload_length)
}
