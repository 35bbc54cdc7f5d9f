"""Both ends are killed at random instants, under load."""

import os
import random
import signal
import subprocess
import threading
import time

from servers import Sshd, Vsftpd
from world import check, until

FILES = int(os.environ.get("FILES", "60"))
#: So often each end is killed at least: 40 in all.
EACH = int(os.environ.get("KILLS", "20"))


class Killer(threading.Thread):
    """Runs a command, kills it after a random time, and runs it again, until it is told to stop."""

    def __init__(self, command, log, longest, seed):
        super().__init__(daemon=True)
        self.command, self.log, self.longest = [str(one) for one in command], log, longest
        self.random, self.stopped, self.kills, self.ends = random.Random(seed), threading.Event(), 0, 0
        self.lines, self.failed = [], None

    def run(self):
        while not self.stopped.is_set():
            with self.log.open("ab") as log:
                one = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
            reader = threading.Thread(target=self.read, args=(one.stdout,))
            reader.start()
            try:
                one.wait(self.random.uniform(0.005, self.longest))
                self.ends += 1
            except subprocess.TimeoutExpired:
                one.send_signal(signal.SIGKILL)
                one.wait()
                self.kills += 1
            reader.join()

    def read(self, pipe):
        for line in pipe:
            self.lines.append(line)
            try:
                self.look(line)
            except Exception as error:  # told at the end, by the main thread
                self.failed = self.failed or error

    def look(self, line):
        """What is done with each line that it says, at once."""

    def stop(self):
        self.stopped.set()
        self.join(30)
        if self.failed:
            raise self.failed


class Sender(Killer):
    """What it says of a file must be true at once."""

    def __init__(self, world, contents, *rest):
        super().__init__(*rest)
        self.world, self.contents = world, contents

    def look(self, line):
        # The receipt is there: what it says must be true now, not later.
        state, _, path = line.rstrip("\n").split(" ", 2)
        name = os.path.basename(path)
        if state == "stored":
            there = self.world.path("store", name)
            check(there.is_file() and there.read_bytes() == self.contents[name], f"a receipt for {name}, which is not stored")


def one_round(world, url, files, contents, seed, outboxes):
    """Sends these files while both ends are killed, until all is settled. Says how often which end was, and how many receipts came."""
    for outbox in range(outboxes):
        part = list(files.values())[outbox::outboxes]
        world.put(url, "--wait", "0", *part, status=4, outbox=f"outbox{outbox}")
    receiver = Killer(world.drop_command(), world.path("drop.log"), 0.25, seed)
    due = [world.programs / "bulla-put", "-i", world.path("alice.key"), "--due", "--now", "--wait", "2s", "--resend", "1s", *world.access()]
    senders = [
        Sender(world, contents, [*due, "--outbox", world.path(f"outbox{number % outboxes}")], world.path("put.log"), 1.6, seed + number + 1)
        for number in range(4)
    ]
    for one in (receiver, *senders):
        one.start()

    def settled():
        return all(state == "stored" for outbox in range(outboxes) for _, state in world.report(f"outbox{outbox}"))

    try:
        until(f"all is settled (seed {seed})", settled, 240)
    finally:
        for one in (receiver, *senders):
            one.stop()
    told = sum(line.startswith("stored") for one in senders for line in one.lines)
    return receiver.kills, sum(one.kills for one in senders), told


def seed_of():
    return int(os.environ.get("SEED", random.randrange(1 << 30)))


