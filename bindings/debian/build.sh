#!/usr/bin/env bash
# Makes a Debian package of all of Bulla: library, header, pkg-config, CMake, command line, manual pages.
#
#   bindings/debian/build.sh [FOLDER]     FOLDER: where the package goes (target/debian)
#
# SQLite is the system's, as distributions want it: one copy to update. PROFILE=capi builds the command line with the settings of
# the library, which is faster where that is built already: for tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() { echo "debian/build.sh: $*" >&2; exit 1; }
for tool in dpkg-deb dpkg-architecture strip gzip; do
    command -v $tool >/dev/null || fail "$tool is missing: install dpkg-dev, binutils"
done
profile=${PROFILE:-release}
to=${1:-${CARGO_TARGET_DIR:-target}/debian}
mkdir -p "$to"
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tree=$stage/tree

# shellcheck source=bindings/build.sh
. bindings/build.sh
choose_sqlite system
bindings/install.sh --system-sqlite --prefix /usr --libdir "lib/$triplet" --destdir "$tree"
library=$(find "$tree/usr/lib/$triplet" -name 'libbulla.so.*' -type f)
strip --strip-unneeded "$library"
strip --strip-debug "$tree/usr/lib/$triplet/libbulla.a"
# A shared library is not a program.
chmod 644 "$library"

cargo build --package bulla-cli --locked --profile "$profile"
binary=${CARGO_TARGET_DIR:-target}/$profile/bulla
install -D -m 755 "$binary" "$tree/usr/bin/bulla"
strip "$tree/usr/bin/bulla"
"$binary" generate "$stage/made"
for page in "$stage"/made/*.1; do
    install -D -m 644 "$page" "$tree/usr/share/man/man1/$(basename "$page")"
done
gzip -9n "$tree"/usr/share/man/man1/*.1
install -D -m 644 "$stage/made/bulla.bash" "$tree/usr/share/bash-completion/completions/bulla"
install -D -m 644 "$stage/made/_bulla" "$tree/usr/share/zsh/vendor-completions/_bulla"
install -D -m 644 "$stage/made/bulla.fish" "$tree/usr/share/fish/vendor_completions.d/bulla.fish"

doc=$tree/usr/share/doc/bulla
mkdir -p "$doc"
{
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    echo "Upstream-Name: bulla"
    echo
    echo "Files: *"
    echo "Copyright: the authors of Bulla"
    echo "License: MIT or Apache-2.0"
    echo
    echo "License: MIT"
    sed -e 's/^$/./' -e 's/^/ /' LICENSE-MIT
    echo
    echo "License: Apache-2.0"
    echo " On Debian systems the text of this licence is in /usr/share/common-licenses/Apache-2.0."
} >"$doc/copyright"
{
    echo "bulla ($version) unstable; urgency=low"
    echo
    echo "  * Version $version; what changed stands in CHANGELOG.md.gz."
    echo
    echo " -- Bulla <bulla@localhost>  $(date --rfc-email --date="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")"
} | gzip -9n >"$doc/changelog.gz"
gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"

mkdir "$tree/DEBIAN"
needs="libc6, libsqlite3-0 (>= 3.40)"
if command -v dpkg-shlibdeps >/dev/null; then
    mkdir "$stage/debian"
    printf 'Source: bulla\n\nPackage: bulla\nArchitecture: any\n' >"$stage/debian/control"
    found=$(cd "$stage" && dpkg-shlibdeps -O --ignore-missing-info -e"$tree/usr/bin/bulla" -e"$library" 2>/dev/null |
        sed -n 's/^shlibs:Depends=//p')
    needs=${found:-$needs}
    # Packed relocations, of which dpkg-shlibdeps does not know.
    if readelf -d "$library" | grep '(RELR)' >/dev/null; then needs=$(sed 's/libc6 (>= [0-9.]*)/libc6 (>= 2.36)/' <<<"$needs"); fi
fi
cat >"$tree/DEBIAN/control" <<END
Package: bulla
Version: $version
Section: utils
Priority: optional
Architecture: $architecture
Maintainer: Bulla <bulla@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: $needs
Suggests: libsqlite3-dev
Description: seal, sign and freshness-stamp messages, end to end
 Bulla seals, signs and freshness-stamps application messages, end to end and
 independent of the transport. Relays need not be trusted, and what was
 received can be proven to third parties.
 .
 This package has the command line, and the library for C and C++ with what is
 needed to build against it.
END
echo "activate-noawait ldconfig" >"$tree/DEBIAN/triggers"
soname=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[libbulla.so.\(.*\)\]/\1/p')
echo "libbulla $soname bulla (>= $version)" >"$tree/DEBIAN/shlibs"
(cd "$tree" && find usr -type f -printf '%P\0' | sort -z | sed -z 's|^|usr/|' | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
find "$tree" -type d -exec chmod 755 {} +
package=$to/bulla_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$tree" "$package" >/dev/null
echo "$package"
