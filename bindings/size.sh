#!/usr/bin/env bash
# How big the shared library is, stripped, with everything but Redis, and what each feature adds. Fails above the bar.
#
#   bindings/size.sh [--all]     --all also builds it without sqlite, without key files, and with Redis (minutes each)
set -euo pipefail
cd "$(dirname "$0")/.."
bar=$((1536 * 1024))
target=${CARGO_TARGET_DIR:-target}
command -v strip >/dev/null || { echo "size.sh: strip is missing: install binutils" >&2; exit 1; }
strip=$(mktemp)
trap 'rm -f "$strip"' EXIT

# As install.sh does it.
. bindings/link.sh
size() { # size FEATURES: sets $bytes
    cargo rustc --quiet --package bulla-c --lib --locked --profile capi --no-default-features --features "$1" \
        --crate-type cdylib -- -C link-arg=-Wl,-soname,libbulla.so "${link[@]}" 2>/dev/null
    strip --strip-unneeded -o "$strip" "$target/capi/libbulla_c.so"
    bytes=$(stat --format=%s "$strip")
}
kib() { awk -v bytes="$1" 'BEGIN { printf "%.0f KiB", bytes / 1024 }'; }

size keyfile,sqlite
whole=$bytes
echo "everything but Redis: $whole bytes ($(kib "$whole")); the bar is $bar ($(kib $bar))"
if [ "${1:-}" = --all ]; then
    size keyfile
    echo "of that sqlite: $(kib $((whole - bytes)))"
    size sqlite
    echo "of that keyfile: $(kib $((whole - bytes)))"
    size keyfile,sqlite,redis
    echo "redis would add: $(kib $((bytes - whole)))"
fi
if [ "$whole" -gt "$bar" ]; then
    echo "size.sh: the library is $(kib $((whole - bar))) too big" >&2
    exit 1
fi
