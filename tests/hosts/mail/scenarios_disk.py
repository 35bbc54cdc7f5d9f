"""Erin's disk fails her agent, or the agent dies there: what lies in her Maildir then, and after the mail was given again."""

import os
import signal
import subprocess
import time

from scenarios_deliver import agent, as_user, awaits_stored, configured, sealed_for_erin, stored
from servers import own, wait_for

# A disk that stores, and then cannot be read by the program, or a program that dies there; the library has its own way to read.
UNREADABLE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

int unlink(const char *path)
{
    if (getenv("DIES_COMMITTED") != NULL && strstr(path, ".placed") != NULL)
        raise(SIGKILL);
    return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (strstr(path, "/mail/erin/") != NULL && (flags & (O_ACCMODE | O_DIRECTORY)) == O_RDONLY) {
        if (getenv("DIES_PLACED") != NULL || getenv("DIES_COMMITTED") != NULL)
            return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
        if (getenv("DIES") != NULL)
            raise(SIGKILL);
        return errno = EIO, -1;
    }
    if (getenv("DIES_WRITING") != NULL && strstr(path, "/mail/erin/tmp/") != NULL && (flags & O_CREAT)) {
        ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
        raise(SIGKILL);
    }
    if (getenv("DIES_PLACED") != NULL && strstr(path, "/mail/erin/new") != NULL && (flags & O_DIRECTORY))
        raise(SIGKILL);
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
}
"""


def shim(world):
    made = world.folder / "unreadable.so"
    (world.folder / "unreadable.c").write_text(UNREADABLE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(made), str(world.folder / "unreadable.c"), "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(made)}


def disk_cannot_be_read(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    failed = as_user(agent(world), mail, env=shim(world))
    assert failed.returncode == 75 and b"cannot be judged now" in failed.stderr and not stored(world, token), failed
    assert as_user(agent(world), mail).returncode == 0 and len(stored(world, token)) == 1
    awaits_stored(world, token)
    return "75 and nothing rejected while what was stored cannot be read again; then stored, and receipted"


def dies(world, mail, where):
    died = as_user(agent(world), mail, env={**shim(world), where: "1"})
    assert died.returncode == -signal.SIGKILL, died


def taken_again(world, mail):
    wait_for(lambda: as_user(agent(world), mail).returncode == 0, "taken when the reservation is over")


def box(world):
    return world.b.folder / "mail/erin"


def marks(world):
    return [path for path in (box(world) / "tmp").iterdir() if path.name.endswith(".placed")]


def dies_before_it_has_judged(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    with configured(world, lease="1s"):
        dies(world, mail, "DIES")
        assert not stored(world, token)
        taken_again(world, mail)
    assert len(stored(world, token)) == 1
    awaits_stored(world, token)
    return "killed between storing and judging: nothing is in new that was not judged; given again: stored once, receipted"


def dies_after_it_has_placed(world):
    """Its reader is quick: he has read it, and put it away, before the message is committed."""
    token = world.token()
    mail = sealed_for_erin(world, token)
    with configured(world, lease="1s"):
        dies(world, mail, "DIES_PLACED")
        assert len(stored(world, token)) == 1
        for path in (box(world) / "new").iterdir():
            if token.encode() in path.read_bytes():
                path.unlink()
        taken_again(world, mail)
    assert not stored(world, token), "delivered twice"
    awaits_stored(world, token)
    assert not marks(world)
    return "killed when it was in new, and read and deleted before it came again: not delivered again, receipted"


def dies_after_it_has_committed(world):
    """The mark that it was placed stays, for a copy is not placed again: until it is old."""
    token = world.token()
    mail = sealed_for_erin(world, token)
    dies(world, mail, "DIES_COMMITTED")
    assert as_user(agent(world), mail).returncode == 0 and len(stored(world, token)) == 1
    awaits_stored(world, token)
    mark, = marks(world)
    made_old(mark, 29)
    kept = [box(world) / "tmp" / name for name in ("1700000000.M1P1.host", "0123.other", "x0123.placed", "0123.mail.x")]
    gone = [mark, box(world) / "tmp/0123456789abcdef-0123.mail"]
    for path in [*kept, gone[1]]:
        path.touch()
        own(path)
        made_old(path, 31)
    assert as_user(agent(world), b"From: s@else.test\n\nx\n").returncode == 0
    assert mark.exists() and not gone[1].exists()
    made_old(mark, 31)
    assert as_user(agent(world), b"From: s@else.test\n\nx\n").returncode == 0
    assert not marks(world)[1:] and not mark.exists() and all(path.exists() for path in kept)
    for path in kept:
        path.unlink()
    return "killed when all was done but for the mark in tmp: given again it is a copy; the mark goes after a month, and nothing that others put there"


def dies_while_it_writes_what_is_not_sealed(world):
    plain = b"From: s@else.test\n\nx\n"
    assert as_user(agent(world), plain).returncode == 0 # the Maildir is there
    before = set((box(world) / "tmp").iterdir())
    died = as_user(agent(world), plain, env={**shim(world), "DIES_WRITING": "1"})
    assert died.returncode == -signal.SIGKILL, died
    left, = set((box(world) / "tmp").iterdir()) - before
    made_old(left, 29)
    assert as_user(agent(world), plain).returncode == 0 and left.exists()
    made_old(left, 31)
    assert as_user(agent(world), plain).returncode == 0 and not left.exists()
    return "killed while it wrote a mail that is not sealed: the piece in tmp goes after a month"


def made_old(path, days):
    os.utime(path, (time.time() - days * 86400,) * 2)


ALL = [disk_cannot_be_read, dies_before_it_has_judged, dies_after_it_has_placed, dies_after_it_has_committed,
       dies_while_it_writes_what_is_not_sealed]
