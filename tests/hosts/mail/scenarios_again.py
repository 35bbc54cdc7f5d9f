"""What comes twice: a mail that its client gives once more, with other keys, late, or when the disk fails; and --due beside --due."""

import errno
import os
import signal
import subprocess
import time
from contextlib import contextmanager

from scenarios_process import preloaded
from servers import wait_for


@contextmanager
def lost_on_the_way(world, count=1):
    """Nothing of what is given here arrives; and all of it, so many mails, has gone when this is over."""
    before = len(world.relay.seen)
    world.relay.plan = lambda mail: []
    yield
    wait_for(lambda: len(world.relay.seen) >= before + count, f"{count} mails are on their way")
    world.relay.plan = lambda mail: [mail]


def files_of(world, token):
    return [path for path in (world.folder / "state-a/outgoing").iterdir() if f"<{token}@a.test>" in path.read_text()]


def keys_changed(world, text):
    (world.folder / "keys-a").write_text(text)
    world.reconfigure("a")


def due_until(world, condition, what):
    """--due, which finds all that it needs, until this is so."""
    def tried():
        done = world.due()
        assert "has no list of its addressees" not in done.stderr and "its file in outgoing" not in done.stderr, done
        return condition()
    wait_for(tried, what)


def key_exchanged_in_between(world):
    token, keys = world.token(), (world.folder / "keys-a").read_text()
    letter = world.letter(token)
    with lost_on_the_way(world, 3):
        assert world.submit(letter) == 250
        keys_changed(world, f"bob@b.test {world.folder}/erin.pub\n{keys}")
        try:
            assert world.submit(letter) == 250
        finally:
            keys_changed(world, keys)
        # With the first key again it is the first message again.
        assert world.submit(letter) == 250
    lines = [line for line in world.report().splitlines() if f"<{token}@" in line]
    assert len(lines) == 2 and all("waiting " in line and " alice@a.test -> bob@b.test " in line for line in lines), lines
    assert len(files_of(world, token)) == 2
    due_until(world, lambda: "delivered" in world.state_of(token), "the first is sent again, and receipted")
    assert len(world.having(world.b, "bob", token)) == 1
    return "lost, and given once more with another key: two messages, of both of which the report says to whom; the first is sent again and receipted"


def time_nearly_over(path):
    """As if it had been sealed long ago: what was sent ends with when that expires, and whether it does."""
    head, sent, rest = path.read_text().split("\n", 2)
    data = bytes.fromhex(sent.removeprefix("sent "))
    assert data[-8] == 1 and abs(int.from_bytes(data[-16:-8], "little") - time.time() - 7 * 86400) < 600, sent
    path.write_text(f"{head}\nsent {(data[:-16] + int(time.time()).to_bytes(8, 'little') + data[-8:]).hex()}\n{rest}")


def given_when_its_time_is_nearly_over(world):
    token = world.token()
    letter = world.letter(token)
    with lost_on_the_way(world, 3):
        assert world.submit(letter) == 250
        first, = files_of(world, token)
        time_nearly_over(first)
        sent = first.read_text()
        assert world.submit(letter) == 250
        assert len(files_of(world, token)) == 2 and first.read_text() == sent
        # The first one leads to the second: it is not cleared away before it.
        os.utime(first, (0, 0))
        assert world.submit(letter) == 250
        assert len(files_of(world, token)) == 2 and time.time() - first.stat().st_mtime < 60
    assert world.state_of(token) == ["waiting"] * 2
    due_until(world, lambda: world.state_of(token) == ["delivered"] * 2, "both are sent again, with their own lists")
    assert "another mail's" not in world.milters["open_b"].log_text()
    return "given once more when the first one is hardly good any more: a second message, which a third time is known; both with lists of their own"


def alike_and_without_a_name(world):
    alarm = "From: Anna <anna@a.test>\r\nTo: <bob@b.test>\r\nSubject: alarm\r\n\r\nthe barley burns\r\n"
    states = lambda: [line[:10].strip() for line in world.report().splitlines() if " anna@a.test -> bob@b.test " in line]
    with lost_on_the_way(world, 2):
        assert [world.submit(alarm, sender="anna@a.test") for _ in range(2)] == [250, 250]
    assert states() == ["waiting"] * 2
    due_until(world, lambda: states() == ["delivered"] * 2, "both are sent again, and receipted")
    assert len(world.having(world.b, "bob", "the barley burns")) == 2
    return "two alarms alike to the byte, without Message-ID, both lost: two messages, each sent again with its own lists, and receipted"


# What lies in this folder says how the next call fails: its name, and errno. Nothing there: it does not.
FAILS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static __thread int unreadable = -1;

static int fails(const char *call)
{
    char known[32];
    int number = 0;
    FILE *how = fopen(getenv("FAILS"), "r");

    if (how == NULL)
        return 0;
    if (fscanf(how, "%31s %d", known, &number) != 2 || strcmp(known, call) != 0)
        number = 0;
    fclose(how);
    return number;
}

int open(const char *path, int flags, ...)
{
    int file, number;
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (strstr(path, "/outgoing/") == NULL || (flags & (O_ACCMODE | O_DIRECTORY)) != O_RDONLY)
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
    if ((number = fails("open")) != 0)
        return errno = number, -1;
    file = ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
    unreadable = fails("read") ? file : -1;
    return file;
}

