"""Servers that do not answer, or never come to an end."""

import os
import signal
import time

from servers import Mute, PutServer, Sshd, Vsftpd, children
from world import check, until


def silent(world):
    """A server that takes connections and says nothing: it is tried once in a run, and not for each file."""
    server, files = Mute(), [world.file(f"file{number}", 1000) for number in range(12)]
    world.path("known_hosts").write_text("")
    for one in ("netrc", "user_key"):
        world.path(one).write_text("")
    try:
        took = []
        for scheme in ("sftp", "ftp", "http"):
            began = time.monotonic()
            done = world.put(f"{scheme}://127.0.0.1:{server.port}/drop", "--stall", "3s", "--wait", "0", *files, status=4, outbox=scheme)
            first = time.monotonic() - began
            said = done.stderr.decode()
            check(said.count("not uploaded") == 1 and done.stdout.count(b"unsent") == len(files), f"{scheme}: {said} {done.stdout}")
            began = time.monotonic()
            said = world.due("--stall", "3s", "--wait", "0", outbox=scheme, status=4).stderr.decode()
            check(said.count("bulla-put") == 1, f"{scheme}, --due: {said}")
            took.append(first + time.monotonic() - began)
        check(max(took) < 30, f"it took {took}")
    finally:
        server.close()
    return f"a silent server, 12 files, two runs: one line each, {', '.join(f'{one:.0f}' for one in took)} s for sftp, ftp, http with --stall 3s"


def dripping(world):
    """A receipt that comes a byte at a time, and would take hours."""
    server, file = Mute(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"), world.file("data.bin", 1000)
    try:
        world.put(f"file://{world.path('drop')}", "--receipts", f"http://127.0.0.1:{server.port}/drop", "--wait", "0", file, status=4)
        began = time.monotonic()
        world.due("--stall", "3s", "--wait", "5s", status=4)
        took = time.monotonic() - began
        check(took < 20 and server.connections > 0, f"it took {took:.0f} s")
    finally:
        server.close()
    return f"a receipt a byte at a time: given up for this time, ended after {took:.0f} s with --stall 3s --wait 5s"


def stopped(world):
    """The SFTP server stops in the middle of an answer: neither end of bulla hangs."""
    server, file = Sshd(world), world.file("data.bin", 1000)
    world.path("away").mkdir()
    began = time.monotonic()
    words = world.put_command(server.url(world.path("drop")), "--stall", "3s", "--wait", "8s", file)
    sender = world.start(words, "put.log")
    until("it has sent", lambda: list(world.path("drop").glob("*.bulla")))
    time.sleep(0.5)
    held = children(world, "sftp-server")
    check(held, "there is no sftp-server")
    try:
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        code = sender.wait(100)
        took = time.monotonic() - began
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    check(code == 4 and took < 25, f"it ended with {code} after {took:.0f} s")
    receiver = world.drop("--receipts", server.url(world.path("away")), *world.access())
    until("it is stored", lambda: list(world.path("away").glob("*.receipt")))
    for pid in (held := children(world, "sftp-server")):
        os.kill(pid, signal.SIGSTOP)
    try:
        world.put(f"file://{world.path('drop')}", "--wait", "0", world.file("second.bin", 1000), status=4, outbox="other")
        until("it is stored", lambda: len(world.stored()) == 2)
        time.sleep(0.5)
        began = time.monotonic()
        check(world.end(receiver) == 0 and time.monotonic() - began < 8, f"SIGTERM ended it after {time.monotonic() - began:.0f} s")
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    return f"sftp-server stopped: bulla-put ended after {took:.0f} s with --stall 3s --wait 8s; bulla-drop by SIGTERM in the middle of a receipt"


def low_rate(world):
    """A rate at which libcurl's buffers rest for longer than an upload may stand still."""
    ways = {"sftp": Sshd(world).url(world.path("drop")), "ftp": Vsftpd(world, world.path("drop")).url()}
    world.path("drop").chmod(0o777)
    server = PutServer(world.path("drop"))
    cases = [*((name, url, "40k", 300_000) for name, url in {**ways, "http": server.url()}.items()), ("slowest", ways["sftp"], "2k", 20_000)]
    world.drop()
    began, files, running = time.monotonic(), [], []
    try:
        for name, url, rate, size in cases:
            files.append(world.file(f"{name}.bin", size))
            words = world.put_command(url, "--rate", rate, "--stall", "2s", "--wait", "60s", files[-1], outbox=name)
            running.append(world.start(words, f"{name}.log"))
        for (name, *_), one in zip(cases, running):
            code, said = one.wait(90), world.path(f"{name}.log").read_text()
            check(code == 0 and "not uploaded" not in said, f"{name} ended with {code}: {said}")
    finally:
        server.close()
    took = time.monotonic() - began
    check(world.stored() == {one.name: one.read_bytes() for one in files}, f"stored: {list(world.stored())}")
    check(took > 5, f"it took {took:.1f} s, which is no rate")
    return f"sftp, ftp, http at 40 kB/s, sftp at 2 kB/s, all with --stall 2s: none was broken off, all stored after {took:.0f} s"


SCENARIOS = [silent, dripping, stopped, low_rate]
