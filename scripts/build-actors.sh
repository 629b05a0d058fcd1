#!/usr/bin/env bash
# Builds every actor under actors/ into dist/actors/*.wasm. Rebuilds only what changed: the hash of a module's
# sources, flags and compiler version is kept beside it. `--force` rebuilds all, `--list` names the outputs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=dist/actors
hashes=$out/.hashes
force=no
built=0
kept=0

die() {
  printf 'build-actors: %s\n' "$@" >&2
  exit 1
}

# Prints the newest installed clang that has a wasm-ld beside it, as "CLANG WASM_LD".
find_clang() {
  local version clang ld
  for version in $(compgen -c clang- | sed -n 's/^clang-\([0-9][0-9]*\)$/\1/p' | sort -rnu) ''; do
    clang=clang${version:+-$version}
    ld=wasm-ld${version:+-$version}
    if command -v "$clang" > /dev/null && command -v "$ld" > /dev/null; then
      echo "$clang $ld"
      return
    fi
  done
  die 'no clang with a wasm-ld found, needed for the actors in C' \
    'on Debian and Raspberry Pi OS: sudo apt-get install clang lld   (or clang-14 lld-14)'
}

clang='' ld='' clang_version=''
need_clang() {
  [[ -n $clang ]] && return
  local found
  found=$(find_clang)
  read -r clang ld <<< "$found"
  clang_version=$("$clang" --version | head -n 1)
}

asc=node_modules/assemblyscript/bin/asc.js
asc_version=''
need_asc() {
  [[ -n $asc_version ]] && return
  command -v node > /dev/null || die 'node is not installed, needed for the actors in AssemblyScript'
  [[ -f $asc ]] || die "$asc is missing, needed for the actors in AssemblyScript: run npm ci"
  asc_version=$(node -p 'require("./node_modules/assemblyscript/package.json").version')
}

# build NAME "IDENTITY OF TOOL AND FLAGS" INPUT… -- COMMAND…   (the command writes to the path in $target)
build() {
  local name=$1 identity=$2 inputs=() hash
  shift 2
  while [[ $1 != -- ]]; do inputs+=("$1"); shift; done
  shift
  hash=$({ echo "$identity"; sha256sum "${inputs[@]}"; } | sha256sum | cut -d ' ' -f 1)
  if [[ $force == no && -f $out/$name.wasm && $(cat "$hashes/$name" 2> /dev/null) == "$hash" ]]; then
    kept=$((kept + 1))
    return
  fi
  echo "build-actors: $name.wasm"
  rm -f "$out/$name.wasm" "$hashes/$name"
  # A module appears under its name only when it is whole.
  "$@" "$out/.$name.part" || { rm -f "$out/.$name.part"; die "$name.wasm could not be built"; }
  mv "$out/.$name.part" "$out/$name.wasm"
  echo "$hash" > "$hashes/$name"
  built=$((built + 1))
}

# Plain WebAssembly 1.0 (-mcpu=mvp), one page, the stack below the data so that an overflow traps instead of
# overwriting buffers. -fno-builtin keeps clang from inventing calls to a libc that is not there.
c_flags=(--target=wasm32 -mcpu=mvp -std=c11 -Wall -Wextra -Werror -O2 -flto -ffreestanding -fno-builtin -nostdlib
  -Iactors/sdk/c -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=4096 -Wl,--initial-memory=65536
  -Wl,--max-memory=65536 -Wl,--strip-all)
compile_c() { # SOURCE DEFINES… TARGET
  "$clang" "${c_flags[@]}" "-fuse-ld=$(command -v "$ld")" -o "${@: -1}" "${@:1:$#-1}" actors/sdk/c/*.c
}
build_c() { # NAME SOURCE DEFINES…
  need_clang
  build "$1" "$clang_version ${c_flags[*]} ${*:3}" actors/sdk/c/*.[ch] "$(dirname "$2")"/*.[ch] -- compile_c "${@:2}"
}

# `stub` never collects, and nothing is there to collect; the top level runs as wapc_init, not as a hidden start section.
as_flags=(-O3 --noAssert --converge --runtime stub --exportStart wapc_init
  --use abort=actors/sdk/assemblyscript/assembly/abort/actorAbort --initialMemory 1 --maximumMemory 1
  --disable bulk-memory --disable sign-extension --disable nontrapping-f2i --disable mutable-globals)
compile_as() { # ENTRY TARGET
  node "$asc" "$1" --outFile "$2" "${as_flags[@]}"
}
build_as() { # NAME ENTRY
  need_asc
  build "$1" "asc $asc_version ${as_flags[*]} $2" actors/sdk/assemblyscript/assembly/*.ts "$(dirname "$2")"/*.ts \
    -- compile_as "$2"
}

names=(blink-v1 blink-v2 counter-v1 counter-v2 lamp-c lamp-as echo-c echo-as relay visits
  thermostat door ble-beacon modbus-gateway
  bad-trap bad-trap-start bad-hang bad-start probe-c probe-as probe-io-c probe-io-as probe-serial probe-edges)
case ${1:-} in
  '') ;;
  --force) force=yes ;;
  --list) printf "$out/%s.wasm\n" "${names[@]}"; exit 0 ;;
  *) die "unknown argument $1" 'usage: scripts/build-actors.sh [--force | --list]' ;;
esac

mkdir -p "$hashes"
build_as blink-v1 actors/blink/assembly/v1.ts
build_as blink-v2 actors/blink/assembly/v2.ts
build_c counter-v1 actors/counter/counter.c -DCOUNTER_VERSION=1
build_c counter-v2 actors/counter/counter.c -DCOUNTER_VERSION=2
build_c lamp-c actors/lamp/lamp.c
build_as lamp-as actors/lamp/lamp.ts
build_c echo-c actors/echo/echo.c
build_as echo-as actors/echo/echo.ts
build_c relay actors/relay/relay.c
build_c visits actors/visits/visits.c
# Small ones: they wait for the world, and travel over slow networks.
build_c thermostat actors/thermostat/thermostat.c -Oz
build_as door actors/door/door.ts
build_c ble-beacon actors/ble-beacon/ble-beacon.c -Oz
build_c modbus-gateway actors/modbus-gateway/modbus-gateway.c -Oz
for bad in bad-trap bad-trap-start bad-hang bad-start; do
  build_c "$bad" "actors/bad/$bad.c"
done

# For the tests: every function of each SDK.
build_c probe-c actors/probe/probe.c
build_as probe-as actors/probe/probe.ts
build_c probe-io-c actors/probe/probe-io.c
build_as probe-io-as actors/probe/probe-io.ts
build_c probe-serial actors/probe/probe-serial.c
build_c probe-edges actors/probe/probe-edges.c

for name in "${names[@]}"; do
  [[ -s $out/$name.wasm ]] || die "$out/$name.wasm is missing after the build"
done
echo "build-actors: $built built, $kept up to date in $out"
