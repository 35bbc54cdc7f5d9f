#!/usr/bin/env bash
# Programs built outside the tree against the *installed* library, in C and in C++, through pkg-config and through CMake, with the
# shared and with the static library, exchange envelopes with the command line, in both directions. Then tests/exchange/run: envelopes
# and receipts between C, C++, Rust, Python and the command line, each with each other.
#
#   tests/c/installed.sh [PREFIX]     PREFIX: where it is installed; without it, it is installed to a folder of its own
#
# BULLA_BIN is the command line, BULLA_PYTHON a Python that has the package; without them they are built.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
fail() { echo "installed.sh: $*" >&2; exit 1; }
for tool in gcc g++ cmake pkg-config; do
    command -v $tool >/dev/null || fail "$tool is missing: install gcc, g++, cmake, pkg-config"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

prefix=${1:-}
if [ -z "$prefix" ]; then
    prefix=$work/prefix
    bindings/install.sh --debug --built-in-sqlite --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "it cannot be installed"; }
    ! readelf -d "$prefix/lib/libbulla.so" | grep -F '[libsqlite3.so' || fail "SQLite was to be built in, and is not"
fi
prefix=$(realpath "$prefix")
bulla=${BULLA_BIN:-}
if [ -z "$bulla" ]; then
    cargo build --quiet --package bulla-cli --locked
    bulla=$target/debug/bulla
fi
[ -x "$bulla" ] || fail "$bulla is not the command line"

pc=$(find "$prefix" -name bulla.pc -printf '%h\n' | head -1)
[ -n "$pc" ] || fail "there is no bulla.pc in $prefix"
libdir=$(dirname "$pc")
export PKG_CONFIG_PATH=$pc
[ "$(pkg-config --modversion bulla)" = "$(sed -n 's/^#define BULLA_VERSION "\(.*\)"$/\1/p' "$prefix/include/bulla.h")" ] ||
    fail "pkg-config and the header give different versions"

