#!/usr/bin/env bash
# Pipes N GiB (default 4) through `bulla seal --stream | bulla open`, spooled and --provisional, and fails unless the
# content comes out as it went in and every process stays under 32 MiB.
#
#   cli/tests/big.sh [N [BULLA]]      BULLA: the program to test; by default it is built first
#
# Needs python3, which starts each process and asks the system for its peak of resident memory. The spooled run needs
# N GiB of room in the temporary folder (TMPDIR).
set -euo pipefail

gib=${1:-4}
limit_kib=$((32 * 1024))
root=$(cd "$(dirname "$0")/../.." && pwd)

if [ $# -ge 2 ]; then
    bulla=$(realpath "$2")
else
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" --package bulla-cli
    bulla=${CARGO_TARGET_DIR:-$root/target}/release/bulla
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# Runs a command and writes its peak of resident memory in KiB to a file. The peak of this small parent counts as a
# floor (about 10 MiB), so that what is written is never too low.
cat > measure.py <<'PYTHON'
import resource, subprocess, sys
status = subprocess.Popen(sys.argv[2:]).wait()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], "w") as file:
    file.write(str(peak // 1024 if sys.platform == "darwin" else peak))
sys.exit(status)
PYTHON
measured() { python3 "$folder/measure.py" "$@"; }

# Bytes that do not repeat from block to block, as fast as they can be had: a counter in every 64 KiB of noise.
cat > generate.py <<'PYTHON'
import os, sys
noise = os.urandom(65536 - 8)
out = sys.stdout.buffer
for block in range(int(sys.argv[1]) * 16384):
    out.write(block.to_bytes(8, "big"))
    out.write(noise)
PYTHON

"$bulla" keygen -o alice.key > alice.pub
"$bulla" keygen -o bob.key > bob.pub

failed=0
try() { # try NAME [OPTION OF open]
    local name=$1 began ended
    shift
    began=$(date +%s.%N)
    python3 generate.py "$gib" | tee >(sha256sum > sent) |
        measured seal.kib "$bulla" seal -i alice.key -r bob.pub -c big --stream |
        measured open.kib "$bulla" open -i bob.key --from alice.pub -c big --guard bob.guard --report json "$@" 2> report |
        sha256sum > received || { echo "$name: FAILED: $(cat report)"; failed=1; return; }
    ended=$(date +%s.%N)
    # The checksum beside the pipe may still be at work.
    until [ -s sent ]; do sleep 0.1; done
    printf '%-12s %s GiB in %.1f s; peak of seal %.1f MiB, of open %.1f MiB\n' "$name" "$gib" \
        "$(python3 -c "print($ended - $began)")" \
        "$(python3 -c "print($(cat seal.kib) / 1024)")" "$(python3 -c "print($(cat open.kib) / 1024)")"
    if ! cmp -s sent received; then
        echo "$name: FAILED: what came out is not what went in"
        failed=1
    fi
    python3 -c 'import json, sys
length = json.load(open("report"))["length"]
sys.exit(length != int(sys.argv[1]) << 30)' "$gib" || { echo "$name: FAILED: the report tells another length"; failed=1; }
    for process in seal open; do
        if [ "$(cat $process.kib)" -ge "$limit_kib" ]; then
            echo "$name: FAILED: $process needed 32 MiB or more"
            failed=1
        fi
    done
    rm -f sent received report
}

try spooled
try provisional --provisional
exit "$failed"
