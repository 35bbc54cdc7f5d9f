# Sourced by install.sh and size.sh: sets $link, what rustc passes to the linker besides, to make the shared library smaller.

# Relocations packed to a bit each: GNU C library 2.36 and a linker that knows how. Whoever has these by then runs what it makes.
link=()
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=''
if [[ $libc =~ ^glibc\ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] > 2 || BASH_REMATCH[2] >= 36)) &&
    ld --help 2>/dev/null | grep -q pack-relative-relocs; then
    link=(-C link-arg=-Wl,-z,pack-relative-relocs)
fi
