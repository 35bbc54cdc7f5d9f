"""The folder and its watcher: seen at once, one watcher, what cannot be removed, what waits, what is put there meanwhile."""

import os
import signal
import subprocess
import time

from scenarios_hostile import REFUSED, queued
from servers import PutServer
from world import check, until


def here(world):
    return f"file://{world.path('drop')}"


def watched(world):
    """What comes is seen by inotify, not by looking again and again; and a signal ends the wait."""
    receiver = world.drop("--rescan", "1h")
    began = time.monotonic()
    world.put(here(world), "--wait", "20s", world.file("data.bin", 1000))
    took = time.monotonic() - began
    check(took < 10, f"it took {took:.0f} s")
    began = time.monotonic()
    check(world.end(receiver) == 0 and time.monotonic() - began < 5, "SIGTERM did not end it")
    return f"it looks at all by itself once an hour: a file was stored and settled after {took:.1f} s, by inotify; SIGTERM ended it at once"


def two_watchers(world):
    """A second bulla-drop on the same folder, and one for rsync with --once."""
    receiver = world.drop()
    for more in ([], ["--once"]):
        said = world.run(world.drop_command(*more), status=1).stderr.decode()
        check("another bulla-drop" in said, said)
    world.put(here(world), "--wait", "20s", world.file("data.bin", 1000))
    receiver.send_signal(signal.SIGKILL)
    receiver.wait()
    world.run(world.drop_command("--once"))
    return "a second one on the folder is refused, with --once too; when the first was killed -9 the next one may"


def cannot_remove(world):
    """A folder from which nothing can be removed: what is dealt with is not done again at each look."""
    disk = world.tmpfs("drop", "4m")
    world.path("aside").mkdir()
    world.path("away").mkdir()
    receiver = world.drop("--receipts", f"file://{world.path('away')}")
    receiver.send_signal(signal.SIGSTOP)
    files = [queued(world, f"{number}.bin", 1000)[0] for number in range(2)]
    (disk / "text.bulla").write_text("hello")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    receiver.send_signal(signal.SIGCONT)
    until("both are stored", lambda: len(world.stored()) == 2)
    time.sleep(5)  # five looks, and twice the delay for what is not acceptable
    log = world.dropped()
    check(log.count("stored ") == 2 and "again " not in log and log.count("could not be removed") == 2, f"it did it again: {log}")
    check(log.count("could not be set aside") == 1, f"text.bulla: {log}")
    world.end(receiver)
    said = world.run(world.drop_command("--receipts", f"file://{world.path('away')}"), status=1).stderr.decode()
    check("must be removed" in said, said)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    world.drop("--receipts", f"file://{world.path('away')}")
    until("all is taken away", lambda: world.names() == ["text.bulla" + REFUSED])
    check(world.stored() == {one.name: one.read_bytes() for one in files}, "other content is stored")
    return "a disk that became read-only: two envelopes were stored once, each told once in five looks; a start there is refused; writable again: taken away"


def waits_quietly(world):
    """A full disk and several envelopes: each says once why it waits. And what cannot be set aside says that once."""
    disk = world.tmpfs("small", "2m")
    (disk / "ballast").write_bytes(b"x" * 1_900_000)
    for number in range(3):
        queued(world, f"{number}.bin", 200_000)
    world.path("drop", "trap.bulla").mkdir()
    world.path("drop", "trap.bulla" + REFUSED).write_text("in the way")
    world.path("drop", "x" * 240 + ".bulla").write_text("too long")
    world.drop(store="small")
    time.sleep(5)
    log = world.dropped()
    for words, count in (("there is no room", 3), ("could not be set aside", 1), ("name is too long", 1)):
        check(log.count(words) == count, f"{log.count(words)} times {words!r}: {log}")
    (disk / "ballast").unlink()
    until("all are stored", lambda: len(world.stored("small")) == 3)
    return "three envelopes wait for room, one trap cannot be set aside, one name is too long: five looks, one line each; with room: stored"


