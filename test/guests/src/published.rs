//! Stands in for the actors that were published in 2020: a counter of requests, built as they were (default stack, no
//! declared maximum of memory, debug notes left in, no start function), which speaks one generation of waSCC's
//! MessagePack: `--cfg generation_a` or B. Everything is in Rust's standard library.
#[allow(dead_code)]
mod msgpack;
#[allow(dead_code)]
mod wapc;

use msgpack::{Read, Reader, Writer};

pub struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

#[cfg(generation_a)]
mod generation {
    use super::*;

    pub fn health(_payload: &[u8]) -> Read<()> {
        Ok(())
    }

    pub fn request(payload: &[u8]) -> Read<Request> {
        let mut reader = Reader(payload);
        if reader.array()? != 5 {
            return Err("a request has five fields".to_string());
        }
        let (method, path, _query) = (reader.text()?, reader.text()?, reader.text()?);
        reader.texts()?;
        Ok(Request { method, path, body: reader.bytes()? })
    }

    pub fn add(key: &str, value: u32) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(2);
        writer.text(key);
        writer.int(value);
        writer.0
    }

    pub fn sum(reply: &[u8]) -> Read<i64> {
        let mut reader = Reader(reply);
        reader.array()?;
        reader.int()
    }

    pub fn response(body: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(4);
        writer.int(200);
        writer.text("OK");
        writer.map(0);
        writer.ints(body);
        writer.0
    }
}

#[cfg(not(generation_a))]
mod generation {
    use super::*;

    pub fn health(payload: &[u8]) -> Read<()> {
        let mut reader = Reader(payload);
        for _ in 0..reader.map()? {
            if reader.text()? == "placeholder" {
                reader.boolean()?;
                return Ok(());
            }
        }
        Err("missing field `placeholder`".to_string())
    }

    pub fn request(payload: &[u8]) -> Read<Request> {
        let mut reader = Reader(payload);
        let mut request = Request { method: String::new(), path: String::new(), body: Vec::new() };
        for _ in 0..reader.map()? {
            match reader.text()?.as_str() {
                "method" => request.method = reader.text()?,
                "path" => request.path = reader.text()?,
                "queryString" => drop(reader.text()?),
                "header" => drop(reader.texts()?),
                "body" => request.body = reader.bytes()?,
                other => return Err(format!("unknown field {}", other)),
            }
        }
        Ok(request)
    }

    pub fn add(key: &str, value: u32) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(2);
        writer.text("key");
        writer.text(key);
        writer.text("value");
        writer.int(value);
        writer.0
    }

    pub fn sum(reply: &[u8]) -> Read<i64> {
        let mut reader = Reader(reply);
        for _ in 0..reader.map()? {
            if reader.text()? == "value" {
                return reader.int();
            }
        }
        Err("missing field `value`".to_string())
    }

    pub fn response(body: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(4);
        writer.text("statusCode");
        writer.int(200);
        writer.text("status");
        writer.text("OK");
        writer.text("header");
        writer.map(0);
        writer.text("body");
        writer.binary(body);
        writer.0
    }
}

fn handle_request(payload: &[u8]) -> wapc::Outcome {
    let request = generation::request(payload)?;
    let key = request.path.replace('/', ":");
    let reply = wapc::host_call("wascc:keyvalue", "Add", &generation::add(&key, 1))?;
    let body = format!(
        "{{\"method\":{:?},\"counter\":{},\"body\":{:?}}}",
        request.method,
        generation::sum(&reply)?,
        request.body
    );
    Ok(generation::response(body.as_bytes()))
}

/// How many pages of memory there are, after trying to get as many more as the payload says.
fn grow(payload: &[u8]) -> wapc::Outcome {
    let pages = Reader(payload).int()? as usize;
    let before = core::arch::wasm32::memory_grow(0, pages);
    let now = core::arch::wasm32::memory_size(0);
    Ok(format!("{} {}", before as isize, now).into_bytes())
}

#[no_mangle]
pub extern "C" fn __guest_call(operation_length: usize, payload_length: usize) -> i32 {
    wapc::answer(operation_length, payload_length, |operation, payload| match operation {
        "HandleRequest" => handle_request(payload),
        "HealthRequest" => generation::health(payload).map(|_| Vec::new()),
        "Grow" => grow(payload),
        _ => Err("bad dispatch".to_string()),
    })
}
