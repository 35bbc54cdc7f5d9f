"""Several processes on one outbox, and receipts that come late, or to the wrong one."""

import os
import sqlite3
import subprocess
import time

from servers import Sshd, Vsftpd
from world import check, until


def start(world, command):
    one = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.processes.append(one)
    return one


def due_command(world, *more, key="alice.key"):
    return [world.programs / "bulla-put", "-i", world.path(key), "--outbox", world.path("outbox"), "--due", *world.access(), *more]


def at_once(world, url, counted):
    """One long upload, and three more processes that would send the same: what cron begins, and somebody by hand."""
    files = [world.file(f"long{number}.bin", 3_000_000) for number in range(2)]
    world.drop()
    first = start(world, world.put_command(url, "--rate", "1M", "--wait", "60s", "--resend", "1s", *files))
    until("it has begun", lambda: [one for one in world.path("drop").glob("*.part") if one.stat().st_size > 100_000])
    others = [start(world, due_command(world, "--now", "--rate", "1M", "--wait", "60s", "--resend", "1s")) for _ in range(3)]
    ends = [(one.communicate(timeout=90), one.returncode) for one in (first, *others)]
    check(all(code == 0 for _, code in ends), f"not all know that it is stored: {ends}")
    check(world.stored() == {one.name: one.read_bytes() for one in files}, f"stored: {list(world.stored())}")
    check(not [name for name in world.names() if name.endswith(".refused")], f"set aside: {world.names()}")
    sent, least = counted(), sum(one.stat().st_size for one in files)
    check(sent < 1.3 * least, f"{sent} bytes were sent of {least}")
    return f"4 processes on one outbox while 2 files are uploaded: each was sent once ({sent} bytes for {least}), and all 4 know that both are stored"


def one_outbox_sftp(world):
    server = Sshd(world)
    counter = server.counted()
    try:
        return "sftp: " + at_once(world, server.url(world.path("drop")), lambda: counter.bytes)
    finally:
        counter.close()


def one_outbox_ftp(world):
    server = Vsftpd(world, world.path("drop"))
    return "ftp: " + at_once(world, server.url(), server.received)


def settled_by_another(world):
    """Cron fetches the receipt for which somebody waits, a rejection included."""
    world.drop("--max-size", "1M")
    seen = []
    for name, size, words in (("small.bin", 1000, "stored"), ("big.bin", 1_200_000, "rejected")):
        world.path("hidden").mkdir(exist_ok=True)
        waiting = start(world, world.put_command(f"file://{world.path('drop')}", "--receipts", f"file://{world.path('hidden')}", "--wait", "20s",
                                                 world.file(name, size)))
        receipt = until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))[0]
        world.run([world.bulla, "settle", "-i", world.path("alice.key"), "--outbox", world.path("outbox"), receipt], status=None)
        receipt.unlink()
        began = time.monotonic()
        said, _ = waiting.communicate(timeout=60)
        check(f"{words} " in said and time.monotonic() - began < 10, f"it was not told: {said!r} after {time.monotonic() - began:.0f} s")
        check(waiting.returncode == (0 if words == "stored" else 3), f"it ended with {waiting.returncode}")
        seen.append(words)
    return f"another process settled what this one waits for: it said so at once ({', '.join(seen)})"


def receipt_after_deadline(world):
    """The sender was off until after the deadline, and the receipt lies there; or it comes when that was told as given up."""
    world.drop()
    url = f"file://{world.path('drop')}"
    world.put(url, "--wait", "0", "--deadline", "5s", world.file("first", 1000), status=4)
    until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))
    world.put(url, "--wait", "0", "--deadline", "5s", world.file("second", 1000), status=4)
    late = until("it is answered", lambda: len(list(world.path("drop").glob("*.receipt"))) == 2 and
                 max(world.path("drop").glob("*.receipt"), key=lambda one: one.stat().st_mtime_ns))
    kept = late.read_bytes()
    late.unlink()
    time.sleep(6)
    done = world.due("--wait", "0", status=4).stdout.decode()
    check("stored" in done and "/first" in done and "given-up" in done and done.count("given-up") == 1, f"it said {done!r}")
    late.write_bytes(kept)
    done = world.due("--wait", "0").stdout.decode()
    check("stored" in done and "given-up" not in done, f"it said {done!r}")
    check(dict(world.report()) == {"first": "stored", "second": "stored"}, f"the outbox says {world.report()}")
    check(not list(world.path("drop").glob("*.receipt")), "a receipt is left")
    return "a receipt that lay there when the deadline was over settled; one that came after it was told as given up did so, too; both were removed"


