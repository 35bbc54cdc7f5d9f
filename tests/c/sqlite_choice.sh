#!/usr/bin/env bash
# Which SQLite bindings/build.sh chooses, and that it says so in one line. Nothing is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() { echo "sqlite_choice.sh: $*" >&2; exit 1; }
command -v pkg-config >/dev/null || fail "pkg-config is missing: install pkg-config"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LIBSQLITE3_SYS_USE_PKG_CONFIG PKG_CONFIG_PATH
export PKG_CONFIG_LIBDIR=$work

system() { # system VERSION: the SQLite of a system like that; none without a version
    rm -f "$work/sqlite3.pc"
    [ -z "$1" ] || printf 'Name: sqlite3\nDescription: SQLite\nVersion: %s\nLibs: -lsqlite3\n' "$1" >"$work/sqlite3.pc"
}
chosen() { # chosen WHICH: what cargo will see, and a line that says so
    bash -c '. bindings/build.sh; choose_sqlite "$1" && echo "$LIBSQLITE3_SYS_USE_PKG_CONFIG"' install.sh "$1" 2>&1 || true
}
expect() { # expect WHICH SETTING WORDS
    local said
    said=$(chosen "$1")
    [ "$(tail -1 <<<"$said")" = "$2" ] || fail "$1 gives: $said"
    [ "$(wc -l <<<"$said")" = 2 ] || fail "$1 is not said in one line: $said"
    grep -qF -- "$3" <<<"$said" || fail "$1 says: $said"
}

system 3.40.1
expect either 1 "of this system, 3.40.1"
expect system 1 "of this system, 3.40.1"
expect built-in 0 "is built in"
LIBSQLITE3_SYS_USE_PKG_CONFIG=0 expect either 0 "as LIBSQLITE3_SYS_USE_PKG_CONFIG says"
LIBSQLITE3_SYS_USE_PKG_CONFIG=1 expect either 1 "as LIBSQLITE3_SYS_USE_PKG_CONFIG says"
for version in 3.39.5 ''; do
    system "$version"
    expect either 0 "this system has none of 3.40"
    expect built-in 0 "is built in"
    for which in system either; do
        [ $which = system ] || export LIBSQLITE3_SYS_USE_PKG_CONFIG=1
        said=$(chosen $which)
        [[ $said == *"there is no SQLite of 3.40"* ]] && [ "$(wc -l <<<"$said")" = 1 ] || fail "without one, $which gives: $said"
        unset LIBSQLITE3_SYS_USE_PKG_CONFIG
    done
done

# install.sh chooses however the features are written, and does not ignore a choice that means nothing. cargo is not called.
mkdir "$work/bin"
printf '#!/bin/sh\necho "cargo is called" >&2\nexit 1\n' >"$work/bin/cargo"
chmod +x "$work/bin/cargo"
installs() { PATH=$work/bin:$PATH bash bindings/install.sh --prefix "$work/prefix" "$@" 2>&1 || true; }
system 3.40.1
for features in sqlite 'sqlite redis' 'redis sqlite' redis,sqlite; do
    said=$(installs --built-in-sqlite --features "$features")
    [[ $said == *"SQLite is built in"*"cargo is called"* ]] || fail "--features '$features' skips the choice: $said"
done
for features in '' redis; do
    for which in system built-in; do
        said=$(installs --$which-sqlite --features "$features")
        [[ $said == *"is nothing without the feature sqlite"* && $said != *"cargo is called"* ]] ||
            fail "--$which-sqlite with --features '$features' says: $said"
    done
    [[ $(installs --features "$features") == "cargo is called" ]] || fail "--features '$features' does not go on"
done
echo "SQLite is chosen as it is said"
