#!/usr/bin/env bash
# Builds dist/native/engine.wasm: wasm3 and the shim in native/, compiled to WebAssembly by emcc.
# wasm3 comes from $WASM3_SOURCE or else from the npm package wasm3-source. Does nothing when the result is up to
# date: the hash of everything that goes in is kept beside it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

wasm3=${WASM3_SOURCE:-node_modules/wasm3-source/cpp}
out=dist/native/engine.wasm
stamp=$out.inputs

if [[ ! -f $wasm3/wasm3.h ]]; then
  echo "build-native: no wasm3 source in $wasm3; run npm ci or set WASM3_SOURCE" >&2
  exit 2
fi
if ! command -v emcc >/dev/null; then
  echo "build-native: emcc is not installed; on Debian: sudo apt-get install emscripten" >&2
  exit 2
fi

# The core of wasm3 without its WASI and tracing APIs; native/iot_meter.c and native/iot_memory.c include the other two.
sources=(native/*.c)
for source in "$wasm3"/m3_*.c; do
  case ${source##*/} in m3_api_* | m3_compile.c | m3_core.c) ;; *) sources+=("$source") ;; esac
done

flags=(
  -O3 -flto -std=gnu11 -Wall -Wno-unused-function -Wno-unused-variable
  -mtail-call -mbulk-memory -mnontrapping-fptoint -msign-ext -mmutable-globals
  -I "$wasm3" -I native
  -Dd_m3CodePageAlignSize=4096     # small guests need little code
  -Dd_m3MaxLinearMemoryPages=240   # keeps a page count in bytes within 32 bits
  -sSTANDALONE_WASM --no-entry
  # emcc looks for imports among its own JavaScript; a test compares the list of imports instead.
  -sERROR_ON_UNDEFINED_SYMBOLS=0 -sWARN_ON_UNDEFINED_SYMBOLS=0
  # 16 MiB at most: V8 then reserves little address space for each engine, and many actors fit on a small machine.
  -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=16MB -sINITIAL_MEMORY=256KB -sTOTAL_STACK=64KB
  -Wl,--stack-first                # an overflow of the C stack traps instead of overwriting data
)

inputs=$({
  emcc --version | head -n 1
  printf '%s\n' "${flags[@]}"
  cat native/*.[ch] "$wasm3"/*.[ch] scripts/build-native.sh
} | sha256sum | cut -d ' ' -f 1)

if [[ -f $out && -f $stamp && $(<"$stamp") == "$inputs" ]]; then
  exit 0
fi

echo "build-native: compiling wasm3 and the shim to $out"
mkdir -p dist/native
rm -f "$stamp"
emcc "${flags[@]}" "${sources[@]}" -o "$out.new.wasm"
mv "$out.new.wasm" "$out"
# The engine goes out compiled: the licence of what is in it goes with it.
if [[ -f node_modules/wasm3-source/LICENSE ]]; then cp node_modules/wasm3-source/LICENSE dist/native/LICENSE.wasm3; fi
echo "$inputs" >"$stamp"
