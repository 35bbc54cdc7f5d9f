"""Disks that are full, and disks that corrupt."""

import os
import subprocess
import time

from servers import Sshd, Vsftpd
from world import check, until


def full_rejected(world):
    """The receiver says no, for good; the sender hears why, and with --anew sends it as another message once there is room."""
    server, disk = Sshd(world), world.tmpfs("small", "2m")
    world.drop("--reject-full", store="small")
    (disk / "ballast").write_bytes(b"x" * 1_500_000)
    file = world.file("big.bin", 1_000_000)
    done = world.put(server.url(world.path("drop")), "--wait", "20s", file, status=3)
    check(b"reason 1" in done.stderr and b"no room" in done.stderr, f"the sender was not told why: {done.stderr.decode()}")
    check(world.report() == [("big.bin", "rejected")], f"the outbox says {world.report()}")
    check(set(world.names("small")) == {"ballast"}, f"left on the full disk: {world.names('small')}")
    sender = subprocess.Popen([str(one) for one in world.put_command(server.url(world.path("drop")), "--wait", "60s", "--anew", "20", file)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    world.processes.append(sender)
    until("it was rejected", lambda: world.dropped().count("rejected") >= 2)
    (disk / "ballast").unlink()
    said = [one.decode() for one in sender.communicate(timeout=60)]
    check("stored " in said[0] and (disk / "big.bin").read_bytes() == file.read_bytes(), f"it was not stored when there was room: {said}")
    return ("a disk of 2 MB with too little room, --reject-full: the sender saw `rejected: reason 1, no room`, nothing was left on the "
            "disk; with --anew it was sealed anew, and stored once there was room")


def full_waits(world):
    """Without --reject-full the envelope waits in the folder until there is room."""
    disk = world.tmpfs("small", "2m")
    world.drop(store="small")
    (disk / "ballast").write_bytes(b"x" * 1_500_000)
    file = world.file("big.bin", 1_000_000)
    world.put(f"file://{world.path('drop')}", "--wait", "2s", file, status=4)
    check(len(world.names()) == 1 and world.names("small") == ["ballast"], "it did not wait")
    check("there is no room" in world.dropped(), world.dropped())
    (disk / "ballast").unlink()
    # It is not sent again: the receiver comes back to it by itself.
    world.due("--wait", "30s", "--resend", "60s")
    check((disk / "big.bin").read_bytes() == file.read_bytes(), "other content is stored")
    return "the same disk without --reject-full: the envelope waited in the folder, no receipt; with room again it was stored, receipt settled"


def full_while_writing(world):
    """The disk fills up by somebody else in the middle of writing: no receipt says `stored`."""
    disk = world.tmpfs("small", "6m")
    file = world.file("big.bin", 5_000_000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    # What asks for room is told a lie: there is room at first, and none when the file is written.
    world.path("lie").write_text("full")
    shim = {**os.environ, "LD_PRELOAD": str(world.programs / "shim.so"), "FLIP_FOLDER": str(disk), "FLIP_WHILE": str(world.path("lie"))}
    world.drop(store="small", env=shim)
    until("it was tried", lambda: "later" in world.dropped())
    check(world.names("small") == [], f"left on the disk: {world.names('small')}")
    check(not list(world.path("drop").glob("*.receipt")), "there is a receipt")
    world.path("lie").unlink()
    world.due("--wait", "30s")
    check((disk / "big.bin").read_bytes() == file.read_bytes(), "other content is stored")
    return "writes that fail with ENOSPC in the middle of a file: nothing left, no receipt; stored when the disk was well again, receipt settled"


def too_large(world):
    world.drop("--max-size", "1M")
    done = world.put(f"file://{world.path('drop')}", "--wait", "20s", "--anew", "3", world.file("big.bin", 1_100_000), status=3)
    check(b"reason 2" in done.stderr and not world.stored(), done.stderr.decode())
    return "a file over --max-size: the sender saw `rejected: reason 2`, and did not send it again; nothing is stored"


def corrupts(world, how, url):
    """A disk that changes a byte: what was read again is not what was sent, and there is no receipt."""
    file = world.file("data.bin", 300_000)
    control = world.path("control")
    control.write_text(how)
    shim = {**os.environ, "LD_PRELOAD": str(world.programs / "shim.so"), "FLIP_FOLDER": str(world.path("store")), "FLIP_WHILE": str(control)}
    world.drop(env=shim)
    world.put(url, "--wait", "3s", file, status=4)
    check("later" in world.dropped() and "stored" not in world.dropped(), f"it counted as stored: {world.dropped()}")
    check(not world.stored(), f"left under a final name: {list(world.stored())}")
    check(world.report() == [("data.bin", "awaited")], f"the outbox says {world.report()}")
    control.unlink()
    world.due("--now", "--wait", "30s")
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")


def corrupts_written(world):
    corrupts(world, "write", Sshd(world).url(world.path("drop")))
    return ("sftp: a disk that changes a byte of what is written: tried for 3 s, nothing under a final name, no receipt, the sender waits; when it "
            "was well again: stored, receipt settled")


def corrupts_read(world):
    corrupts(world, "read", Vsftpd(world, world.path("drop")).url())
    return ("vsftpd: a disk that changes a byte of what is read: tried for 3 s, nothing under a final name, no receipt, the sender waits; when it was "
            "well again: stored, receipt settled")


def damaged_on_the_way(world):
    """A carrier that damages: the receiver says so in a note, and the sender sends again at once."""
    file = world.file("data.bin", 200_000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    (envelope,) = world.path("drop").iterdir()
    damaged = bytearray(envelope.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    envelope.write_bytes(damaged)
    world.drop()
    began = time.monotonic()
    done = world.due("--wait", "50s", "--resend", "40s")
    check(b"reason 6" in done.stderr and time.monotonic() - began < 30, f"the sender was not told: {done.stderr.decode()}")
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    check([one for one in world.names() if one.endswith(".refused")], "it was not set aside")
    return "an envelope damaged by the carrier: set aside by the receiver, whose note (reason 6) made the sender send it again at once; stored"


def lost_on_the_way(world):
    """Somebody removes the envelope, and later the receipt: what is missing is noticed, and sent again."""
    file = world.file("data.bin", 50_000)
    words = world.put_command(f"file://{world.path('drop')}", "--wait", "60s", "--resend", "1s", file)
    sender = subprocess.Popen([str(one) for one in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    world.processes.append(sender)
    until("the envelope is there", lambda: list(world.path("drop").glob("*.bulla")))[0].unlink()
    until("it is sent again", lambda: list(world.path("drop").glob("*.bulla")))
    world.drop()
    said = sender.communicate(timeout=60)[1].decode()
    check(sender.returncode == 0 and "sent again" in said, said)
    second = world.file("second.bin", 50_000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", second, status=4)
    until("the receipt is there", lambda: list(world.path("drop").glob("*.receipt")))[0].unlink()
    world.due("--now", "--wait", "30s")
    check(world.stored() == {one.name: one.read_bytes() for one in (file, second)}, f"stored: {list(world.stored())}")
    check(world.dropped().count("stored ") == 2 and world.dropped().count("again ") == 1, world.dropped())
    return "an envelope was removed, and a receipt: both were missed and sent again; each file is stored once, a copy got the same receipt"


def name_taken(world):
    """Another file has the name: it is not written over."""
    (world.path("store") / "letter").write_bytes(b"mine")
    world.drop()
    file = world.file("letter", 1000)
    world.put(f"file://{world.path('drop')}", "--wait", "20s", file)
    stored = world.stored()
    check(stored.pop("letter") == b"mine" and list(stored.values()) == [file.read_bytes()], f"stored: {list(world.stored())}")
    return "a file of that name was there: it is as it was, the new one is stored under a name made of its id, receipt settled"


def names(world):
    """A link is sent under its own name; with --by-id nothing that a sender says is a name; and keys that have a passphrase."""
    secret = world.path("secret")
    secret.write_text("correct horse\n")
    for who in ("alice", "bob"):
        world.path(f"{who}.key").unlink()
        world.path(f"{who}.pub").write_bytes(world.run([world.bulla, "keygen", "-o", world.path(f"{who}.key"), "--passphrase-file", secret]).stdout)
    file, link = world.file("version-7.bin", 1000), world.path("near", "current.bin")
    link.symlink_to(file)
    receiver = world.drop("--passphrase-file", secret)
    world.put(f"file://{world.path('drop')}", "--passphrase-file", secret, "--wait", "20s", link)
    check(world.stored() == {"current.bin": file.read_bytes()} and world.report() == [("current.bin", "stored")], f"stored: {list(world.stored())}")
    world.end(receiver)
    world.path("other").mkdir()
    world.drop("--passphrase-file", secret, "--by-id", store="other")
    world.put(f"file://{world.path('drop')}", "--passphrase-file", secret, "--wait", "20s", file)
    ((name, content),) = world.stored("other").items()
    check(content == file.read_bytes() and "version" not in name, f"stored as {name}")
    check(b"passphrase" in world.put(f"file://{world.path('drop')}", file, status=1).stderr, "it was sent with a key that is locked")
    return f"keys with a passphrase; a link was stored under its own name; with --by-id the file is stored as {name}"


def given_up(world):
    """Nobody answers: the sender is told, once."""
    file = world.file("late", 1000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", "--deadline", "2s", file, status=4)
    time.sleep(3)
    done = world.due("--wait", "0", status=4)
    check(b"given-up" in done.stdout and world.report() == [("late", "given-up")], f"{done.stdout} {world.report()}")
    check(b"given-up" not in world.due("--wait", "0").stdout, "it was told twice")
    time.sleep(2)
    world.due("--wait", "0", "--forget", "1s")
    check(world.report() == [], f"it was not forgotten: {world.report()}")
    return "no receipt until the deadline: the sender was told once that it is given up, the report says so, and --forget forgets it"


SCENARIOS = [full_rejected, full_waits, full_while_writing, too_large, corrupts_written, corrupts_read, damaged_on_the_way, lost_on_the_way,
             name_taken, names, given_up]
