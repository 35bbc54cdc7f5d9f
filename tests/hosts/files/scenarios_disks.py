"""Disks that are full: of the receiving server in the middle of an upload, and of the sender's own records."""

import subprocess

from servers import Sshd, Vsftpd
from world import check, until

SIZE = 4_000_000


def fill(folder, leave=0):
    """Leaves so many bytes on a disk."""
    ballast, piece = folder / "ballast", b"x" * 65536
    with ballast.open("ab", buffering=0) as out:
        while piece:
            try:
                if out.write(piece) < len(piece):
                    raise OSError
            except OSError:
                piece = piece[: len(piece) // 2]
    if leave:
        with ballast.open("r+b") as out:
            out.truncate(ballast.stat().st_size - leave)
    return ballast


def full_upload(world, url):
    """The disk of the upload folder gets full in the middle; later there is room again."""
    folder = world.path("drop")
    ballast = fill(folder, SIZE // 2)
    file = world.file("long.bin", SIZE)
    world.drop()
    done = world.put(url(folder), "--wait", "3s", file, status=4)
    said = done.stderr.decode()
    check("long.bin: not uploaded: " in said and b"unsent" in done.stdout, f"the sender was not told: {said}")
    check(not world.stored() and not list(folder.glob("*.bulla")), f"half of it counted: {world.names()}")
    check(world.report() == [("long.bin", "awaited")], f"the outbox says {world.report()}")
    (part,) = folder.glob("*.part")
    there = part.stat().st_size
    check(0 < there < SIZE, f"{there} bytes are there")
    ballast.unlink()
    done = world.due("--now", "--wait", "60s")
    check(b"gone on with at byte" in done.stderr, f"it was sent as a whole again: {done.stderr.decode()}")
    check(world.stored() == {"long.bin": file.read_bytes()}, "other content is stored")
    check(world.report() == [("long.bin", "stored")] and set(world.names()) == set(), f"{world.report()} {world.names()}")
    why = said.split("not uploaded: ")[1].splitlines()[0]
    return (f"the server's disk got full after {there} of {SIZE} bytes: the sender was told `{why}`, nothing was stored, nothing lost; with room "
            "again it was gone on with, stored once, receipt settled")


def full_upload_sftp(world):
    world.tmpfs("drop", "8m")
    server = Sshd(world)
    return "sftp: " + full_upload(world, server.url)


def full_upload_ftp(world):
    folder = world.tmpfs("drop", "8m")
    server = Vsftpd(world, folder)
    return "ftp: " + full_upload(world, lambda _: server.url())


def full_upload_local(world):
    world.tmpfs("drop", "8m")
    return "file://: " + full_upload(world, lambda folder: f"file://{folder}")


def full_receipt(world):
    """There is room for the envelope, and none for the receipt beside it."""
    folder = world.tmpfs("drop", "2m")
    file = world.file("data.bin", 500_000)
    world.put(f"file://{folder}", "--wait", "0", file, status=4)
    ballast = fill(folder)
    world.drop()
    until("it says so", lambda: "the receipt could not be written" in world.dropped())
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    check(len(list(folder.glob("*.bulla"))) == 1 and not list(folder.glob("*.receipt")), f"left are {world.names()}")
    ballast.unlink()
    world.due("--wait", "30s")
    check(list(world.stored()) == ["data.bin"] and world.dropped().count("again ") == 1, world.dropped())
    return ("no room for the receipt: the file is stored, its envelope stays, the log says why; with room again a look at the envelope gave the "
            "receipt, stored once, settled")


def full_outbox(world):
    """The disk of the sender's records is full when it seals."""
    small = world.tmpfs("records", "4m")
    first, second = world.file("first.bin", 100_000), world.file("second.bin", SIZE)
    world.drop()
    url = f"file://{world.path('drop')}"
    outbox = "records/outbox"
    world.put(url, "--wait", "20s", first, outbox=outbox)
    fill(small, 1_000_000)
    done = world.put(url, "--wait", "20s", second, outbox=outbox, status=1)
    said = done.stderr.decode()
    check("second.bin" in said and ("space" in said or "room" in said) and len(said.splitlines()) == 1, f"it said: {said}")
    check(world.report(outbox) == [("first.bin", "stored")], f"the outbox says {world.report(outbox)}")
    check(list(world.stored()) == ["first.bin"] and world.names() == [], "something was sent, and nobody remembers it")
    free = subprocess.run(["df", "--output=avail", "-B1", small], capture_output=True, text=True, check=True).stdout.split()[-1]
    check(int(free) > 700_000, f"the attempt left something: {free} bytes are free")
    (small / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
    world.put(url, "--wait", "60s", second, outbox=outbox)
    check(world.stored() == {one.name: one.read_bytes() for one in (first, second)}, "other content is stored")
    return (f"no room in the outbox for a file: `{said.strip().split(': ', 1)[1]}`, nothing was sent, nothing left behind, what was there before is as "
            "it was; with room: stored, settled")


def full_settling(world):
    """The disk of the sender's records gets full while a receipt is awaited."""
    small = world.tmpfs("records", "4m")
    file = world.file("data.bin", 300_000)
    outbox = "records/outbox"
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, outbox=outbox, status=4)
    world.drop()
    until("the receipt is there", lambda: [one for one in world.names() if one.endswith(".receipt")])
    ballast = fill(small)
    done = world.due("--wait", "2s", outbox=outbox, status=None)
    said = done.stderr.decode()
    check(done.returncode in (1, 4) and b"stored" not in done.stdout and said, f"it ended with {done.returncode}, and said: {said}")
    check(len(list(world.path("drop").glob("*.receipt"))) == 1, f"the receipt is gone, and not settled: {said}")
    ballast.unlink()
    world.due("--now", "--wait", "30s", outbox=outbox)
    check(world.report(outbox) == [("data.bin", "stored")] and world.names() == [], f"{world.report(outbox)} {world.names()}")
    check(world.stored() == {"data.bin": file.read_bytes()} and "again" not in world.dropped(), world.dropped())
    return (f"no room in the outbox for the receipt: exit status {done.returncode}, `{said.strip().splitlines()[0].split(': ', 1)[1]}`; the receipt stays "
            "where it is; with room it settled, and nothing was sent again")


def full_guard(world):
    """The disk of the receiver's guard is full: nothing is accepted that could not be remembered."""
    small = world.tmpfs("guards", "2m")
    file = world.file("data.bin", 300_000)
    command = world.drop_command()
    command[command.index("--guard") + 1] = small / "guard"
    world.run([*command[:-1], "--once", command[-1]])
    ballast = fill(small)
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    receiver = world.start(command, "drop.log")
    until("it is left for later", lambda: "later" in world.dropped() or receiver.poll() is not None)
    check(not world.stored() and not list(world.path("drop").glob("*.receipt")), f"accepted: {world.names()} {world.dropped()}")
    check(len(list(world.path("drop").glob("*.bulla"))) == 1, f"the envelope is gone: {world.names()}")
    said = [line for line in world.dropped().splitlines() if "later" in line or "guard" in line]
    ballast.unlink()
    if receiver.poll() is not None:
        world.start(command, "drop.log")
    world.due("--wait", "30s")
    check(world.stored() == {"data.bin": file.read_bytes()} and world.dropped().count("stored ") == 1, world.dropped())
    return f"no room for the receiver's guard: `{said[0].split(': ', 1)[1]}`, nothing accepted, no receipt; with room: stored once, settled"


SCENARIOS = [full_upload_sftp, full_upload_ftp, full_upload_local, full_receipt, full_outbox, full_settling, full_guard]
