"""Plain transfers with a receipt, over each carrier; and uploads that are cut off and gone on with."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess

from servers import PutServer, Rsyncd, Sshd, Vsftpd, children, need
from world import check, until

SIZES = [0, 1, 65536, 3_000_000]


def transfer(world, url, *more, drop=()):
    """Sends files of several sizes, one with an odd name, and checks both ends."""
    files = [world.file(f"file {size}.bin", size) for size in SIZES] + [world.file('q"uo\'te\\ü.bin', 500)]
    receiver = world.drop(*drop)
    done = world.put(url, "--wait", "60s", *more, *files)
    stored = world.stored()
    check(sorted(stored.values()) == sorted(one.read_bytes() for one in files), f"other content is stored: {list(stored)}")
    check(set(stored) >= {f"file {size}.bin" for size in SIZES}, f"other names: {list(stored)}")
    check([state for _, state in world.report()] == ["stored"] * len(files), f"the outbox says {world.report()}")
    check(done.stdout.decode().count("stored ") == len(files), done.stdout.decode())
    until("nothing is left in the folder", lambda: not world.names(), 5)
    check(world.end(receiver) == 0, "bulla-drop ended with an error")
    return f"{len(files)} files of 0 to {max(SIZES)} bytes; the sender saw {len(files)} receipts, the receiver stored all, the folder is empty"


def sftp(world):
    server = Sshd(world)
    return "OpenSSH sftp-server: " + transfer(world, server.url(world.path("drop")))


def sftp_home(world):
    """A folder below the home of the user, and receipts that are uploaded back over SFTP, by the other side."""
    server = Sshd(world)
    world.path("receipts").mkdir()
    up = os.path.relpath(world.path("drop"), os.path.expanduser("~"))
    receipts = server.url(world.path("receipts"))
    said = transfer(world, server.url(f"/~/{up}"), "--receipts", receipts, drop=["--receipts", receipts, *world.access()])
    check(not world.names("receipts"), "receipts are left")
    return "sftp below ~, receipts uploaded to another folder: " + said


def sftp_unknown_host(world):
    """A server whose key is not known gets nothing."""
    server = Sshd(world)
    world.path("known_hosts").write_text("")
    done = world.put(server.url(world.path("drop")), "--wait", "1s", world.file("secret", 100), status=4)
    check(b"not uploaded" in done.stderr and not world.names(), "something was sent to a host that nobody knows")
    return "the server's key is not in known_hosts: nothing was sent, the sender is told that the file is unsent"


def ftp(world):
    server = Vsftpd(world, world.path("drop"))
    return "vsftpd: " + transfer(world, server.url())


def ftps(world):
    server = Vsftpd(world, world.path("drop"), tls="implicit")
    return "vsftpd with implicit TLS: " + transfer(world, server.url(), "--authorities", world.path("tls.crt"))


def ftp_tls(world):
    server = Vsftpd(world, world.path("drop"), tls="explicit")
    return "vsftpd with explicit TLS: " + transfer(world, server.url(), "--require-tls", "--authorities", world.path("tls.crt"))


def ftp_without_tls(world):
    """A server that knows no TLS gets nothing if that is required."""
    server = Vsftpd(world, world.path("drop"))
    done = world.put(server.url(), "--require-tls", "--wait", "1s", world.file("secret", 100), status=4)
    check(b"not uploaded" in done.stderr and not world.names(), "something was sent in a plain connection")
    return "--require-tls with a server that has none: nothing was sent, the sender is told that the file is unsent"


def http_put(world):
    server = PutServer(world.path("drop"))
    try:
        return "HTTP PUT to a server that writes straight to the final name: " + transfer(world, server.url())
    finally:
        server.close()


def http_elsewhere(world):
    """A server that refers to another place, or gives another answer that is no success: nothing was carried, and that is said."""
    server, file = PutServer(world.path("drop"), refer=307), world.file("data.bin", 100_000)
    codes = [300, 301, 302, 303, 304, 305, 307, 308]
    try:
        for code in codes:
            server.refer, server.asked = code, []
            done = (world.put(server.url(), "--wait", "0", file, status=4) if code == codes[0] else world.due("--now", "--wait", "0", status=4))
            said = done.stderr.decode()
            check("PUT" in server.asked and f"not uploaded: the server answers {code}" in said, f"{code} counted: {server.asked} {said}")
            check("elsewhere" in said or code in (300, 304, 305), f"it does not say where it is: {said}")
            check("DELETE" not in server.asked, "a receipt was removed that was none")
        world.drop()
        server.refer = None
        world.due("--now", "--wait", "30s")
    finally:
        server.close()
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    check([state for _, state in world.report()] == ["stored"], f"the outbox says {world.report()}")
    return f"an HTTP server that answers {codes[0]} to {codes[-1]}: each time the sender was told, and nothing counted as sent; then stored, settled"


def local(world):
    return "file://, as for a folder that is mounted: " + transfer(world, f"file://{world.path('drop')}")


def rsync(world):
    """bulla-put fills a folder, rsync carries it there and the receipts back, bulla-put settles: twice, as docs/files.md has it."""
    server = Rsyncd(world, world.path("drop"))
    world.path("out").mkdir()
    world.drop()
    sent = []
    for number in range(2):
        files = [world.file(f"file {number} {size}.bin", size) for size in SIZES]
        sent += files
        world.put(f"file://{world.path('out')}", "--wait", "0", *files, status=4)
        server.copy("-a", "--remove-source-files", "--include=*.bulla", "--exclude=*", f"{world.path('out')}/", server.url())

        def back():
            server.copy("-a", "--remove-source-files", "--include=*.receipt", "--exclude=*", server.url(), f"{world.path('out')}/")
            return len(list(world.path("out").glob("*.receipt"))) == len(files)

        until("the receipts are there", back, 20)
        world.due("--wait", "0")
    check(world.stored() == {one.name: one.read_bytes() for one in sent}, "other content is stored")
    check([state for _, state in world.report()] == ["stored"] * len(sent), f"the outbox says {world.report()}")
    check("again " not in world.dropped(), f"it carried what was there before: {world.dropped()}")
    check(not world.names() and not world.names("out"), f"left: {world.names()} {world.names('out')}")
    return f"rsync daemon as the carrier, both ways, two rounds: {len(sent)} files stored once, settled by --due, nothing left in either folder"


def progress(world):
    """On a terminal there is a bar, and it moves."""
    need("script", "bsdutils")
    server, file = Sshd(world), world.file("long.bin", 3_000_000)
    world.drop()
    command = world.put_command(server.url(world.path("drop")), "--rate", "2M", file)
    words = " ".join(f"'{one}'" for one in command)
    shown = world.run(["script", "-qec", words, "/dev/null"]).stdout.decode()
    steps = [int(one) for one in re.findall(r"\] +(\d+) %", shown)]
    check(len(steps) > 3 and steps == sorted(steps) and steps[-1] == 100, f"the bar went {steps}")
    return f"on a terminal the bar went through {len(steps)} steps up to 100 %"


def nobody_listens(world):
    """What it tells goes to a pipe that nobody reads any more: the transfer goes on."""
    world.drop()
    files = [world.file(f"file{number}", 1000) for number in range(5)]
    words = world.put_command(f"file://{world.path('drop')}", "--wait", "20s", *files)
    reader, writer = os.pipe()
    os.close(reader)
    one = subprocess.Popen([str(word) for word in words], stdout=writer, stderr=subprocess.DEVNULL, restore_signals=True)
    os.close(writer)
    world.processes.append(one)
    check(one.wait(60) == 0, f"it ended with {one.returncode}")
    check([state for _, state in world.report()] == ["stored"] * len(files), f"the outbox says {world.report()}")
    return f"standard output is a pipe that nobody reads: {len(files)} files stored, settled, exit status 0"


def cut_off(world, url, kill_server, part, size=4_000_000, more=()):
    """An upload is cut off twice: by the server's end, and by kill -9 of the sender; then it is gone on with."""
    file = world.file("long.bin", size)
    receiver = world.drop()
    slow = ["--rate", "1500k", "--wait", "60s", "--stall", "2s", *more, file]
    sender = subprocess.Popen([str(one) for one in world.put_command(url, *slow)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    world.processes.append(sender)

    def grown(least):
        found = [one.stat().st_size for one in world.path("drop").glob(part)]
        return found[0] if found and least < found[0] < size else 0

    first = until("a part is there", lambda: grown(300_000))
    kill_server()
    second = until("it goes on after that", lambda: grown(first + 600_000))
    sender.send_signal(signal.SIGKILL)
    said = sender.communicate()[0].decode()
    check("not uploaded" in said, f"the sender noticed nothing: {said}")
    check(not world.stored(), "a part was stored")
    done = world.due("--now", "--wait", "60s", *more)
    again = re.search(rb"gone on with at byte (\d+) of (\d+)", done.stderr)
    check(again and int(again[1]) >= second - 100_000, f"it was not gone on with: {done.stderr.decode()}")
    check(world.stored() == {"long.bin": file.read_bytes()}, "other content is stored")
    world.end(receiver)
    return (f"cut off by the server at {first} of {size} bytes and by kill -9 of the sender at {second}; gone on with at {int(again[1])}; "
            "stored once, receipt settled")


def kill_children(world, name):
    for pid in children(world, name):
        os.kill(pid, signal.SIGKILL)


def not_renamed(world):
    """All of it was uploaded, and the sender died before it was renamed: the next one only renames."""
    world.drop()
    ways = {"sftp": Sshd(world).url(world.path("drop")), "ftp": Vsftpd(world, world.path("drop")).url(), "file": f"file://{world.path('drop')}"}
    world.path("drop").chmod(0o777)
    files = {}
    for name, url in ways.items():
        files[name] = world.file(f"{name}.bin", 700_000)
        world.path("aside").mkdir(exist_ok=True)
        world.put(f"file://{world.path('aside')}", "--wait", "0", files[name], status=4, outbox=name)
        (envelope,) = world.path("aside").iterdir()
        there = world.path("drop", envelope.name + ".part")
        shutil.move(envelope, there)
        shutil.chown(there, "ftp")
        note = f"{url}\n\n{files[name]}"
        with sqlite3.connect(world.path(name)) as outbox:  # to where it was on its way
            outbox.execute("UPDATE outbox_entry SET note = ?", [note])
        outbox.close()
        said = world.due("--now", "--wait", "20s", outbox=name).stderr.decode()
        check(re.search(r"gone on with at byte (\d+) of \1", said) or name == "file", f"{name}: {said}")
    check(world.stored() == {one.name: one.read_bytes() for one in files.values()} and not world.names(), f"{world.names()}")
    return f"a whole upload that was not renamed yet ({', '.join(ways)}): renamed, stored, settled"


def sftp_cut_off(world):
    server = Sshd(world)
    return "sftp: " + cut_off(world, server.url(world.path("drop")), lambda: kill_children(world, "sftp-server"), "*.part")


def ftp_cut_off(world):
    server = Vsftpd(world, world.path("drop"))
    return "ftp: " + cut_off(world, server.url(), lambda: kill_children(world, "vsftpd"), "*.part")


def ftps_cut_off(world):
    server = Vsftpd(world, world.path("drop"), tls="implicit")
    return "ftps: " + cut_off(world, server.url(), lambda: kill_children(world, "vsftpd"), "*.part", more=["--authorities", world.path("tls.crt")])


SCENARIOS = [sftp, sftp_home, sftp_unknown_host, ftp, ftps, ftp_tls, ftp_without_tls, http_put, http_elsewhere, local, rsync, progress, nobody_listens, not_renamed, sftp_cut_off, ftp_cut_off,
             ftps_cut_off]
