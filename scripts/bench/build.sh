#!/usr/bin/env bash
# Builds what only the benchmarks need into dist/bench/: the compute kernel, wasm3 as a native program with the same
# metering, a guest made with the published AssemblyScript SDK, and a library that notes when a line is driven. Does nothing when all is up to date.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

wasm3=${WASM3_SOURCE:-node_modules/wasm3-source/cpp}
out=dist/bench
stamp=$out/.inputs

clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2 -rn | head -n 1 || true)
clang=${clang:-clang}
for tool in "$clang" gcc; do
  command -v "$tool" >/dev/null || { echo "bench: $tool is missing; scripts/setup bench installs it" >&2; exit 2; }
done

sources=()
for source in "$wasm3"/m3_*.c; do
  case ${source##*/} in m3_api_* | m3_compile.c) ;; *) sources+=("$source") ;; esac
done

inputs=$({
  "$clang" --version
  gcc --version
  cat scripts/bench/build.sh scripts/bench/native/* native/iot.h native/iot_meter.c actors/echo/as-guest.ts actors/sdk/c/*.[ch] "$wasm3"/*.[ch]
} | sha256sum | cut -d ' ' -f 1)
if [[ -f $stamp && $(<"$stamp") == "$inputs" ]]; then exit 0; fi

echo 'bench: building the kernel, the native wasm3 and a guest'
mkdir -p "$out"
rm -f "$stamp"
"$clang" --target=wasm32 -mcpu=mvp -std=c11 -Wall -Wextra -O2 -ffreestanding -fno-builtin -nostdlib \
  -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=4096 -Wl,--strip-all -o "$out/kernel.wasm" scripts/bench/native/kernel.c
# As scripts/build-actors.sh builds actors.
"$clang" --target=wasm32 -mcpu=mvp -std=c11 -Wall -Wextra -O2 -flto -ffreestanding -fno-builtin -nostdlib -Iactors/sdk/c \
  -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=4096 -Wl,--initial-memory=65536 -Wl,--max-memory=65536 -Wl,--strip-all \
  -o "$out/pins.wasm" scripts/bench/native/pins.c actors/sdk/c/*.c
# As the engine is compiled, but for this machine: native/iot_meter.c takes the place of m3_compile.c in both.
gcc -O3 -std=gnu11 -w -I "$wasm3" -I native -Dd_m3CodePageAlignSize=4096 \
  -o "$out/wasm3-native" "${sources[@]}" native/iot_meter.c scripts/bench/native/runner.c -lm
gcc -O2 -std=gnu11 -Wall -Wextra -shared -fPIC -o "$out/witness.so" scripts/bench/native/witness.c
node node_modules/assemblyscript/bin/asc.js actors/echo/as-guest.ts --outFile "$out/echo-as-guest.wasm" -Oz \
  --runtime incremental --use abort=actors/echo/as-guest/abort \
  --disable bulk-memory --disable sign-extension --disable nontrapping-f2i --disable mutable-globals
echo "$inputs" >"$stamp"
