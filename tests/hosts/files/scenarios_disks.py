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
    check("disk" in said or "space" in said, f"the reason is not told: {said}")
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


#: Bytes that are left: too few to open a database, or to write to it.
LEFT = (0, 36_864, 40_960, 49_152, 65_536, 98_304)


def full_settling(world):
    """The disk of the sender's records gets full while a receipt is awaited."""
    small, outbox = world.tmpfs("records", "4m"), "records/outbox"
    ballast, said, codes, files = small / "ballast", [], [], {}
    world.drop()
    for left in LEFT:
        file = world.file(f"data-{left}", 300_000)
        files[file.name] = file.read_bytes()
        world.put(f"file://{world.path('drop')}", "--wait", "0", file, outbox=outbox, status=4)
        until("the receipt is there", lambda: [one for one in world.names() if one.endswith(".receipt")])
        fill(small, left)
        done = world.due("--wait", "1s", outbox=outbox, status=None)
        codes.append(done.returncode)
        settled = b"stored " in done.stdout
        check(settled == (done.returncode == 0), f"with {left} bytes left it ended with {done.returncode}: {done.stdout.decode()}")
        check(settled or done.stderr, f"with {left} bytes left it said nothing")
        check(settled or len(list(world.path("drop").glob("*.receipt"))) == 1, f"the receipt is gone, and not settled: {done.stderr.decode()}")
        said += [line.split(": ", 1)[1] for line in done.stderr.decode().splitlines()[:1]]
        ballast.unlink()
        world.due("--now", "--wait", "30s", outbox=outbox)
        check(all(state == "stored" for _, state in world.report(outbox)) and world.names() == [], f"{world.report(outbox)} {world.names()}")
    check(any(codes) and "no room on its disk" in said[0], f"the reason is not told, or there was always room: {said}")
    check(world.stored() == files and "again" not in world.dropped(), world.dropped())
    return (f"no room in the outbox for a receipt, {len(LEFT)} times, with {LEFT[0]} to {LEFT[-1]} bytes left: exit statuses {codes}, first `{said[0]}`; "
            "what was not settled stays where it is; with room it settled, and nothing was sent again")


def full_guard(world):
    """The disk of the receiver's guard is full: nothing is accepted that could not be remembered."""
    small = world.tmpfs("guards", "2m")
    command = world.drop_command()
    command[command.index("--guard") + 1] = small / "guard"
    once = [*command[:-1], "--once", command[-1]]
    world.run(once)
    refused, said, files = 0, [], {}
    for left in LEFT:
        file = world.file(f"data-{left}", 300_000)
        files[file.name] = file.read_bytes()
        fill(small, left)
        world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
        done = world.run(once, status=None)
        accepted = b"stored " in done.stdout
        there = [len(list(world.path("drop").glob(f"*.{kind}"))) for kind in ("receipt", "bulla")]
        check(there == ([1, 0] if accepted else [0, 1]), f"with {left} bytes left: {world.names()} {done.stderr.decode()}")
        check(accepted or done.returncode in (1, 4) and done.stderr, f"it ended with {done.returncode}: {done.stderr.decode()}")
        refused += not accepted
        said += done.stderr.decode().splitlines()[:1]
        (small / "ballast").unlink()
        if not accepted:
            check(file.name not in world.stored(), "it is stored, and nobody remembers it")
            check(b"stored " in world.run(once).stdout, "it was not stored when there was room")
        world.due("--wait", "10s")
    check(refused > 0 and "no room on its disk" in said[0], f"the reason is not told, or there was always room: {said}")
    check(world.stored() == files, f"stored: {sorted(world.stored())}")
    return (f"no room for the receiver's guard, {len(LEFT)} times, with {LEFT[0]} to {LEFT[-1]} bytes left: {refused} times nothing was accepted, first "
            f"`{said[0].split(': ', 1)[1]}`, the envelope waited, no receipt; with room: each stored once, settled")


SCENARIOS = [full_upload_sftp, full_upload_ftp, full_upload_local, full_receipt, full_outbox, full_settling, full_guard]