def too_late_to_store(world):
    """What was given up is not stored later, and what expired on its way is set aside."""
    world.put(f"file://{world.path('drop')}", "--wait", "0", "--deadline", "4s", world.file("late", 1000), status=4)
    time.sleep(5)
    world.due("--wait", "0", status=4)
    # The clocks of the two may differ by two minutes, so that long it may still come.
    world.drop(env={**os.environ, "LD_PRELOAD": str(world.programs / "shim.so"), "CLOCK_AHEAD": "300"})
    until("it is set aside", lambda: [name for name in world.names() if name.endswith(".refused")])
    check(not world.stored() and "Expired" in world.dropped(), f"{world.stored()} {world.dropped()}")
    return "given up, and looked at by the receiver five minutes later: set aside as Expired, nothing stored"


def receipt_for_another_key(world):
    """A wrong key in a cron line: the receipt is left for the right one."""
    world.drop()
    world.put(f"file://{world.path('drop')}", "--wait", "0", world.file("data.bin", 1000), status=4)
    until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))
    done = world.run(due_command(world, "--wait", "0", key="mallory.key"), status=4)
    check(b"another key" in done.stderr and list(world.path("drop").glob("*.receipt")), f"{done.stderr.decode()} {world.names()}")
    world.due("--wait", "0")
    check(world.report() == [("data.bin", "stored")] and not world.names(), f"{world.report()} {world.names()}")
    return "--due with another key: told so, and the receipt was left; with the right one: settled, and removed"


def other_content(world):
    """The recipient has signed that it stored something else under this id: told loudly, and nothing is settled."""
    file = world.file("data.bin", 1000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    (envelope,) = world.path("drop").iterdir()
    world.drop()
    until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))
    # It is the same to the sender whether the recipient has other content, or the sender remembers to have sent other content.
    with sqlite3.connect(world.path("outbox")) as outbox:
        outbox.execute("UPDATE outbox_letter SET digest = randomblob(length(digest))")
    outbox.close()
    done = world.due("--wait", "0", status=4)
    check(b"ATTENTION" in done.stderr and b"stored" not in done.stdout, f"{done.stderr.decode()} {done.stdout.decode()}")
    check(world.path("drop", envelope.name.replace(".bulla", ".receipt")).exists(), "the receipt was removed")
    check(world.report() == [("data.bin", "awaited")], f"the outbox says {world.report()}")
    return "an authentic receipt of other content under this message's id: ATTENTION, the receipt is left to be looked into, nothing is settled"


def of_other_programs(world):
    """What another program has put into the outbox is not sent, but nothing is given up in silence."""
    world.run([world.bulla, "send", "-i", world.path("alice.key"), "-r", world.path("bob.pub"), "-c", "files", "--outbox", world.path("outbox"),
               "--deadline", "4s", world.file("other", 100)])
    before = world.run([world.bulla, "outbox", "--outbox", world.path("outbox")], status=None).stdout
    world.due("--wait", "0")
    check(world.run([world.bulla, "outbox", "--outbox", world.path("outbox")], status=None).stdout == before, "it was taken from the other program")
    time.sleep(5)
    said = world.due("--wait", "0", status=4).stdout.decode()
    check(said.startswith("given-up ") and "not of bulla-put" in said, f"it said {said!r}")
    reported = world.run([world.programs / "bulla-put", "--outbox", world.path("outbox"), "--report"], status=4).stdout.decode()
    check("given-up" in reported and "not of bulla-put" in reported, f"the report says {reported!r}")
    return "an envelope of `bulla send` in the same outbox: not taken; given up it is told and reported, and the exit status is 4"