# Only what belongs to it is visible, and it names itself with a version.
stray=$(nm --dynamic --defined-only --format=just-symbols "$libdir/libbulla.so" | grep -v '^bulla_' || true)
[ -z "$stray" ] || fail "the shared library exports what is not bulla_*: $stray"
stray=$(nm --extern-only --defined-only --format=just-symbols "$libdir/libbulla.a" | grep -vE '^bulla_|^$|:$' || true)
[ -z "$stray" ] || fail "the static library defines what is not bulla_*, and may meet what a program has of that name: $stray"
soname=$(readelf -d "$libdir/libbulla.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ -e "$libdir/$soname" ] || fail "the soname ($soname) is no file in $libdir"

# Outside the tree: nothing of it can be found by accident.
mkdir "$work/out" && cp examples/c/*.c tests/c/keygen.c "$work/out/"
cd "$work/out"
cat >seal_cpp.cpp <<'END'
#include <bulla.h>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

// As examples/c/seal.c, in C++ over the C header alone.
template <auto release> struct Free {
    template <class T> void operator()(T *handle) const { release(handle); }
};
template <class T, auto release> using Handle = std::unique_ptr<T, Free<release>>;

int main(int argc, char **argv)
{
    if (argc != 4) return EXIT_FAILURE;
    std::string content{std::istreambuf_iterator<char>(std::cin), {}};
    bulla_error error{};
    auto must = [&](bulla_status status) {
        if (status != BULLA_OK) { std::cerr << error.text << '\n'; std::exit(EXIT_FAILURE); }
    };
    bulla_identity *identity; must(bulla_identity_load(argv[1], nullptr, &identity, &error));
    Handle<bulla_identity, bulla_identity_free> sender{identity};
    bulla_public *line; must(bulla_public_parse(argv[2], &line, &error));
    Handle<bulla_public, bulla_public_free> recipient{line};
    bulla_sealer *made; must(bulla_sealer_new(sender.get(), &made, &error));
    Handle<bulla_sealer, bulla_sealer_free> sealer{made};
    must(bulla_sealer_to(sealer.get(), recipient.get(), &error));
    bulla_draft *said; must(bulla_draft_new(argv[3], &said, &error));
    Handle<bulla_draft, bulla_draft_free> draft{said};
    bulla_buffer *place; must(bulla_buffer_new(&place, &error));
    Handle<bulla_buffer, bulla_buffer_free> envelope{place};
    auto bytes = reinterpret_cast<const std::uint8_t *>(content.data());
    must(bulla_seal(sealer.get(), draft.get(), bytes, content.size(), envelope.get(), nullptr, &error));
    auto sealed = reinterpret_cast<const char *>(bulla_buffer_data(envelope.get()));
    std::cout.write(sealed, static_cast<std::streamsize>(bulla_buffer_length(envelope.get()))).flush();
    return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}
END
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.13)
project(outside LANGUAGES C CXX)
set(CMAKE_C_STANDARD 99)
set(CMAKE_CXX_STANDARD 17)
find_package(bulla 0.1 REQUIRED)
message(STATUS "bulla ${bulla_VERSION}")
foreach(name IN ITEMS keygen seal open stream)
  add_executable(${name} ${name}.c)
  target_link_libraries(${name} PRIVATE bulla::bulla)
endforeach()
add_executable(seal_cpp seal_cpp.cpp)
target_link_libraries(seal_cpp PRIVATE bulla::bulla)
END

flags='-Wall -Wextra -Wpedantic -Werror'
build_pkg_config() { # build_pkg_config FOLDER [--static]
    mkdir "$1"
    local link
    link=$(pkg-config --libs bulla)
    # By the same file, but with the library itself, for the linker takes the shared one if both are there.
    if [ "${2:-}" = --static ]; then link=$(pkg-config --libs --static bulla | sed 's/-lbulla/-l:libbulla.a/'); fi
    for name in keygen seal open stream; do
        # shellcheck disable=SC2046,SC2086
        gcc -std=c99 $flags $(pkg-config --cflags bulla) $name.c $link -o "$1/$name"
    done
    # shellcheck disable=SC2046,SC2086
    g++ -std=c++17 $flags $(pkg-config --cflags bulla) seal_cpp.cpp $link -o "$1/seal_cpp"
}
build_cmake() { # build_cmake FOLDER [OPTION]...
    local to=$1
    shift
    cmake -S . -B "$to" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" "$@" >"$to.log" 2>&1 &&
        cmake --build "$to" >>"$to.log" 2>&1 || { cat "$to.log" >&2; fail "CMake cannot build $to"; }
}
build_pkg_config pkg-config-shared
build_pkg_config pkg-config-static --static
build_cmake cmake-shared
build_cmake cmake-static -Dbulla_USE_STATIC_LIBS=ON
# A version that is not there must not be found.
sed 's/bulla 0.1 /bulla 0.2 /' CMakeLists.txt >other.txt
mkdir other && mv other.txt other/CMakeLists.txt
! cmake -S other -B other/build -DCMAKE_PREFIX_PATH="$prefix" >/dev/null 2>&1 || fail "CMake finds version 0.2, which is not installed"

"$bulla" keygen -o alice.key >alice.id
"$bulla" keygen -o bob.key >bob.id
head -c 300000 /dev/urandom >content
"$bulla" seal -i alice.key -r bob.id -c test -o of-cli.bulla content
"$bulla" seal -i alice.key -r bob.id -c test --stream <content >of-cli-stream.bulla
alice=$(cat alice.id) bob=$(cat bob.id)
number=0
from_cli() { # from_cli ENVELOPE...: the command line accepts them, once each
    for envelope in "$@"; do
        number=$((number + 1))
        "$bulla" open -i bob.key --from alice.id -c test --guard seen --report none -o "opened-$number" "$envelope"
        cmp content "opened-$number"
    done
}
for built in pkg-config-shared pkg-config-static cmake-shared cmake-static; do
    export LD_LIBRARY_PATH=
    case $built in
    *shared)
        export LD_LIBRARY_PATH=$libdir
        ldd $built/seal | grep "$soname => $libdir" >/dev/null || fail "$built does not use the installed shared library"
        ;;
    *) ! ldd $built/seal | grep libbulla >/dev/null || fail "$built is not static" ;;
    esac
    for envelope in of-cli.bulla of-cli-stream.bulla; do
        $built/open bob.key "$alice" test $envelope | cmp - content
        $built/stream open bob.key "$alice" test <$envelope | cmp - content
    done
    $built/seal alice.key "$bob" test <content >$built/whole.bulla
    $built/seal_cpp alice.key "$bob" test <content >$built/cpp.bulla
    $built/stream seal alice.key "$bob" test <content >$built/pieces.bulla
    from_cli $built/whole.bulla $built/cpp.bulla $built/pieces.bulla
    # Keys of the library's are those of the command line's.
    rm -f carol.key
    $built/keygen carol.key >carol.id
    "$bulla" seal -i carol.key -r bob.id -c test -o carol-$built.bulla content
    $built/open bob.key "$(cat carol.id)" test carol-$built.bulla | cmp - content
    # What is refused is refused: changed, or of another sender.
    { cat $built/whole.bulla && echo; } >$built/longer.bulla
    ! $built/open bob.key "$alice" test $built/longer.bulla >said 2>&1 || fail "$built opens what was changed"
    ! $built/open bob.key "$bob" test $built/whole.bulla >said 2>&1 || fail "$built opens what another one sent"
    echo "$built: envelopes of the command line and of the library, both ways"
done
LD_LIBRARY_PATH='' BULLA_BIN=$(realpath "$bulla") "$root/tests/exchange/run" "$prefix"
