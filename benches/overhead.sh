#!/usr/bin/env bash
# How many bytes an envelope adds to a message of 256 bytes for one recipient, beside what people use today. Every tool does
# the most it can of "encrypt to one recipient and sign": age has no signatures.
#   benches/overhead.sh          (needs age, gpg, openssl; builds the command line)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in age age-keygen gpg openssl cargo; do
    command -v "$tool" >/dev/null || { echo "overhead: $tool is missing: install it (Debian: age gnupg openssl)" >&2; exit 1; }
done
cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p bulla-cli
bulla=${CARGO_TARGET_DIR:-$root/target}/release/bulla
work=$(mktemp -d)
trap 'GNUPGHOME=$work/gnupg gpgconf --kill all 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
head -c 256 /dev/urandom >message

row() { printf '%-44s %5d bytes\n' "$1" "$(($(stat -c %s "$2") - 256))"; }

"$bulla" keygen -o alice.key >alice.id
"$bulla" keygen -o bob.key >bob.id
"$bulla" seal -i alice.key -r bob.id -c smtp --no-padding -o sealed message
row "Bulla: sealed, signed, stamped" sealed

age-keygen -o age.key 2>/dev/null
age -r "$(age-keygen -y age.key)" -o message.age message
row "age: encrypted, no author, no freshness" message.age

export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
for name in alice bob; do
    gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key "$name" future-default default never 2>/dev/null
done
gpg --batch --quiet --trust-model always --compress-algo none -u alice -r bob --sign --encrypt -o message.gpg message 2>/dev/null
row "OpenPGP (gpg, Ed25519, Cv25519): encrypted, signed" message.gpg

for name in alice bob; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout $name.pem -out $name.crt 2>/dev/null
done
openssl cms -sign -binary -nodetach -nocerts -signer alice.crt -inkey alice.pem -outform DER -in message -out signed.der
openssl cms -encrypt -binary -aes-256-gcm -outform DER -in signed.der -out message.cms bob.crt
row "CMS (openssl, P-256, no certificates): both" message.cms