def due_after_failure(world):
    """An upload failed, as the server was away: the next run sends it, and does not wait for ten minutes."""
    later, file = world.path("later"), world.file("data.bin", 1000)
    said = world.put(f"file://{later}", "--wait", "0", file, status=4)
    check(b"not uploaded" in said.stderr and b"unsent" in said.stdout, f"{said}")
    world.due("--wait", "0", status=4)
    report = world.run([world.programs / "bulla-put", "--outbox", world.path("outbox"), "--report"], status=4).stdout
    check(b"sent" not in report and b"tried 2 times" in report, f"the report says {report}")
    later.mkdir()
    world.drop(drop="later")
    done = world.due("--wait", "20s")
    check(b"sent again" not in done.stderr and world.stored() == {"data.bin": file.read_bytes()}, f"{done} {world.stored()}")
    check(world.report() == [("data.bin", "stored")], f"the outbox says {world.report()}")
    # What was sent is not due at once.
    world.put(f"file://{world.path('drop')}", "--wait", "0", world.file("other.bin", 1000), status=4)
    world.path("drop", *world.names()).unlink()
    world.due("--wait", "0", status=4)
    check(not world.names(), "it was sent again at once")
    return "two uploads failed: `tried 2 times`; --due without --now sent it at once when the folder was there; what was sent was not sent again"


def anew_by_another(world):
    """It is rejected for want of room, and another process fetches that: the file is sealed anew all the same."""
    disk = world.tmpfs("small", "2m")
    world.drop("--reject-full", store="small")
    (disk / "ballast").write_bytes(b"x" * 1_500_000)
    world.path("hidden").mkdir()
    file = world.file("big.bin", 1_000_000)
    waiting = start(world, world.put_command(f"file://{world.path('drop')}", "--receipts", f"file://{world.path('hidden')}", "--wait", "40s",
                                             "--anew", "1", file))

    def fetch(status):
        receipt = until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))[0]
        world.run([world.bulla, "settle", "-i", world.path("alice.key"), "--outbox", world.path("outbox"), receipt], status=status)
        receipt.unlink()

    until("it is rejected", lambda: "rejected " in world.dropped())
    (disk / "ballast").unlink()
    fetch(4)
    fetch(0)
    out, said = waiting.communicate(timeout=60)
    check(waiting.returncode == 0 and "sealed anew" in said and "stored " in out, f"it ended with {waiting.returncode}: {out} {said}")
    check((disk / "big.bin").read_bytes() == file.read_bytes(), "other content is stored")
    return "another process settled with a rejection for want of room: with --anew 1 the file was sealed anew, and stored"


def made_by_root(world):
    """Root looks after an outbox of somebody else's: what stands beside it is that one's."""
    url, theirs, treasure = f"file://{world.path('drop')}", (65534, 65534), world.path("treasure")
    world.put(url, "--wait", "0", world.file("data.bin", 1000), status=4)
    claims = world.path("outbox-sending")
    claims.unlink()
    os.chown(world.path("outbox"), *theirs)
    world.path("outbox").chmod(0o640)
    world.due("--wait", "0", status=4)
    found = claims.stat()
    check((found.st_uid, found.st_gid, found.st_mode & 0o777) == (*theirs, 0o640), f"it belongs to {found}")
    claims.unlink()
    treasure.write_text("secret")
    claims.symlink_to(treasure)
    said = world.due("--wait", "0", status=1).stderr.decode()
    check("outbox-sending: it cannot be opened" in said and treasure.stat().st_uid == 0, f"a link was followed: {said} {treasure.stat()}")
    return "made by root beside an outbox of somebody else's: OUTBOX-sending is that one's; a link in its place is refused"


SCENARIOS = [one_outbox_sftp, one_outbox_ftp, settled_by_another, receipt_after_deadline, too_late_to_store, receipt_for_another_key, other_content,
             of_other_programs, due_after_failure, anew_by_another, made_by_root]