def kills(world, url, each, outboxes):
    seed = seed_of()
    draw = random.Random(seed)
    contents, there, here, told, rounds = {}, 0, 0, 0, 0
    began = time.monotonic()
    # A quick machine is done before much was killed: then once more, with other files.
    while there < each or here < each:
        check(rounds < 20, f"too few kills to say anything: {there} and {here} (seed {seed})")
        names = [f"file{rounds}-{number}" for number in range(FILES)]
        files = {name: world.file(name, draw.choice([10, 5_000, 70_000, 700_000])) for name in names}
        contents.update((name, path.read_bytes()) for name, path in files.items())
        more = one_round(world, url, files, contents, seed + 10 * rounds, outboxes)
        there, here, told, rounds = there + more[0], here + more[1], told + more[2], rounds + 1
    # What was under way is finished, and then nothing may be there twice.
    world.drop()
    until("nothing is left in the folder", lambda: not list(world.path("drop").glob("*.bulla")))
    check(world.stored() == contents, f"stored are {sorted(world.stored())} (seed {seed})")
    count = len(contents)
    return (f"{count} files, 4 senders with {outboxes} outbox{'es' if outboxes > 1 else ''}; bulla-drop killed -9 {there} times, bulla-put {here} times ({there + here} in all), at random instants in "
            f"{time.monotonic() - began:.0f} s: all {count} stored once, all {count} settled, each of {told} receipts was true when it was read "
            f"(seed {seed})")


def kills_sftp(world):
    return "sftp: " + kills(world, Sshd(world).url(world.path("drop")), EACH, 4)


def kills_ftp(world):
    return "ftp: " + kills(world, Vsftpd(world, world.path("drop")).url(), max(1, EACH // 2), 1)


def resumed(world, url, counted, seed):
    """One long upload; its sender is killed at random instants, and so is the receiver. What was sent before is not sent again."""
    draw = random.Random(seed)
    file = world.file("long.bin", 8_000_000)
    world.put("file:///nowhere", "--wait", "0", file, status=4, outbox="other")  # how long an envelope of it is
    size = sum(one.stat().st_size for one in world.folder.glob("other*/**/*") if one.is_file() and one.stat().st_size > 8_000_000)
    check(size > 0, "the envelope of the outbox is not found")
    receiver = Killer(world.drop_command(), world.path("drop.log"), 0.5, seed)
    receiver.start()
    killed, begun, said, log = 0, 0, b"", world.path("put.log")
    first = world.put_command(url, "--rate", "1500k", "--wait", "60s", file)
    again = [world.programs / "bulla-put", "-i", world.path("alice.key"), "--outbox", world.path("outbox"), "--due", "--now", "--rate", "1500k",
             "--wait", "60s", *world.access()]
    try:
        while b"stored " not in said:
            check(killed < 60, "it comes no further")
            with log.open("ab") as out:
                one = subprocess.Popen([str(word) for word in (again if begun else first)], stdout=subprocess.PIPE, stderr=out)
            begun += 1
            try:
                said = one.communicate(timeout=draw.uniform(0.3, 1.2))[0]
            except subprocess.TimeoutExpired:
                one.kill()
                said = one.communicate()[0]
                killed += 1
    finally:
        receiver.stop()
    check(killed >= 6, f"it was killed {killed} times only (seed {seed})")
    check(world.stored() == {"long.bin": file.read_bytes()}, "other content is stored")
    sent = counted()
    # What was under way when it was killed may be lost: libcurl sends 256 kB ahead of the server's answers. A connection needs some, too.
    check(size <= sent <= size + size // 50 + killed * 350_000, f"{sent} bytes were sent for {size}, killed {killed} times (seed {seed})")
    return (f"an envelope of {size} bytes; bulla-put killed -9 {killed} times in the middle, bulla-drop {receiver.kills} times: {sent} bytes were sent "
            f"in all, {(sent - size) // killed} more for each kill; stored once, settled (seed {seed})")


def resumed_sftp(world):
    server = Sshd(world)
    counter = server.counted()
    try:
        return "sftp: " + resumed(world, server.url(world.path("drop")), lambda: counter.bytes, seed_of())
    finally:
        counter.close()


def resumed_ftp(world):
    server = Vsftpd(world, world.path("drop"))
    return "ftp: " + resumed(world, server.url(), server.received, seed_of())


SCENARIOS = [kills_sftp, kills_ftp, resumed_sftp, resumed_ftp]
