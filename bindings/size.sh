#!/usr/bin/env bash
# How big the shared library is, stripped, with everything but Redis, and what each feature adds. Fails above the bars, and where
# the table in docs/c.md says something else.
#
#   bindings/size.sh            the whole, with the SQLite of the system and with SQLite built in
#   bindings/size.sh --all      what each feature adds, too: some minutes more
#   bindings/size.sh --speed    compares its speed with that of a library that is not made small, and fails if it is slower
#
# The bar of 1.5 MiB is for the library as distributions ship it, with the SQLite of the system. With SQLite built in it is bigger
# by SQLite, and has a bar of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
bar=$((1536 * 1024))
bar_built_in=$((2048 * 1024))
target=${CARGO_TARGET_DIR:-target}
command -v strip >/dev/null || { echo "size.sh: strip is missing: install binutils" >&2; exit 1; }
# shellcheck source=bindings/build.sh
. bindings/build.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

size() { # size FEATURES: sets $bytes, and leaves the library in $work
    cargo rustc --quiet --package bulla-c --lib --locked --profile capi --no-default-features --features "$1" \
        --crate-type cdylib -- -C link-arg=-Wl,-soname,libbulla.so 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    strip --strip-unneeded -o "$work/libbulla.so" "$target/capi/libbulla_c.so"
    bytes=$(stat --format=%s "$work/libbulla.so")
}
needs_sqlite() { readelf -d "$work/libbulla.so" | grep -F '[libsqlite3.so' >/dev/null; }
# stated ROW BYTES: the table of the guide is to say so, within 2 %.
stated() {
    local said
    said=$(awk -F'|' -v row=" $1 " '$2 == row { gsub(/[^0-9]/, "", $3); print $3 }' docs/c.md)
    awk -v said="${said:-0}" -v bytes="$2" 'BEGIN { off = said * 1024 / bytes - 1; exit off < -0.02 || off > 0.02 }' && return
    echo "size.sh: docs/c.md says ${said:-no} KiB for \"$1\", and it is $(kib "$2")" >&2
    failed=1
}
kib() { awk -v bytes="$1" 'BEGIN { printf "%.0f KiB", bytes / 1024 }'; }
failed=0
under() { # under BAR BYTES
    [ "$2" -gt "$1" ] || return 0
    echo "size.sh: that is $(kib $(($2 - $1))) above the bar of $(kib "$1")" >&2
    failed=1
}

if [ "${1:-}" = --speed ]; then
    size keyfile,sqlite
    cargo rustc --package bulla --lib --locked --release --features capi,sqlite --crate-type cdylib
    cc -std=gnu99 -O2 -Wall -Wextra -Werror -Iinclude tests/c/speed.c -o "$work/speed" -ldl
    "$work/speed" "$target/release/libbulla.so" "$work/libbulla.so"
    exit
fi

choose_sqlite system >&2
size keyfile,sqlite
whole=$bytes
echo "everything but Redis: $whole bytes ($(kib "$whole")), with the SQLite of the system; the bar is $(kib $bar)"
under $bar "$whole"
stated "everything but Redis, with the SQLite of the system" "$whole"
needs_sqlite || { echo "size.sh: that is not with the SQLite of the system" >&2; exit 1; }
if [ "${1:-}" = --all ]; then
    size keyfile
    echo "  of that sqlite: $(kib $((whole - bytes)))"
    stated 'of that the guard, store and outbox in a file (`sqlite`)' $((whole - bytes))
    size sqlite
    echo "  of that keyfile: $(kib $((whole - bytes)))"
    stated 'of that keys under a passphrase (`keyfile`)' $((whole - bytes))
    size keyfile,sqlite,redis
    echo "  redis would add: $(kib $((bytes - whole)))"
    stated 'the guard of a fleet (`redis`) would add' $((bytes - whole))
fi
export LIBSQLITE3_SYS_USE_PKG_CONFIG=0
size keyfile,sqlite
echo "everything but Redis: $bytes bytes ($(kib "$bytes")), with SQLite built in; its bar is $(kib $bar_built_in)"
under $bar_built_in "$bytes"
stated "everything but Redis, with SQLite built in" "$bytes"
! needs_sqlite || { echo "size.sh: SQLite is not built in: the library needs that of the system" >&2; exit 1; }
exit $failed
