"""What the tests of mail and of files have in common: ports, waiting, and programs that must be there."""

import os
import shutil
import socket
import time
from pathlib import Path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, condition, seconds=30):
    """Waits until a condition holds, and gives what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"after {seconds} s still not: {what}")


def answers(place):
    """Whether somebody listens on a port, or on a socket in the file system."""
    unix = isinstance(place, Path)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as one:
        one.settimeout(1)
        return one.connect_ex(str(place) if unix else ("127.0.0.1", place)) == 0


def need(command, package, folders=("/usr/sbin", "/sbin", "/usr/lib/openssh")):
    """The path of a program, which may lie where only servers do."""
    found = shutil.which(command, path=":".join([os.environ["PATH"], *folders]))
    if found is None:
        raise SystemExit(f"tests/hosts: {command} is missing: apt-get install -y --no-install-recommends {package}")
    return found
