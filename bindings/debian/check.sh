#!/usr/bin/env bash
# Looks into a package of bindings/debian/build.sh, and installs and removes it (that takes root; else it only looks).
#
#   bindings/debian/check.sh PACKAGE
set -euo pipefail
package=${1:?"give the package"}
fail() { echo "debian/check.sh: $*" >&2; exit 1; }
listed=$(dpkg -c "$package")
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
headers=$(cd "$(dirname "$0")/../cpp" && printf 'usr/include/%s\n' *.hpp bulla/*.hpp)
for file in usr/bin/bulla usr/include/bulla.h $headers "usr/lib/$triplet/libbulla.a" "usr/lib/$triplet/libbulla.so" \
    "usr/lib/$triplet/pkgconfig/bulla.pc" usr/share/cmake/bulla/bulla-config.cmake usr/share/cmake/bulla/bulla-config-version.cmake \
    usr/share/man/man1/bulla.1.gz usr/share/man/man1/bulla-seal.1.gz usr/share/doc/bulla/copyright usr/share/doc/bulla/changelog.gz; do
    grep -qE " \./$file( ->.*)?$" <<<"$listed" || fail "$file is not in the package"
done
! grep -v ' root/root ' <<<"$listed" || fail "the files above are not root's"
if command -v lintian >/dev/null; then
    # One package with everything is meant for machines of one's own, not for the archive: so it is not split as Debian's are.
    lintian --fail-on error --suppress-tags no-copyright-file,non-dev-pkg-with-shlib-symlink,static-library-has-unneeded-sections,\
bad-distribution-in-changes-file,embedded-library,dir-or-file-in-opt "$package" || fail "lintian found errors"
else
    echo "debian/check.sh: lintian is not there: not asked"
fi
needs=$(dpkg-deb -f "$package" Depends)
[[ $needs == *libsqlite3-0* ]] || fail "it does not depend on the system's SQLite: $needs"
if [ "$(id -u)" != 0 ]; then
    echo "debian/check.sh: not root: not installed"
    exit
fi
dpkg -l bulla 2>/dev/null | grep '^ii' >/dev/null && fail "bulla is installed on this machine already: it would be removed"
trap 'dpkg --purge bulla >/dev/null 2>&1 || true' EXIT
dpkg --install "$package" >/dev/null
work=$(mktemp -d)
trap 'dpkg --purge bulla >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
version=$(dpkg-deb -f "$package" Version)
bulla --version | grep -F "$version" >/dev/null || fail "the command line does not run"
printf '#include <bulla.h>\n#include <stdio.h>\nint main(void) { return puts(bulla_version()) < 0; }\n' >"$work/version.c"
# shellcheck disable=SC2046
cc -std=c99 "$work/version.c" $(pkg-config --cflags --libs bulla) -o "$work/version"
[ "$("$work/version")" = "$version" ] || fail "a program built with pkg-config does not run with the installed library"
printf 'cmake_minimum_required(VERSION 3.13)\nproject(p C)\nfind_package(bulla REQUIRED)\nadd_executable(v version.c)\ntarget_link_libraries(v bulla::bulla)\n' >"$work/CMakeLists.txt"
printf '#include <bulla.hpp>\n#include <iostream>\nint main() { std::cout << bulla::version() << std::endl; }\n' >"$work/version.cpp"
# shellcheck disable=SC2046
c++ -std=c++17 "$work/version.cpp" $(pkg-config --cflags --libs bulla) -o "$work/version-cpp"
[ "$("$work/version-cpp")" = "$version" ] || fail "a program in C++ built with pkg-config does not run with the installed library"
cmake -S "$work" -B "$work/build" >/dev/null && cmake --build "$work/build" >/dev/null && [ "$("$work/build/v")" = "$version" ] ||
    fail "a program built with CMake does not run with the installed library"
dpkg --purge bulla >/dev/null
left=$(dpkg -c "$package" | sed -n 's/^-.* \.\(\/[^ ]*\)$/\1/p' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done)
[ -z "$left" ] || fail "this was left behind: $left"
echo "the package installs, works and goes away again"
