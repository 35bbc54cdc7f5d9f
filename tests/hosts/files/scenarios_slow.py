"""Servers that do not answer, or never come to an end."""

import os
import signal
import time

from servers import Mute, Sshd, children
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


SCENARIOS = [silent, dripping, stopped]