ssize_t read(int file, void *bytes, size_t length)
{
    if (file >= 0 && file == unreadable)
        return unreadable = -1, errno = fails("read"), -1;
    return ((ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(file, bytes, length);
}

int access(const char *path, int mode)
{
    int number = strstr(path, "/ours/") == NULL ? 0 : fails("access");

    if (number != 0)
        return errno = number, -1;
    return ((int (*)(const char *, int))dlsym(RTLD_NEXT, "access"))(path, mode);
}
"""


@contextmanager
def sealing_with(world, environment):
    """The sealing milter of a, started anew with this environment, and then as it was."""
    milter, before = world.milters["seal_a"], dict(os.environ)
    milter.stop()
    try:
        os.environ.update(environment)
        try:
            milter.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        yield
    finally:
        milter.stop()
        milter.start()


def disk_fails_when_it_is_looked_for(world):
    how, failures = world.folder / "how", [("open", errno.EMFILE), ("open", errno.ENOMEM), ("open", errno.EIO), ("read", errno.EIO)]

    def submitted(what, call, number):
        how.write_text(f"{call} {number}\n")
        try:
            return world.submit(what)
        finally:
            how.unlink()

    with sealing_with(world, {**preloaded(world, "fails", FAILS), "FAILS": str(how)}):
        for call, number in failures:
            token = world.token()
            letter = world.letter(token)
            with lost_on_the_way(world, 2):
                assert world.submit(letter) == 250
                assert submitted(letter, call, number) == 451, (call, number)
                assert world.submit(letter) == 250
            assert world.state_of(token) == ["waiting"], (call, number, world.report())
        # What is there and is no such file tells nothing of a message.
        file, = files_of(world, token)
        file.write_text("x\n")
        with lost_on_the_way(world):
            assert world.submit(letter) == 250
        assert files_of(world, token) == [file]
        known = len(world.state_of(token))
        # What was sealed, and is given to be sent: it is not sealed once more.
        sealed = world.relay.seen[-1][2]
        with lost_on_the_way(world):
            assert submitted(sealed, "access", errno.EIO) == 451
            assert world.submit(sealed) == 250
    assert world.relay.seen[-1][2].count(b"application/vnd.bulla.envelope") == 1 and len(world.state_of(token)) == known
    assert "/outgoing cannot be read: Too many open files" in world.milters["seal_a"].log_text()
    return f"{len(failures)} failures to see whether it was sealed before, and one to see whether it is ours: each 451, and then the same message"


def failed_mail(world):
    """A mail whose author is to be told that no receipt came. Gives its token."""
    token = world.token()
    world.reconfigure("a", deadline="1s")
    try:
        with lost_on_the_way(world):
            assert world.submit(world.letter(token)) == 250
    finally:
        world.reconfigure("a", deadline="5d")
    time.sleep(2)
    return token


def handing_over(world, then):
    """The arguments of --due with a command that keeps each mail, and then does this."""
    command, conf = world.folder / "keeps", world.folder / "keeps.conf"
    command.write_text(f"#!/bin/sh\nunset LD_PRELOAD\ncat > {world.folder}/state-a/kept.$$\n{then}\n")
    command.chmod(0o755)
    conf.write_text(world.conf["a"].read_text() + f"submit = {command}\n")
    return [str(world.out / "bulla-milter"), "-c", str(conf), "--due"]


def notices(world, token):
    kept = [path.read_bytes() for path in (world.folder / "state-a").glob("kept.*")]
    return sum(b"multipart/report" in mail and token.encode() in mail for mail in kept)


def two_at_once(world):
    token, arguments = failed_mail(world), handing_over(world, "sleep 3")
    first = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: notices(world, token) == 1, "the author is being told")
        began = time.monotonic()
        second = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
        assert notices(world, token) == 1, "told twice"
        assert second.returncode == 0 and second.stderr.count("\n") == 1 and "another --due is still at work" in second.stderr, second
        assert time.monotonic() - began < 2.5 and first.poll() is None
        said = first.communicate(timeout=60)[1]
    finally:
        first.kill()
        first.wait()
    assert "<alice@a.test> was told that bob@b.test gave no receipt" in said, said
    done = subprocess.run(handing_over(world, ""), capture_output=True, text=True)
    assert notices(world, token) == 1 and "another" not in done.stderr, done
    return "two --due at once, and a slow command: the second ends at once, says so, and the author is told once"


# It dies when it is to note that the author was told.
DIES_TOLD = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (strstr(path, "/told/") != NULL && (flags & O_CREAT))
        raise(SIGKILL);
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
}
"""


def killed_between_telling_and_noting(world):
    token, arguments = failed_mail(world), handing_over(world, "")
    died = subprocess.run(arguments, capture_output=True, text=True, env=preloaded(world, "dies-told", DIES_TOLD))
    assert died.returncode == -signal.SIGKILL and notices(world, token) == 1, died
    for _ in range(2):
        done = subprocess.run(arguments, capture_output=True, text=True)
        assert "another" not in done.stderr and notices(world, token) == 2, (done, notices(world, token))
    return "killed when the author was told, and that was not noted: told once more, and not a third time"


def killed_while_its_command_goes_on(world):
    token, pid = failed_mail(world), world.folder / "state-a/pid"
    arguments = handing_over(world, f"echo $$ > {pid}\nexec sleep 300")
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    try:
        child = int(wait_for(lambda: pid.exists() and pid.read_text(), "the command has the notice"))
        process.kill()
        process.wait()
        done = subprocess.run(handing_over(world, ""), capture_output=True, text=True)
        assert os.path.exists(f"/proc/{child}") and "<alice@a.test> was told" in done.stderr, done
        os.kill(child, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert notices(world, token) == 2
    return "killed while its command still runs: the next one need not wait for that, and tells the author"


ALL = [two_at_once, killed_between_telling_and_noting, killed_while_its_command_goes_on, key_exchanged_in_between,
       given_when_its_time_is_nearly_over, alike_and_without_a_name, disk_fails_when_it_is_looked_for]
