"""What those put into the folder who can write to it, and are not trusted."""

import os
import shutil
import time

from world import check, until

REFUSED = ".refused"


def queued(world, name="data.bin", size=100_000):
    """An envelope that lies in the folder while nobody looks."""
    file = world.file(name, size)
    before = set(world.path("drop").iterdir())
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    (envelope,) = set(world.path("drop").iterdir()) - before
    return file, envelope


def tampered(world):
    """A bit at many places, each in a copy of its own, and copies that are cut off or too long."""
    file, envelope = queued(world)
    whole = envelope.read_bytes()
    places = [*range(0, 400, 13), *range(400, len(whole), len(whole) // 20), len(whole) - 1]
    for at in places:
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        world.path("drop", f"flip{at}.bulla").write_bytes(changed)
    cuts = [0, 1, 100, len(whole) // 2, len(whole) - 1]
    for at in cuts:
        world.path("drop", f"cut{at}.bulla").write_bytes(whole[:at])
    world.path("drop", "long.bulla").write_bytes(whole + b"x")
    envelope.unlink()
    receiver = world.drop()
    count = len(places) + len(cuts) + 1
    until("all are set aside", lambda: sum(one.endswith(REFUSED) for one in world.names()) == count)
    check(not world.stored() and receiver.poll() is None, f"stored: {list(world.stored())}")
    for receipt in world.path("drop").glob("*.receipt"):
        world.run([world.bulla, "settle", "-i", world.path("alice.key"), "--outbox", world.path("outbox"), receipt], status=None)
    check(world.report() == [("data.bin", "awaited")], f"a changed copy settled it: {world.report()}")
    envelope.write_bytes(whole)
    until("the right one is stored", lambda: world.stored())
    world.due("--wait", "20s")
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return (f"{len(places)} copies with one bit changed, {len(cuts)} cut off, one too long: all set aside, nothing stored, no receipt but notes of "
            "damage, the sender still waits; then the right one: stored, receipt settled")


def replayed(world):
    """Copies under other names, before and after."""
    file, envelope = queued(world)
    whole = envelope.read_bytes()
    for number in range(5):
        shutil.copy(envelope, world.path("drop", f"copy{number}.bulla"))
    world.drop()
    until("all are dealt with", lambda: not list(world.path("drop").glob("*.bulla")))
    world.path("drop", "later.bulla").write_bytes(whole)
    until("the late one is dealt with", lambda: world.path("drop", "later.receipt").exists() and not world.path("drop", "later.bulla").exists())
    receipts = {one.read_bytes() for one in world.path("drop").glob("*.receipt")}
    check(len(receipts) == 1, f"{len(receipts)} different receipts")
    check(world.stored() == {"data.bin": file.read_bytes()}, f"stored: {list(world.stored())}")
    world.due("--wait", "20s")
    return "one envelope and six copies under other names: stored once; each got the same receipt, byte for byte; settled"


def strangers(world):
    """Authentic, but not acceptable: another sender, another context, another recipient, expired."""
    file = world.file("data.bin", 1000)
    seal = [world.bulla, "seal", "-c"]
    cases = {
        "mallory": [*seal, "files", "-i", world.path("mallory.key"), "-r", world.path("bob.pub")],
        "context": [*seal, "mail", "-i", world.path("alice.key"), "-r", world.path("bob.pub")],
        "not-for-bob": [*seal, "files", "-i", world.path("alice.key"), "-r", world.path("mallory.pub")],
    }
    for name, command in cases.items():
        world.run([*command, "-o", world.path("drop", f"{name}.bulla"), file])
    world.path("drop", "text.bulla").write_text("hello")
    world.drop()
    until("all are set aside", lambda: sum(one.endswith(REFUSED) for one in world.names()) == len(cases) + 1)
    check(not world.stored() and not list(world.path("drop").glob("*.receipt")), "something was stored or answered")
    log = world.dropped()
    for verdict in ("UntrustedSender", "WrongContext", "NotForMe", "Malformed"):
        check(verdict in log, f"the log does not say {verdict}: {log}")
    return "another sender, another context, another recipient, no envelope at all: set aside, each with its reason in the log; no receipt"


def traps(world):
    """Links, pipes and folders with names of envelopes and receipts; what must not be read or written over is as it was."""
    file, envelope = queued(world)
    treasure = world.path("treasure")
    treasure.write_text("secret")
    drop = world.path("drop")
    (drop / "link.bulla").symlink_to(treasure)
    (drop / "dangling.bulla").symlink_to("/nowhere")
    os.mkfifo(drop / "pipe.bulla")
    (drop / "folder.bulla").mkdir()
    (drop / ".hidden.bulla").write_text("no")
    (drop / (envelope.name[:-6] + ".receipt")).symlink_to(treasure)
    (drop / f".{envelope.name[:-6]}.receipt.part").symlink_to(treasure)
    receiver = world.drop()
    until("the right one is stored", lambda: world.stored())
    until("the traps are set aside", lambda: sum(one.endswith(REFUSED) for one in world.names()) == 4)
    check(treasure.read_text() == "secret", "a receipt was written through a link")
    world.due("--wait", "20s")
    check(world.stored() == {"data.bin": file.read_bytes()} and receiver.poll() is None, "stored something else, or ended")
    return "links, a pipe and a folder named as envelopes, links named as the receipt: set aside, nothing written through them; the file is stored, receipt settled"


def traps_for_sender(world):
    """Where its receipt should be there is a pipe, a link or a folder; and where it uploads."""
    file, envelope = queued(world)
    name = envelope.name.removesuffix(".bulla")
    treasure = world.path("treasure")
    treasure.write_text("secret")
    receipt, part = world.path("drop", f"{name}.receipt"), world.path("drop", f"{name}.bulla.part")
    makers = {"a pipe": os.mkfifo, "a link": lambda path: path.symlink_to(treasure), "a folder": os.mkdir}
    for what, make in makers.items():
        make(receipt)
        make(part)
        began = time.monotonic()
        done = world.due("--now", "--wait", "0", status=4)
        check(time.monotonic() - began < 10, f"{what} made it wait")
        check(b"no receipt: " in done.stderr and b"not uploaded: " in done.stderr, f"{what}: {done.stderr.decode()}")
        for path in (receipt, part):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    check(treasure.read_text() == "secret", "something was written through a link")
    world.drop()
    world.due("--now", "--wait", "20s")
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return f"{', '.join(makers)} where the receipt or the upload should be: none was read, waited for or written through; then stored, settled"


def names_that_lie(world):
    """A name that would make a line of its own in the log, and one that a terminal would obey."""
    _, envelope = queued(world)
    whole = envelope.read_bytes()
    world.path("drop", "x\nstored forged.bulla \x1b[2Jtreasure.bulla").write_bytes(whole)
    # CSI in one byte, and in UTF-8; what is a letter stays one.
    world.path("drop", "c1 \u009b2Jforged \u00fc.bulla").write_bytes(whole)
    (world.path("drop") / os.fsdecode(b"c1 \x9b2Jforged.bulla")).write_bytes(whole)
    world.path("drop", "y\nbulla-drop: forged.bulla").write_bytes(b"nothing")
    world.drop()
    until("all are dealt with", lambda: not list(world.path("drop").glob("*.bulla")))
    log = world.path("drop.log").read_bytes().decode()  # fails if it is no UTF-8
    check("c1 ??2Jforged \u00fc" in log and "c1 ?2Jforged" in log and "\u009b" not in log, f"the log obeys: {log!r}")
    check("\x1b" not in log and not any(line.startswith(("stored forged", "bulla-drop: forged")) for line in log.splitlines()), f"the log obeys: {log!r}")
    check(log.count("forged") >= 2, f"the log lacks them: {log!r}")
    world.due("--wait", "20s")
    return "envelopes whose names have line ends and escape sequences in them: each is one line of the log, with ? in their place"


def receipts_exchanged(world):
    """Receipts under each other's names, and forged ones: nothing is settled by the wrong one."""
    (_, first), (_, second) = queued(world, "one"), queued(world, "two", 500)
    world.drop()
    until("both are answered", lambda: len(list(world.path("drop").glob("*.receipt"))) == 2)
    a, b = (world.path("drop", each.name[:-6] + ".receipt") for each in (first, second))
    right = b.read_bytes()
    b.unlink()
    b.write_bytes(a.read_bytes())
    a.write_bytes(b"BULLA, honestly")
    done = world.due("--wait", "0", status=4)
    # That the first is stored is true, and may be said by now; of the second nothing is known.
    check(b"is none" in done.stderr and b"/two" not in done.stdout, f"{done.stderr.decode()}{done.stdout.decode()}")
    check(dict(world.report()) == {"one": "stored", "two": "awaited"}, f"the outbox says {world.report()}")
    b.write_bytes(right)
    world.due("--wait", "0")
    check(dict(world.report()) == {"one": "stored", "two": "stored"}, f"the outbox says {world.report()}")
    return "two receipts exchanged and one forged: each settled what it is about and nothing else, the forged one nothing"


def wrong_set_up(world):
    """What an administrator may get wrong: refused with a line that says what to do."""
    file = world.file("data.bin", 10)
    here = f"file://{world.path('drop')}"
    due = [world.programs / "bulla-put", "-i", world.path("alice.key"), "--outbox", world.path("outbox"), "--due"]
    pipe = world.path("near", "pipe")
    os.mkfifo(pipe)
    inside = world.path("drop", "inside")
    inside.mkdir()
    world.path("drop", "bob.key").symlink_to(world.path("bob.key"))
    world.path("drop", "alice.pub").symlink_to(world.path("alice.pub"))
    drop = [str(one) for one in world.drop_command("--once")]

    def with_value(option, value):
        changed = list(drop)
        changed[changed.index(option) + 1] = str(value)
        return changed

    cases = [
        (with_value("--dir", world.path("drop")), "name another folder with --dir"),
        (with_value("--dir", inside), "name another folder with --dir"),
        (with_value("--guard", world.path("store", "guard")), "the guard is in the folder"),
        (with_value("--guard", world.path("drop", "guard")), "the guard is in the folder where others put"),
        (with_value("--guard", inside / "guard"), "the guard is in the folder where others put"),
        (with_value("-i", world.path("drop", "bob.key")), "the key is in the folder"),
        (with_value("--from", world.path("drop", "alice.pub")), "--from is in the folder"),
        *(([*drop[:-1], option, inside / "file", drop[-1]], f"{option}") for option in ("--netrc", "--ssh-key", "--known-hosts", "--authorities")),
        (with_value("-i", world.path("bob.pub")), "bob.pub|key"),
        (with_value("--from", world.path("alice.key")), "alice.key|malformed|identity"),
        (drop[:-1], "name one folder"),
        (world.put_command("sftp://user:secret@host/drop", file), "a password is in it"),
        (world.put_command("https://host/drop?sig=secret", file), "a query"),
        (world.put_command("gopher://host/drop", file), "none of sftp"),
        (world.put_command("drop", file), "no URL|none of"),
        (world.put_command(here, world.path("near")), "not a file"),
        (world.put_command(here, pipe), "not a file"),
        (world.put_command(here, world.path("nothing")), "No such file"),
        (world.put_command(here, "--now", file), "belong to --due"),
        (world.put_command(here, "--forget", "1d", file), "belong to --due"),
        ([*due, file], "take no files"),
        ([*due, "--report"], "two things"),
        ([*due, "--anew", "3"], "the file may be another one"),
        ([*due, "--to", here], "the outbox remembers"),
        ([*due, "-r", world.path("bob.pub")], "the outbox remembers"),
        ([*due, "-c", "files"], "the outbox remembers"),
        ([*due, "--receipts", here], "the outbox remembers"),
        ([*due, "--deadline", "2d"], "the outbox remembers"),
        (with_value("--dir", world.path("store"))[:-2] + ["--max-size", "0", drop[-1]], "not acceptable"),
    ]
    for command, words in cases:
        said = world.run(command, status=1).stderr.decode().strip()
        check(any(word in said for word in words.split("|")) and "secret" not in said, f"said: {said}")
    check(world.names() == ["alice.pub", "bob.key", "inside"] and not world.stored(), "something was sent or stored")
    return (f"{len(cases)} mistakes of a set-up (key, guard or drop folder among what is stored, wrong keys, a password in a URL, --due with --anew or "
            "with a recipient): each told in a line")


def in_the_clear(world):
    """What the folder and the carrier see."""
    file = world.path("near", "payroll-of-november.txt")
    file.write_bytes(b"the quick brown fox " * 1000)
    world.put(f"file://{world.path('drop')}", "--wait", "0", file, status=4)
    (envelope,) = world.path("drop").iterdir()
    seen = envelope.read_bytes() + envelope.name.encode()
    world.drop()
    until("it is answered", lambda: list(world.path("drop").glob("*.receipt")))
    seen += b"".join(one.read_bytes() + one.name.encode() for one in world.path("drop").iterdir())
    for word in (b"quick brown", b"payroll", b"november", world.path("alice.pub").read_bytes().strip()[6:40]):
        check(word not in seen, f"{word} is seen by the carrier")
    return "the envelope, the receipt and their names: no word of the content, no file name, no identity of sender or recipient in them"


SCENARIOS = [tampered, replayed, strangers, traps, traps_for_sender, names_that_lie, receipts_exchanged, wrong_set_up, in_the_clear]
