"""What the scenarios have in common: keys, folders, the programs, and what is said."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))

from shared import answers, free_port, until


class Failed(AssertionError):
    """Something is not as it must be."""


def check(fine, what):
    if not fine:
        raise Failed(what)


class World:
    """A sender, a recipient, and what lies between them, in a folder of its own."""

    def __init__(self, programs, bulla):
        self.programs = pathlib.Path(programs)
        self.bulla = bulla
        self.processes = []
        self.mounts = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bulla-files-"))
        # sshd and vsftpd want folders on the way that everybody can pass.
        self.folder.chmod(0o755)
        for name in ("drop", "store", "near"):
            self.path(name).mkdir()
        for who in ("alice", "bob", "mallory"):
            line = self.run([self.bulla, "keygen", "-o", self.path(f"{who}.key")]).stdout
            self.path(f"{who}.pub").write_bytes(line)

    def path(self, *names):
        return self.folder.joinpath(*names)

    def run(self, command, status=0, **more):
        done = subprocess.run([str(one) for one in command], capture_output=True, timeout=120, **more)
        if status is not None and done.returncode != status:
            text = (done.stderr + done.stdout).decode(errors="replace")
            raise Failed(f"{command[0]} ended with {done.returncode} instead of {status}: {text}")
        return done

    def file(self, name, size):
        """A file of the sender's, of random bytes."""
        path = self.path("near", name)
        path.write_bytes(os.urandom(size))
        return path

    def access(self):
        return ["--known-hosts", self.path("known_hosts"), "--netrc", self.path("netrc"), "--ssh-key", self.path("user_key")]

    def put_command(self, to, *more, outbox="outbox"):
        return [self.programs / "bulla-put", "-i", self.path("alice.key"), "-r", self.path("bob.pub"), "-c", "files", "--outbox",
                self.path(outbox), "--to", to, *self.access(), *more]

    def put(self, to, *more, status=0, outbox="outbox"):
        return self.run(self.put_command(to, *more, outbox=outbox), status=status)

    def due(self, *more, status=0, outbox="outbox"):
        return self.run([self.programs / "bulla-put", "-i", self.path("alice.key"), "--outbox", self.path(outbox), "--due",
                         *self.access(), *more], status=status)

    def report(self, outbox="outbox"):
        """What became of everything: file names, and states."""
        done = self.run([self.programs / "bulla-put", "--outbox", self.path(outbox), "--report"], status=None)
        entries = [line.split(": ", 1) for line in done.stdout.decode().splitlines()]
        return [(where.split(" to ")[0].rsplit("/", 1)[-1], state.split(" ")[0]) for state, where in entries]

    def drop_command(self, *more, drop="drop", store="store"):
        return [self.programs / "bulla-drop", "-i", self.path("bob.key"), "-c", "files", "--from", self.path("alice.pub"), "--guard",
                self.path("guard"), "--dir", self.path(store), "--rescan", "1s", "--settle", "2s", "--lease", "2s", *more,
                self.path(drop)]

    def start(self, command, log, **more):
        """Starts a process of ours; it is ended at the end."""
        with self.path(log).open("ab") as out:
            one = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more)
        self.processes.append(one)
        return one

    def drop(self, *more, env=None, **where):
        """Starts bulla-drop, and waits until it watches."""
        log = self.path("drop.log")
        before = log.stat().st_size if log.exists() else 0
        one = self.start(self.drop_command(*more, **where), "drop.log", env=env)
        until("bulla-drop watches", lambda: one.poll() is not None or b"watching" in log.read_bytes()[before:])
        check(one.poll() is None, f"bulla-drop ended: {log.read_text()}")
        return one

    def dropped(self):
        return self.path("drop.log").read_text()

    def end(self, one):
        """Ends a process of ours."""
        if one.poll() is None:
            one.terminate()
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        return one.returncode

    def stored(self, folder="store"):
        """What is stored under final names."""
        return {one.name: one.read_bytes() for one in self.path(folder).iterdir() if not one.name.startswith(".")}

    def names(self, folder="drop"):
        return sorted(one.name for one in self.path(folder).iterdir())

    def tmpfs(self, name, size):
        """A small disk."""
        folder = self.path(name)
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
        if done.returncode != 0:
            raise Failed(f"a small disk (tmpfs) cannot be mounted, which needs root: {done.stderr.decode()}")
        self.mounts.append(folder)
        return folder

    def close(self, keep=False):
        for one in self.processes:
            self.end(one)
        for one in self.mounts:
            subprocess.run(["umount", str(one)], check=False)
        if keep:
            print(f"kept for a look: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