def exchanged_in_place(world):
    """The same, but the right copy is written into the damaged one, as HTTP servers and rsync --inplace do."""
    file, envelope = queued(world)
    whole = envelope.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 1
    envelope.write_bytes(changed)
    world.path("away").mkdir()

    def exchange():
        if envelope.exists() and envelope.read_bytes() == changed:
            with envelope.open("r+b") as out:
                out.write(whole)

    server = PutServer(world.path("away"), before_put=exchange)
    try:
        world.drop("--receipts", server.url())
        until("the right one is stored", lambda: world.stored(), 15)
        until("nothing is left", lambda: not world.names())
        check(world.stored() == {"data.bin": file.read_bytes()} and "set aside" not in world.dropped(), world.dropped())
    finally:
        server.close()
    return "while the note of damage was uploaded the right copy was written into the same file: it was not set aside, but stored"


def overwritten_in_place(world):
    """It is stored, and while its receipt is uploaded the next one is written into the same file: that is not removed unread."""
    first, envelope = queued(world, "first.bin")
    second, other = queued(world, "second.bin")
    following = other.read_bytes()
    other.unlink()
    world.path("away").mkdir()
    done = []

    def overwrite():
        if not done:
            done.append(True)
            with envelope.open("r+b") as out:
                out.write(following)
                out.truncate()

    server = PutServer(world.path("away"), before_put=overwrite)
    try:
        world.drop("--receipts", server.url())
        until("both are stored", lambda: len(world.stored()) == 2, 15)
        until("nothing is left", lambda: not world.names())
    finally:
        server.close()
    check(world.stored() == {one.name: one.read_bytes() for one in (first, second)}, f"stored: {list(world.stored())}")
    return "while the receipt was uploaded the next envelope was written into the same file: both are stored"


def no_memory(world):
    """It has no memory for the names that it remembers: that is said."""
    shim = {**os.environ, "LD_PRELOAD": str(world.programs / "shim.so"), "CALLOC_FAILS": "500000"}
    done = world.run(world.drop_command("--once"), status=1, env=shim)
    check(b"there is no memory" in done.stderr, f"it said {done.stderr}")
    return "no memory when it starts: one line says so, exit status 1"


def exchanged_meanwhile(world):
    """A damaged copy is judged, and while its sender is told the right one comes under the same name: that is not set aside."""
    file, envelope = queued(world)
    whole = envelope.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 1
    envelope.write_bytes(changed)
    world.path("away").mkdir()

    def exchange():
        if envelope.exists() and envelope.read_bytes() == changed:
            right = world.path("drop", "right.part")
            right.write_bytes(whole)
            right.rename(envelope)

    server = PutServer(world.path("away"), before_put=exchange)
    try:
        world.drop("--receipts", server.url())
        until("the right one is stored", lambda: world.stored(), 15)
        until("nothing is left", lambda: not world.names())
        check(world.stored() == {"data.bin": file.read_bytes()} and "set aside" not in world.dropped(), world.dropped())
    finally:
        server.close()
    return "while the note of damage was uploaded the right copy came under the same name: it was not set aside, but stored"


def left_behind(world):
    """What a receiver that was killed left behind is removed a day later, by bulla-receive too."""
    before = time.time() - 2 * 86400
    for number, program in enumerate(("bulla-receive", "bulla-drop")):
        rest = world.path("store", f".bulla-{number:016x}.part")
        rest.write_bytes(b"half of a secret")
        os.utime(rest, (before, before))
        if program == "bulla-drop":
            world.run(world.drop_command("--once"))
        else:
            world.run([world.programs / program, "-i", world.path("bob.key"), "-c", "files", "--from", world.path("alice.pub"), "--guard",
                       world.path("guard"), "--dir", world.path("store")], status=2, input=b"no envelope")
        check(not rest.exists(), f"{program} left it there")
    return "half a file that was left two days ago: removed by bulla-receive, and by bulla-drop"


SCENARIOS = [watched, two_watchers, cannot_remove, waits_quietly, exchanged_meanwhile, exchanged_in_place, overwritten_in_place, no_memory,
             left_behind]
