"""Files whose dates say nothing, and clocks that differ: what is whole is stored, what is damaged is set aside, and half of it waits."""

import os
import time

from scenarios_hostile import REFUSED, queued
from world import check, until

DAY = 86400


def queued_unseen(world):
    """An envelope that comes to the folder later, by `grow`."""
    world.path("aside").mkdir()
    file = world.file("second.bin", 100_000)
    world.put(f"file://{world.path('aside')}", "--receipts", f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    (there,) = world.path("aside").iterdir()
    return file, there.read_bytes(), world.path("drop", there.name)


def damaged_copy(envelope, name):
    changed = bytearray(envelope.read_bytes())
    changed[len(changed) // 2] ^= 1
    copy = envelope.with_name(name)
    copy.write_bytes(changed)
    return copy


def grow(world, file, whole, envelope, date):
    """Puts it there piece by piece, each dated as `date` says, for longer than the delay: it must be stored when it is whole."""
    pieces = 10
    step = len(whole) // pieces + 1
    for at in range(0, len(whole), step):
        with envelope.open("ab") as out:
            out.write(whole[at : at + step])
        date(envelope)
        time.sleep(0.6)  # ten of these: three times the delay
        check(at + step >= len(whole) or envelope.exists(), f"half of it was set aside: {world.names()}\n{world.dropped()}")
    until("it is stored when it is whole", lambda: world.stored())
    check(world.stored() == {file.name: file.read_bytes()}, "other content is stored")
    world.due("--wait", "20s")


def set_aside_soon(world, damaged):
    began = time.monotonic()
    until("what is damaged is set aside", lambda: damaged.name + REFUSED in world.names(), 15)
    return time.monotonic() - began


def dated_ahead(world):
    """Whoever uploads dates files as he likes."""
    file, envelope = queued(world)
    damaged = damaged_copy(envelope, "damaged.bulla")
    os.utime(envelope, (time.time() + DAY,) * 2)
    os.utime(damaged, (time.time() + 365 * DAY,) * 2)
    world.drop()
    took = set_aside_soon(world, damaged)
    until("the right one is stored", lambda: world.stored())
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    world.due("--wait", "20s")
    return f"an envelope dated a day ahead: stored; a damaged one dated a year ahead: set aside after {took:.0f} s, as any other"


def dated_back(world):
    """A program that gives the file its old date while it writes it."""
    file, whole, envelope = queued_unseen(world)
    world.drop()
    grow(world, file, whole, envelope, lambda path: os.utime(path, (1_000_000_000,) * 2))
    return "an upload dated to 2001 with each of its pieces: half of it was left alone for three times the delay; stored when it was whole"


def many_looks(world):
    """What comes slowly under its final name is looked at often; that it was damaged is told all the same."""
    file, whole, envelope = queued_unseen(world)
    damaged = bytearray(whole)
    damaged[-10] ^= 1
    world.drop()
    pieces = 40
    step = len(whole) // pieces + 1
    for at in range(0, len(whole), step):
        with envelope.open("ab") as out:
            out.write(damaged[at : at + step])
        time.sleep(0.05)
    receipt = world.path("drop", envelope.name.replace(".bulla", ".receipt"))
    until("its sender is told of the damage", receipt.exists, 10)
    world.path("aside", envelope.name).unlink()
    done = world.due("--wait", "0", status=4)
    check(b"reason 6" in done.stderr, done.stderr.decode())
    check(not world.stored() and file.name == "second.bin", "something was stored")
    return f"an upload in {pieces} pieces under its final name, damaged in the last: looked at with each, and its sender was told of the damage once"


def with_clock(world, how):
    control = world.path("control")
    control.write_text(how)
    return {**os.environ, "LD_PRELOAD": str(world.programs / "shim.so"), "FLIP_FOLDER": str(world.path("drop")), "FLIP_WHILE": str(control)}


def clock_set_back(world):
    """What came before the clock was set back lies in the future."""
    file, envelope = queued(world)
    damaged = damaged_copy(envelope, "damaged.bulla")
    world.drop(env=with_clock(world, "back"))
    took = set_aside_soon(world, damaged)
    until("the right one is stored", lambda: world.stored())
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return f"the clock was set back by a day since they came: the right envelope stored, the damaged one set aside after {took:.0f} s"


def clock_of_server(world):
    """A network file system whose server's clock is a day ahead."""
    file, envelope = queued(world)
    damaged = damaged_copy(envelope, "damaged.bulla")
    world.drop(env=with_clock(world, "server"))
    took = set_aside_soon(world, damaged)
    until("the right one is stored", lambda: world.stored())
    world.due("--wait", "20s")
    world.path("store", file.name).unlink()
    world.path("drop", damaged.name + REFUSED).unlink()
    file, whole, envelope = queued_unseen(world)
    grow(world, file, whole, envelope, lambda path: None)
    return (f"all files are dated a day ahead: the right envelope stored, the damaged one set aside after {took:.0f} s, half of an upload left "
            "alone, and stored when it was whole")


SCENARIOS = [dated_ahead, dated_back, many_looks, clock_set_back, clock_of_server]
