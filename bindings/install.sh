#!/usr/bin/env bash
# Installs the library for C: shared library, static library, header, pkg-config file, CMake package. Needs cargo alone; with
# --cargo-c it calls `cargo cinstall`, which gives the same files.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

prefix=/usr/local libdir=lib destdir='' features=sqlite kinds='shared static' with=cargo profile=capi sqlite=either
usage() {
    cat <<'END'
usage: bindings/install.sh [OPTION]...
  --prefix DIR      where it belongs (/usr/local)
  --libdir DIR      where the libraries belong, below the prefix (lib); CMake finds lib, lib64 and lib/<triplet>
  --destdir DIR     put before every path, to make packages
  --features LIST   besides keyfile: sqlite, redis, separated by commas (sqlite); none for ''
  --system-sqlite   with the SQLite of this system, 3.40 or newer: smaller, and updated with the system
  --built-in-sqlite with one that is built in. Without either: the one of this system if it has one, and it is said which one it was
  --static-only     without the shared library
  --shared-only     without the static library
  --debug           not optimised, for work on the library itself; SQLite is built in unless something else is asked for
  --cargo-c         with cargo-c, if it is installed
END
}
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=${2:?"$1 needs a folder"}; shift ;;
    --libdir) libdir=${2:?"$1 needs a folder"}; shift ;;
    --destdir) destdir=${2:?"$1 needs a folder"}; shift ;;
    --features) features=${2?"$1 needs a list"}; shift ;;
    --system-sqlite) sqlite=system ;;
    --built-in-sqlite) sqlite=built-in ;;
    --static-only) kinds=static ;;
    --shared-only) kinds=shared ;;
    --debug) profile=dev ;;
    --cargo-c) with=cargo-c ;;
    --help | -h) usage; exit ;;
    *) echo "install.sh: $1 is not known; --help says what is" >&2; exit 1 ;;
    esac
    shift
done
case $prefix in /*) ;; *) echo "install.sh: the prefix must be an absolute path: $prefix" >&2; exit 1 ;; esac
case $libdir in /*) echo "install.sh: the libdir must be below the prefix: $libdir" >&2; exit 1 ;; esac
command -v cargo >/dev/null || { echo "install.sh: cargo is missing: install Rust" >&2; exit 1; }
[ "$(uname -s)" = Linux ] || [ $with = cargo-c ] ||
    { echo "install.sh: this knows the names of libraries on Linux only: use --cargo-c" >&2; exit 1; }
cd "$root"
# shellcheck source=bindings/build.sh
. bindings/build.sh
# Cargo takes spaces, too.
features=${features//[[:space:]]/,}
case ,$features, in
*,sqlite,*)
    # What is not optimised refers to functions that it never calls, also to those of SQLite that an older one has not got.
    if [ "$sqlite$profile${LIBSQLITE3_SYS_USE_PKG_CONFIG:-}" = eitherdev ]; then
        choose_sqlite built-in "with --debug, as a static library could not be linked with an older one"
    else
        choose_sqlite "$sqlite"
    fi
    ;;
*) [ "$sqlite" = either ] || { echo "install.sh: --$sqlite-sqlite is nothing without the feature sqlite: leave one out, or add the other" >&2; exit 1; } ;;
esac

if [ $with = cargo-c ]; then
    command -v cargo-cinstall >/dev/null ||
        { echo "install.sh: cargo-c is missing: cargo install --locked cargo-c --version 0.10.24+cargo-0.98.0" >&2; exit 1; }
    types=()
    for kind in $kinds; do
        if [ "$kind" = shared ]; then types+=(--library-type cdylib); else types+=(--library-type staticlib); fi
    done
    cargo cinstall --package bulla-c --locked --profile "$profile" --features "$features" "${types[@]}" \
        --prefix "$prefix" --libdir "$libdir" ${destdir:+--destdir "$destdir"}
    case $kinds in *static*) keep_own_symbols "$destdir$prefix/$libdir/libbulla.a" ;; esac
    exit
fi

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
IFS=. read -r major minor _ <<<"${version%%-*}"
# As cargo-c does it: below version 1 a minor version may break what was there.
if [ "$major" -gt 0 ]; then soname=libbulla.so.$major; else soname=libbulla.so.0.$minor; fi
out=${CARGO_TARGET_DIR:-target}/$([ $profile = dev ] && echo debug || echo "$profile")

build() { # build TYPES [ARGUMENT FOR RUSTC]...
    local types=$1
    shift
    cargo rustc --package bulla-c --lib --locked --profile "$profile" --features "$features" \
        --crate-type "$types" -- "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
case $kinds in
*static*)
    types=staticlib
    case $kinds in *shared*) types=cdylib,staticlib ;; esac
    build $types -C link-arg=-Wl,-soname,"$soname" --print native-static-libs 2> >(tee "$log" >&2)
    wait $!
    ;;
*) build cdylib -C link-arg=-Wl,-soname,"$soname" ;;
esac
private=$(sed -n 's/^note: native-static-libs: //p' "$log" | head -1)
case $kinds in *static*) [ -n "$private" ] || { echo "install.sh: rustc did not say what the static library needs" >&2; exit 1; } ;; esac

to=$destdir$prefix
install -d "$to/include" "$to/$libdir/pkgconfig" "$to/share/cmake/bulla"
install -m 644 include/bulla.h "$to/include/"
install -d "$to/include/bulla"
for header in bindings/cpp/*.hpp bindings/cpp/bulla/*.hpp; do
    install -m 644 "$header" "$to/include/${header#bindings/cpp/}"
done
install -m 644 bindings/cmake/*.cmake "$to/share/cmake/bulla/"
case $kinds in
*static*)
    install -m 644 "$out/libbulla_c.a" "$to/$libdir/libbulla.a"
    keep_own_symbols "$to/$libdir/libbulla.a"
    ;;
esac
case $kinds in
*shared*)
    install -m 755 "$out/libbulla_c.so" "$to/$libdir/libbulla.so.$version"
    ln -sf "libbulla.so.$version" "$to/$libdir/$soname"
    ln -sf "libbulla.so.$version" "$to/$libdir/libbulla.so"
    ;;
esac
{
    echo "prefix=$prefix"
    echo "exec_prefix=\${prefix}"
    echo "libdir=\${prefix}/$libdir"
    echo "includedir=\${prefix}/include"
    echo
    echo "Name: bulla"
    echo "Description: $(sed -n '/^\[package\]/,/^\[/s/^description = "\(.*\)"$/\1/p' Cargo.toml)"
    echo "Version: $version"
    echo "Libs: -L\${libdir} -lbulla"
    echo "Cflags: -I\${includedir}"
    [ -z "$private" ] || echo "Libs.private: $private"
} >"$to/$libdir/pkgconfig/bulla.pc"
chmod 644 "$to/$libdir/pkgconfig/bulla.pc"
case $kinds in
*shared*) [ -n "$destdir" ] || ldconfig 2>/dev/null || echo "install.sh: run ldconfig as root, or set LD_LIBRARY_PATH" >&2 ;;
esac
