"""The synchronous form: a subsystem of OpenSSH that takes an envelope and gives the receipt."""

import signal
import subprocess
import threading
import time

from scenarios_hostile import queued
from servers import Sshd
from world import check, until


def serve(world, *more, config=()):
    words = [world.programs / "bulla-receive", "-i", world.path("bob.key"), "-c", "files", "--from", world.path("alice.pub"), "--guard",
             world.path("guard"), "--dir", world.path("store"), "--lease", "2s", *more]
    return Sshd(world, " ".join(str(one) for one in words), config)


def sealed(world, file):
    """An envelope out of the outbox of the command line."""
    return world.run([world.bulla, "send", "-i", world.path("alice.key"), "-r", world.path("bob.pub"), "-c", "files", "--outbox",
                      world.path("outbox"), file]).stdout


def settle(world, receipt, status=0):
    return world.run([world.bulla, "settle", "-i", world.path("alice.key"), "--outbox", world.path("outbox")], input=receipt, status=status)


def subsystem(world):
    """ssh -s host bulla-receive < envelope > receipt"""
    server, file = serve(world), world.file("data.bin", 3_000_000)
    envelope = sealed(world, file)
    ask = server.ssh("-s", "bulla-receive")
    receipt = world.run(ask, input=envelope).stdout
    settle(world, receipt)
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    again = world.run(ask, input=envelope)
    check(again.stdout == receipt and list(world.stored()) == ["data.bin"], "a copy got another receipt, or was stored")
    other = world.path("other")
    other.mkdir()
    (other / "data.bin").write_bytes(b"another file of that name")
    world.run(ask, input=sealed(world, other / "data.bin"))
    check(len(world.stored()) == 2 and world.stored()["data.bin"] == file.read_bytes(), f"stored: {list(world.stored())}")
    return ("ssh -s host bulla-receive: stored, and the receipt on standard output settled the outbox; a copy got the same one, byte for byte; a "
            "second file of that name is stored under another name")


def subsystem_and_folder(world):
    """The same envelope comes both ways: one guard, stored once, one receipt."""
    file, envelope = queued(world)
    whole = envelope.read_bytes()
    world.drop()
    receipt = until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))[0].read_bytes()
    server = serve(world)
    done = world.run(server.ssh("-s", "bulla-receive"), input=whole)
    check(done.stdout == receipt, "it got another receipt")
    second, envelope = world.file("second.bin", 1000), sealed(world, world.path("near", "second.bin"))
    receipt = world.run(server.ssh("-s", "bulla-receive"), input=envelope).stdout
    world.path("drop", "copy.bulla").write_bytes(envelope)
    until("the copy is answered", lambda: world.path("drop", "copy.receipt").exists() and not world.path("drop", "copy.bulla").exists())
    check(world.path("drop", "copy.receipt").read_bytes() == receipt, "the copy got another receipt")
    check(world.stored() == {one.name: one.read_bytes() for one in (file, second)}, f"stored: {list(world.stored())}")
    return "one envelope by the folder and then by the subsystem, another the other way round: each stored once, the same receipt both times"


