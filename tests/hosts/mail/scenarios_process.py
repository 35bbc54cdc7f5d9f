"""The processes themselves: signals while they start, paths that are somebody else's, commands that are slow, no memory."""

import os
import signal
import subprocess
import time

from scenarios_deliver import agent, as_user, sealed_for_erin
from servers import ROOT, free_port, wait_for
from world import compiled


def preloaded(world, name, source):
    """A library to be put before the others."""
    library = world.folder / f"{name}.so"
    (world.folder / f"{name}.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(world.folder / f"{name}.c"), "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library)}


def milter_of_its_own(world, name, **settings):
    """The configuration of an opening milter that nobody else uses."""
    state = world.folder / f"state-{name}"
    more = {"role": "open", "socket": f"inet:{free_port()}@127.0.0.1", "control": state / "control", "submit": "smtp:127.0.0.1:1", **settings}
    path = world.configuration(name, "b", **more)
    return [str(world.out / "bulla-milter"), "-c", str(path)]


def control_is_a_key(world):
    milter_of_its_own(world, "careless")
    # In a folder of its own, where it may take away files.
    key = world.folder / "state-careless/careless.key"
    key.write_bytes((world.folder / "b.key").read_bytes())
    key.chmod(0o600)
    os.chown(key, 65534, -1)
    link = world.folder / "state-careless/link"
    for control in (key, link):
        link.unlink(missing_ok=True)
        link.symlink_to(key)
        done = subprocess.run(milter_of_its_own(world, "careless", control=control), capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and "is no socket, and stays as it is" in done.stderr, done
        assert key.read_bytes() == (world.folder / "b.key").read_bytes() and link.is_symlink()
    return "control names a key file, or a link to it: the milter says so and does not start, and the file is still there"


# Its parent goes on late.
LATE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

pid_t fork(void)
{
    pid_t child = ((pid_t (*)(void))dlsym(RTLD_NEXT, "fork"))();

    if (child > 0)
        usleep(1500000);
    return child;
}
"""


def ended_while_it_starts(world):
    environment = preloaded(world, "late-parent", LATE)
    process = subprocess.Popen(milter_of_its_own(world, "brief"), env=environment, stderr=subprocess.PIPE, text=True)
    try:
        children = lambda: open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        worker = int(wait_for(children, "it forked")[0])
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        wait_for(lambda: not os.path.exists(f"/proc/{worker}"), "the worker has gone")
    finally:
        process.kill()
        process.wait()
    return "SIGTERM between the fork and what comes after it: both processes end"


# Some time between the end of the input and what is done then.
CLOSES_LATE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

int close(int file)
{
    struct stat seen;
    int pipe = fstat(file, &seen) == 0 && S_ISFIFO(seen.st_mode), result = ((int (*)(int))dlsym(RTLD_NEXT, "close"))(file);

    if (pipe)
        usleep(1500000);
    return result;
}
"""


def command_that_is_slow(world):
    """It reads on when its time is over: what it has then is no mail."""
    compiled(world.folder / "hasty", "-DCOMMAND_SECONDS=2", "bulla-milter")
    environment = preloaded(world, "closes-late", CLOSES_LATE)
    taken, command = world.folder / "state-a/taken", world.folder / "slow"
    command.write_text(f"#!/bin/sh\nunset LD_PRELOAD\nsleep 2.4\nexec cat > {taken}\n")
    command.chmod(0o755)
    token = world.token()
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token, body="x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 5000)) == 250
    slow = world.folder / "slow.conf"
    slow.write_text(world.conf["a"].read_text() + f"submit = {command}\n")
    log = world.folder / "slow.log"

    def due():
        # No pipe but that of the command.
        with log.open("w") as to:
            subprocess.run([str(world.folder / "hasty/bulla-milter"), "-c", str(slow), "--due"], stdout=to, stderr=to, env=environment)
        return log.read_text()

    said = wait_for(lambda: (said := due()) and (f"{command} failed" in said or "time: no receipt yet" in said) and said, "due, and its time is over")
    time.sleep(2)
    assert not taken.exists() or taken.stat().st_size == 0, f"{taken.stat().st_size} bytes of a mail were taken: {said}"
    assert world.state_of(token) == ["waiting"]
    return "a command that reads slowly: killed before its input ends, and takes nothing of the mail, which is due again"


# The allocation of this number fails, of those that the host makes itself.
FAILS = r"""
#include <stdio.h>
#include <stdlib.h>

static long left = -1;

static int fails(void)
{
    if (left < 0)
        left = atol(getenv("FAILING"));
    return left > 0 && --left == 0 && fprintf(stderr, "here memory ends\n") > 0;
}
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *string);
void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *memory, size_t size) { return fails() ? NULL : __real_realloc(memory, size); }
char *__wrap_strdup(const char *string) { return fails() ? NULL : __real_strdup(string); }
"""


def agent_that_fails(world):
    """bulla-deliver, whose allocations can be made to fail."""
    hosts, program = ROOT / "examples/hosts/mail", world.folder / "failing"
    others = {"bulla-milter", "bulla-opensmtpd", "changes", "daemon", "due", "milter", "outer", "report", "sealing"}
    (world.folder / "fails.c").write_text(FAILS)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "bulla"], capture_output=True, text=True, check=True).stdout.split()
    where = subprocess.run(["pkg-config", "--variable=libdir", "bulla"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["cc", "-D_DEFAULT_SOURCE", "-D_POSIX_C_SOURCE=200809L", "-std=c99", "-o", str(program), str(world.folder / "fails.c"),
                    *(str(file) for file in hosts.glob("*.c") if file.stem not in others), *flags, f"-Wl,-rpath,{where}", "-lpthread",
                    "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup"], check=True)
    return [str(program), *agent(world)[1:]]


def agent_without_memory(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    program = agent_that_fails(world)
    receipt = (b"From: bob@b.test\nSubject: receipt\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
               b"Content-Type: application/vnd.bulla.receipt\nContent-Transfer-Encoding: base64\n\nQUJD\n--x--\n")
    boxed = lambda: len(world.b.mails("erin"))
    rounds = 0
    # Without a sender, so that what looks like a receipt is no mail of somebody's.
    program = [word if word != "alice@a.test" else "" for word in program]
    for what, right in ((receipt, 65), (mail, 0)):
        before = boxed()
        for number in range(1, 2000):
            done = as_user(program, what, env={**os.environ, "FAILING": str(number)})
            rounds += 1
            assert done.returncode in (75, right), (number, done)
            if b"here memory ends" not in done.stderr:
                break
        assert done.returncode == right and boxed() == before + (what is mail), (done, boxed(), before)
    return f"{rounds} allocations of bulla-deliver failed, each once: 75, or the right answer; the mail is stored once, and no receipt for a mail"


ALL = [control_is_a_key, ended_while_it_starts, command_that_is_slow, agent_without_memory]
