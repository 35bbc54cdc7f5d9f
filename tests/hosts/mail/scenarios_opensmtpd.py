"""A second mail server: OpenSMTPD seals by a filter, and delivers by bulla-deliver. Nothing depends on Postfix.

Debian's package conflicts with Postfix, so it is unpacked beside it. The server wants its two users and its spool where the package
has them: they are made if they are not there.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from relay import Relay
from servers import free_port, listening, need, own, wait_for
from world import World

LIBEXEC = Path("/usr/libexec/opensmtpd")


def unpack(folder):
    """The package, its libraries, its users and its folders. Gives the server's path."""
    for command in (["apt-get", "install", "-y", "-qq", "--no-install-recommends", "libevent-2.1-7", "libdb5.3"], ["apt-get", "download", "-qq", "opensmtpd"]):
        if subprocess.run(command, cwd=folder, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}).returncode != 0:
            raise SystemExit(f"mail tests: OpenSMTPD could not be fetched: {' '.join(command)}")
    subprocess.run([need("dpkg", "dpkg"), "-x", str(next(folder.glob("opensmtpd_*.deb"))), str(folder / "opensmtpd")], check=True)
    for user in ("opensmtpd", "opensmtpq"):
        subprocess.run(["useradd", "--system", "--no-create-home", "--home-dir", "/var/lib/opensmtpd/empty", "--shell", "/usr/sbin/nologin", user], capture_output=True)
    shutil.rmtree("/var/spool/smtpd", ignore_errors=True)  # what an earlier run left
    Path("/var/lib/opensmtpd/empty").mkdir(parents=True, exist_ok=True)
    # Where the server looks for the program that runs a delivery agent.
    if LIBEXEC.is_symlink():
        LIBEXEC.unlink()
    if not LIBEXEC.exists():
        LIBEXEC.parent.mkdir(exist_ok=True)
        LIBEXEC.symlink_to(folder / "opensmtpd/usr/libexec/opensmtpd")
    return folder / "opensmtpd/usr/sbin/smtpd"


class OpenSmtpd(World):
    """One server for both ends: what is submitted is sealed and goes to the bad relay; what comes from there goes to a mailbox."""

    def begin(self, _):
        smtpd = unpack(self.folder)
        for name in ("a", "erin"):
            self.key(name)
        shutil.chown(self.folder / "a.key", "opensmtpd")
        (self.folder / "keys-a").write_text(f"@b.test {self.folder}/erin.pub\n")
        (self.folder / "keys-b").write_text(f"@a.test {self.folder}/a.pub\n")
        self.ports = {name: free_port() for name in ("a_submit", "b_in")}
        self.relay = Relay(self.ports["b_in"])
        self.parts.append(self.relay)
        self.conf = {"a": self.configuration("a", "a", receipts="none", submit="smtp:127.0.0.1:1"), "erin": self.configuration("erin", "b", identity=self.folder / "erin.key", submit="smtp:127.0.0.1:1")}
        shutil.chown(self.folder / "state-a", "opensmtpd")
        (self.folder / "boxes").mkdir()
        own(self.folder / "boxes")
        conf = self.folder / "smtpd.conf"
        conf.write_text(f'''
filter "bulla" proc-exec "{self.out}/bulla-opensmtpd {self.conf['a']}"
table boxes {{ "erin@b.test" = "erin" }}
table users {{ "erin" = "65534:65534:{self.folder}/boxes" }}
listen on 127.0.0.1 port {self.ports['a_submit']} hostname a.test tag OUT filter "bulla"
listen on 127.0.0.1 port {self.ports['b_in']} hostname b.test tag IN
action "relay" relay host "smtp://127.0.0.1:{self.relay.port}"
action "deliver" mda "{self.out}/bulla-deliver -c {self.conf['erin']} -s '%{{sender}}' {self.folder}/boxes/erin" userbase <users> virtual <boxes>
match tag IN from any for domain "b.test" action "deliver"
match tag OUT from any for any action "relay"
''')
        self.log = (self.folder / "smtpd.log").open("w+")
        self.server = subprocess.Popen([str(smtpd), "-d", "-f", str(conf)], stdout=self.log, stderr=subprocess.STDOUT)
        wait_for(lambda: all(listening(port) for port in self.ports.values()) or self.server.poll() is not None, "OpenSMTPD listens")
        assert self.server.poll() is None, (self.folder / "smtpd.log").read_text()

    def end(self):
        if hasattr(self, "server"):
            self.server.terminate()
            self.server.wait()
            shutil.rmtree("/var/spool/smtpd", ignore_errors=True)
            if LIBEXEC.is_symlink():
                LIBEXEC.unlink()
        super().end()

    def boxed(self, token):
        place = self.folder / "boxes/erin/new"
        found = [path.read_bytes() for path in place.iterdir()] if place.is_dir() else []
        return [mail for mail in found if token.encode() in mail]


def make(folder, out):
    return OpenSmtpd(folder, out)


def opensmtpd_at_both_ends(world):
    token = world.token()
    letter = world.letter(token, "erin@b.test", body=f".dots\r\n..\r\nblanks \t \r\n{token}\r\n" + "x" * 900 + "\r\n")
    assert world.submit(letter, ["erin@b.test"]) == 250
    mail = wait_for(lambda: world.boxed(token), "in the mailbox")
    # OpenSMTPD puts its own Received before what it gives to a filter: it is in what was sealed.
    assert len(mail) == 1 and mail[0].endswith(letter.encode().replace(b"\r\n", b"\n")), mail
    passed = b"".join(one[2] for one in world.relay.seen)
    assert b"Secretname" not in passed and b"telltale" not in passed and token.encode() not in passed.replace(f"<{token}@".encode(), b"")
    copy = world.relay.seen[-1]
    assert world.relay.forward(copy)[0] == 250
    assert world.submit(world.letter(token, "who@nokey.test"), ["who@nokey.test"]) == 550
    world.relay.plan = lambda one: [(one[0], one[1], one[2].replace(b"QlVMTEE", b"QlVMTEF"))]
    other = world.token()
    assert world.submit(world.letter(other, "erin@b.test"), ["erin@b.test"]) == 250
    time.sleep(2)
    assert len(world.boxed(token)) == 1 and not world.boxed(other)
    return "sealed by its filter, opened by bulla-deliver, byte for byte; a copy is not stored again; no key: 550; damaged: not stored"


ALL = [opensmtpd_at_both_ends]
