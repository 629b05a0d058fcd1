;; The test guest by hand. Operation at 1024, payload at 2048, answers at 20480.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "Echo")
  (data (i32.const 16) "Fail")
  (data (i32.const 32) "HostCall")
  (data (i32.const 48) "Log")
  (data (i32.const 64) "HealthRequest")
  (data (i32.const 128) "no luck")
  (data (i32.const 144) "wascc:keyvalue")
  (data (i32.const 160) "Add")
  (data (i32.const 176) "too long")
  (data (i32.const 20480) "Could not find function \22")

  (func $fail (param $at i32) (param $length i32) (result i32)
    (call $error (local.get $at) (local.get $length))
    (i32.const 0))

  (func $reply (param $at i32) (param $length i32) (result i32)
    (call $response (local.get $at) (local.get $length))
    (i32.const 1))

  ;; Whether the operation of $length bytes is the name of $size bytes at $name.
  (func $is (param $length i32) (param $name i32) (param $size i32) (result i32)
    (local $i i32)
    (if (i32.ne (local.get $length) (local.get $size)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eq (local.get $i) (local.get $size)) (then (return (i32.const 1))))
      (if (i32.ne
            (i32.load8_u (i32.add (local.get $name) (local.get $i)))
            (i32.load8_u offset=1024 (local.get $i)))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    (unreachable))

  (func $add (param $length i32) (result i32)
    (if (call $host_call
          (i32.const 0) (i32.const 0) (i32.const 144) (i32.const 14)
          (i32.const 160) (i32.const 3) (i32.const 2048) (local.get $length))
      (then
        (call $host_response (i32.const 2048))
        (return (call $reply (i32.const 2048) (call $host_response_len)))))
    (call $host_error (i32.const 2048))
    (call $fail (i32.const 2048) (call $host_error_len)))

  (func $unknown (param $length i32) (result i32)
    (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $i) (local.get $length)))
        (i32.store8 offset=20505 (local.get $i) (i32.load8_u offset=1024 (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store8 offset=20505 (local.get $length) (i32.const 34))
    (call $fail (i32.const 20480) (i32.add (local.get $length) (i32.const 26))))

  (func (export "__guest_call") (param $name i32) (param $length i32) (result i32)
    (if (i32.or (i32.gt_u (local.get $name) (i32.const 128)) (i32.gt_u (local.get $length) (i32.const 16384)))
      (then (return (call $fail (i32.const 176) (i32.const 8)))))
    (call $request (i32.const 1024) (i32.const 2048))
    (if (call $is (local.get $name) (i32.const 0) (i32.const 4))
      (then (return (call $reply (i32.const 2048) (local.get $length)))))
    (if (call $is (local.get $name) (i32.const 16) (i32.const 4))
      (then (return (call $fail (i32.const 128) (i32.const 7)))))
    (if (call $is (local.get $name) (i32.const 32) (i32.const 8))
      (then (return (call $add (local.get $length)))))
    (if (call $is (local.get $name) (i32.const 48) (i32.const 3))
      (then
        (call $console_log (i32.const 2048) (local.get $length))
        (return (call $reply (i32.const 0) (i32.const 0)))))
    (if (call $is (local.get $name) (i32.const 64) (i32.const 13))
      (then (return (call $reply (i32.const 0) (i32.const 0)))))
    (call $unknown (local.get $name))))
