# What the scripts of CI share. Sourced, at the root of the project; `part` is put before what a script prints.
export CARGO_TERM_COLOR=never
export CARGO_INCREMENTAL=0 # a clean clone builds everything once: what only helps the next build is disk lost
began=$SECONDS

step() { printf '\n=== [%s%4d s] %s\n' "${part:+$part }" "$((SECONDS - began))" "$*"; }
run() { step "$*"; "$@"; }
get() { # get PACKAGE...: installs Debian packages
    # Servers are for the tests to start: policy-rc.d keeps Debian from starting them.
    local ours= status=0
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        ours=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >$ours && chmod +x $ours
    fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null || status=$?
    [ -z "$ours" ] || rm -f "$ours"
    [ $status = 0 ] || { echo "ci: could not be installed: $*" >&2; exit 1; }
}
need() { # need COMMAND PACKAGE: installs the package if the command is missing, and says so if that fails
    command -v "$1" >/dev/null && return
    step "installing $2 for $1"
    get "$2"
}
