# Sourced by all that builds the library for C, so that all build it the same way.
#
#   choose_sqlite system|built-in|either [WHY]   which SQLite cargo takes from then on, and says so in one line. `either`: the one of the
#                          system where there is one, unless the environment says otherwise (LIBSQLITE3_SYS_USE_PKG_CONFIG)
#   keep_own_symbols FILE  in a static library, hides every symbol but those of bulla.h

choose_sqlite() {
    # The oldest that is tested is Debian 12's.
    local found=0 which=$1 why=${2:-as was asked for}
    { command -v pkg-config >/dev/null && pkg-config --atleast-version=3.40 sqlite3; } && found=1
    if [ "$which" = either ]; then
        case $found${LIBSQLITE3_SYS_USE_PKG_CONFIG:-} in
        0) which=built-in why="this system has none of 3.40 or newer, with pkg-config and libsqlite3-dev" ;;
        1) which=system why="--built-in-sqlite builds one in" ;;
        ?0) which=built-in why="as LIBSQLITE3_SYS_USE_PKG_CONFIG says" ;;
        *) which=system why="as LIBSQLITE3_SYS_USE_PKG_CONFIG says" ;;
        esac
    fi
    if [ "$which" = built-in ]; then
        export LIBSQLITE3_SYS_USE_PKG_CONFIG=0
        echo "${0##*/}: SQLite is built in: $why"
        return
    fi
    [ $found = 1 ] ||
        { echo "${0##*/}: there is no SQLite of 3.40 or newer here: install pkg-config and libsqlite3-dev, or build it in" >&2; exit 1; }
    export LIBSQLITE3_SYS_USE_PKG_CONFIG=1
    echo "${0##*/}: SQLite is the one of this system, $(pkg-config --modversion sqlite3): $why"
}

# A program may have its own SQLite, or another library that is made with Rust: neither must meet the one in here. All is linked
# to one object, in sections as before, so that the program's linker still takes only what is used (--gc-sections). What the
# compiler keeps for its own optimiser goes: binutils with an older plugin of LLVM trip over it.
keep_own_symbols() {
    local archive=$1 tool within
    for tool in ld objcopy ar; do
        command -v $tool >/dev/null || { echo "${0##*/}: $tool is missing: install binutils" >&2; exit 1; }
    done
    within=$(mktemp -d)
    ld -r --whole-archive "$archive" -o "$within/bulla.o" &&
        objcopy --wildcard --keep-global-symbol='bulla_*' --remove-section=.llvmbc --remove-section=.llvmcmd "$within/bulla.o" &&
        rm "$archive" && ar rcsD "$archive" "$within/bulla.o" && chmod 644 "$archive"
    local status=$?
    rm -rf "$within"
    return $status
}