def subsystem_bad(world):
    """What is changed, cut off, or too large."""
    server, file = serve(world, "--max-size", "1M"), world.file("data.bin", 300_000)
    envelope = sealed(world, file)
    ask = server.ssh("-s", "bulla-receive")
    changed = bytearray(envelope)
    changed[len(changed) // 2] ^= 1
    note = world.run(ask, input=bytes(changed), status=2).stdout
    settle(world, note, status=4)
    world.run(ask, input=envelope[: len(envelope) // 2], status=2)
    world.run(ask, input=b"", status=2)
    check(world.names("store") == [], f"left in the folder: {world.names('store')}")
    receipt = world.run(ask, input=sealed(world, world.file("big.bin", 2_000_000)), status=3).stdout
    settle(world, receipt, status=4)
    settle(world, world.run(ask, input=envelope).stdout)
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    # It is decided early, and the sender still gets the answer, and no broken pipe.
    for more in ([], ["--by-id"]):
        too_large_in_a_pipe(world, more, 7_000_000, 0)
    # But not for ever: after 8 MiB nothing more is read, and the answer is given.
    too_large_in_a_pipe(world, [], 30_000_000, -signal.SIGPIPE)
    return ("changed: exit status 2 and a note of damage, which leaves it awaited; cut off, empty: 2 and no receipt; too large: 3 and a "
            "rejection; then the right one: 0, stored, settled; nothing else in the folder")


def too_large_in_a_pipe(world, more, size, feeder_ends):
    words = [world.programs / "bulla-receive", "-i", world.path("bob.key"), "-c", "files", "--from", world.path("alice.pub"), "--guard",
             world.path("guard"), "--dir", world.path("store"), "--max-size", "1M", *more]
    envelope = sealed(world, world.file(f"bigger{size}.bin", size))
    feeder = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    world.processes.append(feeder)
    early = subprocess.Popen([str(one) for one in words], stdin=feeder.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    feeder.stdout.close()
    feeder.communicate(envelope, timeout=60)
    receipt = early.communicate(timeout=60)[0]
    check(early.returncode == 3 and feeder.returncode == feeder_ends, f"ended with {early.returncode}, its feeder with {feeder.returncode}")
    settle(world, receipt, status=4)


def subsystem_killed(world):
    """The receiver is killed at the other end, in the middle; the same envelope again is stored once."""
    server, file = serve(world), world.file("data.bin", 20_000_000)
    envelope = sealed(world, file)
    ask = server.ssh("-s", "bulla-receive")
    receiver = subprocess.Popen(ask, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    world.processes.append(receiver)
    receiver.stdin.write(envelope[:5_000_000])
    receiver.stdin.flush()
    found = until("it runs", lambda: subprocess.run(["pgrep", "-f", f"bulla-receive -i {world.path('bob.key')}"], capture_output=True,
                                                    text=True).stdout.split())
    for pid in found:
        subprocess.run(["kill", "-9", pid], check=False)
    feeder = threading.Thread(target=lambda: swallow(receiver.stdin, envelope[5_000_000:]))
    feeder.start()
    said = receiver.stdout.read()
    check(receiver.wait(20) != 0 and said == b"", "the sender was told that all is well")
    feeder.join()
    receipt = world.run(ask, input=envelope).stdout
    settle(world, receipt)
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return "bulla-receive killed -9 while it took 20 MB: the sender got no receipt and an exit status; the same envelope again: stored once, settled"


def subsystem_limits(world):
    """What holds if nobody thought of a limit; and a disk that is full."""
    huge = world.path("near", "huge.bin")
    with huge.open("wb") as out:
        out.truncate(3 << 30)
    begin = subprocess.Popen([str(one) for one in [world.bulla, "seal", "--stream", "-c", "files", "-i", world.path("alice.key"),
                                                   "-r", world.path("bob.pub"), huge]], stdout=subprocess.PIPE)
    world.processes.append(begin)
    envelope = begin.stdout.read(3_000_000)
    begin.kill()
    words = [world.programs / "bulla-receive", "-i", world.path("bob.key"), "-c", "files", "--from", world.path("alice.pub"), "--guard",
             world.path("guard"), "--dir"]
    done = world.run([*words, world.path("store")], input=envelope, status=3)
    check(b"longer than is accepted" in done.stderr, done.stderr.decode())
    small = world.tmpfs("small", "3m")
    words.append(small)
    file = world.file("data.bin", 4_000_000)
    envelope = sealed(world, file)
    for more in (["--keep-free", "1M"], ["--keep-free", "2M"], []):
        done = world.run([*words, *more], input=envelope, status=4)
        check(b"No space" in done.stderr or b"room" in done.stderr, done.stderr.decode())
        check(not done.stdout and world.names("small") == [], f"left on the disk: {world.names('small')}")
    # That is found out from its beginning, not when all of it has come.
    one = subprocess.Popen([str(word) for word in (*words, "--keep-free", "2M")], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    world.processes.append(one)
    swallow_some(one.stdin, envelope[:1_500_000])
    one.stdin.close()
    check(one.wait(10) == 4 and b"no room" in one.stderr.read(), f"it ended with {one.returncode}")
    subprocess.run(["mount", "-o", "remount,size=10m", small], check=True)
    settle(world, world.run(words, input=envelope).stdout)
    check(world.stored("small") == {"data.bin": file.read_bytes()}, "other content is stored")
    return ("the beginning of 3 GB, where no limit is named: 3, `longer than is accepted`; a disk that is full, or is to stay free: 4, no receipt, "
            "nothing left there; with room the same envelope is stored, settled")


def subsystem_idle(world):
    """Who begins and does not go on: sshd closes the channel, as the guide has it, and the program ends."""
    server, file = serve(world, config=["ChannelTimeout session:*=3s"]), world.file("data.bin", 3_000_000)
    envelope = sealed(world, file)
    ask = server.ssh("-s", "bulla-receive")
    idle = subprocess.Popen(ask, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    world.processes.append(idle)
    swallow_some(idle.stdin, envelope[:1_000_000])

    def runs():
        return subprocess.run(["pgrep", "-f", f"bulla-receive -i {world.path('bob.key')}"], capture_output=True, check=False).stdout

    until("it runs", runs)
    began = time.monotonic()
    until("it has ended", lambda: not runs(), 30)
    took = time.monotonic() - began
    check(not world.names("store"), f"left in the folder: {world.names('store')}")
    settle(world, world.run(ask, input=envelope).stdout)
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return f"a third of an envelope, and then nothing: ended by ChannelTimeout after {took:.0f} s, nothing left; the whole one: stored, settled"


def swallow_some(pipe, data):
    """Gives this, and neither more nor the end."""
    try:
        pipe.write(data)
        pipe.flush()
    except BrokenPipeError:
        pass


def swallow(pipe, data):
    try:
        pipe.write(data)
        pipe.close()
    except OSError:
        pass


SCENARIOS = [subsystem, subsystem_and_folder, subsystem_bad, subsystem_limits, subsystem_idle, subsystem_killed]
