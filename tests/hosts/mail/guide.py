#!/usr/bin/env python3
"""Runs the steps of docs/mail.md as they stand there, on two throwaway copies of this machine, one for each end, with a network and a name
server between them. Whatever passes over that network is read along.

usage: guide.py BULLA     (the command line that is built already: its profile says which build the copies take)

It is not as in the guide: what is compiled by cargo is taken from this machine's target folder, so the library is not optimised, and
`apt-get install` only looks whether the package is there, for the copies have no other network. There is no systemd in them: `systemctl`
is a stand-in, which starts Postfix as its unit does, and the command of bulla-milter's unit.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENDS = {"a": "10.91.0.2", "b": "10.91.0.3"}
MIDDLE = "10.91.0.1"
PEOPLE = {"a": ["alice"], "b": ["bob", "erin"]}

APT = '#!/bin/sh\nshift; for one in "$@"; do dpkg -s "$one" >/dev/null 2>&1 || { echo "$one is not installed" >&2; exit 1; }; done\n'
SYSTEMCTL = r"""#!/bin/sh
instances() { for one in "$@"; do echo "${one#*@}"; done; }
start() {
    for one in "$@"; do
        command=$(sed -n 's/^ExecStart=//p' /etc/systemd/system/bulla-milter@.service | sed "s/%i/$one/g")
        setsid $command >>/var/log/bulla.log 2>&1 </dev/null &
        echo $! >/run/bulla-$one.pid
    done
    sleep 1
}
signal() { what=$1; shift; for one in "$@"; do kill "$what" "$(cat /run/bulla-"$one".pid)"; done; sleep 1; }
case "$*" in
daemon-reload) ;;
"restart postfix") postfix stop >/dev/null 2>&1; /usr/lib/postfix/configure-instance.sh - && postfix start ;;
"enable --now bulla-milter@"*)
    shift 2
    start $(instances "$@") ;;
"reload bulla-milter@"*)
    shift
    signal -HUP $(instances "$@") ;;
"restart bulla-milter@"*)
    shift
    signal -TERM $(instances "$@")
    start $(instances "$@") ;;
*) echo "systemctl: $* is not known here" >&2; exit 1 ;;
esac
"""


def fail(what):
    sys.exit(f"mail guide: {what}")


def run(*words, **more):
    return subprocess.run([str(one) for one in words], check=True, **more)


def until(what, condition, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    fail(f"after {seconds} s still not: {what}")


def blocks():
    """Kind, attributes and text of each block; those without attributes are not steps."""
    for kind, words, body in re.findall(r"^```(sh|conf) ([^\n]+)\n(.*?)^```$", (ROOT / "docs/mail.md").read_text(), re.M | re.S):
        yield kind, dict(word.split("=", 1) for word in words.split()), body


class Machine:
    """A copy of this machine: what is written in it stays in it."""

    def __init__(self, place, name):
        self.name, self.root = name, place / name / "root"
        for folder in ("up", "work", "root"):
            (place / name / folder).mkdir(parents=True)
            (place / name / folder).chmod(0o755)
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={place / name}/up,workdir={place / name}/work", self.root)
        run("mount", "--rbind", "/dev", self.root / "dev")
        run("mount", "-t", "proc", "proc", self.root / "proc")
        for folder in {ROOT, Path(os.environ["CARGO_TARGET_DIR"])}:
            # The source, and what is built of it, may lie on another disk.
            if folder.stat().st_dev != Path("/").stat().st_dev:
                (place / name / f"up-{folder.name}").mkdir()
                (place / name / f"work-{folder.name}").mkdir()
                run("mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={folder},upperdir={place / name}/up-{folder.name},workdir={place / name}/work-{folder.name}", f"{self.root}{folder}")
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"to-{name}", "master", "middle", "up")
        for words in (("addr", "add", f"{ENDS[name]}/24", "dev", "eth0"), ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
            run("ip", "-n", name, *words)
        self.prepare()

    def prepare(self):
        """A clean Debian machine with Postfix as an Internet Site, and people with accounts."""
        for path in [*self.path("/usr/local/lib").glob("libbulla*"), *self.path("/usr/local/bin").glob("bulla*"), self.path("/etc/bulla")]:
            if path.exists():
                fail(f"this machine is not clean: it has {path}")
        for name, text in (("systemctl", SYSTEMCTL), ("apt-get", APT)):
            self.path(f"/usr/local/bin/{name}").write_text(text)
            self.path(f"/usr/local/bin/{name}").chmod(0o755)
        self.path("/etc/resolv.conf").unlink(missing_ok=True)
        self.path("/etc/resolv.conf").write_text(f"nameserver {MIDDLE}\n")
        self.path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{ENDS[self.name]} mx.{self.name}.test mx\n")
        self.path("/etc/hostname").write_text(f"mx.{self.name}.test\n")
        for path in ("/etc/postfix/main.cf", "/etc/mailname"):
            self.path(path).unlink(missing_ok=True)
        self.sh("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d\n"
                f"printf 'postfix postfix/main_mailer_type select Internet Site\\npostfix postfix/mailname string {self.name}.test\\n' | debconf-set-selections\n"
                "DEBIAN_FRONTEND=noninteractive dpkg-reconfigure postfix\n"
                # Without TLS between them, so that it can be read along what a relay would read.
                f"postconf -e maillog_file=/var/log/mail.log smtp_tls_security_level=none smtpd_tls_security_level=none 'mydestination=$myhostname, {self.name}.test, localhost'\n"
                "rm -rf /var/spool/postfix/bulla\n")
        for user in PEOPLE[self.name]:
            self.sh(f"useradd --create-home {user}\n")

    def path(self, name):
        return self.root / name.lstrip("/")

    def sh(self, script, user="root"):
        """Runs a script in it, as it stands. Gives what it printed."""
        inside = ["sh", "-euc", script] if user == "root" else ["runuser", "-l", user, "-c", script]
        done = subprocess.run(["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c", f"hostname mx.{self.name}.test; exec \"$@\"", "sh",
                               "chroot", self.root, "sh", "-c", f"cd {ROOT}; exec \"$@\"", "sh", *inside],
                              capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode != 0:
            logs = [self.path(f"/var/log/{name}") for name in ("bulla.log", "mail.log")]
            fail(f"at {self.name}, as {user}, this ended with {done.returncode}:\n{script}\n{done.stdout[-3000:]}{done.stderr[-3000:]}\n"
                 + "\n".join(log.read_text()[-2000:] for log in logs if log.exists()))
        return done.stdout


def listen(heard):
    """Reads along whatever passes between the machines."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind(("to-a", 0))

    def keep():
        while True:
            heard.append(wire.recv(1 << 16))
    threading.Thread(target=keep, daemon=True).start()


def as_built(script):
    """What is compiled by cargo is taken as it is built already."""
    script = script.replace("bindings/install.sh ", "bindings/install.sh --debug ")
    return script.replace("cargo install ", "cargo install --debug ") if "/debug/" in os.environ["BULLA_BIN"] else script


def exchange(machines):
    """What administrators do by hand: each gets the other's public line."""
    for one, other in (("a", "b"), ("b", "a")):
        public, there = machines[one].path(f"/etc/bulla/{one}.pub"), machines[other].path("/etc/bulla")
        if public.exists() and there.is_dir():
            shutil.copy(public, there)


def step(machines, kind, words, body):
    for name in "ab" if words["at"] == "both" else words["at"]:
        machine, user = machines[name], words.get("as", "root")
        exchange(machines)
        if "give" in words:
            shutil.copy(machines["b"].path(f"/home/erin/{words['give']}"), machine.path("/etc/bulla"))
        if kind == "conf":
            machine.path(words["file"]).parent.mkdir(parents=True, exist_ok=True)
            machine.path(words["file"]).write_text(body)
            if user != "root":
                machine.sh(f"chown {user} {words['file']}")
            print(f"{name}: wrote {words['file']}", flush=True)
            continue
        said = machine.sh(as_built(body), user)
        if words.get("wait") == "receipted":
            said = until("receipted", lambda: "1 receipted" in (found := machine.sh(body)) and found)
        print(f"{name}: " + body.strip().replace("\n", f"\n{name}: ") + "".join(f"\n    {line}" for line in said.splitlines()[-3:]), flush=True)


def look(machines, heard):
    """What the guide says of what is then there."""
    a, b = machines["a"], machines["b"]
    bob = b.path("/var/mail/bob").read_text()
    for wanted in ("Authentication-Results: mx.b.test;", "bulla=pass header.from=alice@a.test", "Subject: the barley", "\nis in\n"):
        if wanted not in bob:
            fail(f"\"{wanted}\" is not in Bob's mail:\n{bob}")
    alice = a.path("/var/mail/alice")
    until("the mail to somebody without a line comes back", lambda: alice.exists() and "there is no key for this recipient" in alice.read_text())
    folder = b.path("/home/erin/Maildir/new")
    erin = until("Erin's mail", lambda: folder.is_dir() and [one.read_text() for one in folder.iterdir()])
    if len(erin) != 1 or "bulla=pass header.from=alice@a.test" not in erin[0] or "the barley was never in" not in erin[0]:
        fail(f"Erin has {erin}")
    until("her receipt", lambda: "2 receipted" in a.sh("bulla-milter --report"))
    answers = lambda: [mail for mail in alice.read_text().split("\n\nFrom ") if "Subject: an answer" in mail]
    answer = until("Erin's answer", answers)
    if len(answer) != 1 or "bulla=pass header.from=erin@b.test" not in answer[0] or "the barley is mine" not in answer[0]:
        fail(f"Alice has {answer}")
    until("the receipt of Erin's answer", lambda: "1 receipted" in b.sh("bulla-milter --report"))
    # All that was written while the set-up grew holds for those who begin with it.
    for machine in (a, b):
        machine.sh("systemctl restart bulla-milter@seal bulla-milter@open")
    a.sh("printf 'From: alice@a.test\\nSubject: barley once more\\n\\nbarley\\n' | sendmail -f alice@a.test erin@b.test")
    b.sh("printf 'From: erin@b.test\\nSubject: an answer once more\\n\\nbarley\\n' | /usr/sbin/sendmail alice@a.test", "erin")
    until("both have the second mail", lambda: len(list(folder.iterdir())) == 2 and len(answers()) == 2)
    if any("bulla=pass" not in mail for mail in answers()):
        fail(f"Alice has {answers()}")
    until("and their receipts", lambda: "3 receipted" in a.sh("bulla-milter --report") and "2 receipted" in b.sh("bulla-milter --report"))
    # A line that names a next hop and no service leads past the sealing: nothing of that mail may pass in clear.
    a.sh("echo 'past.test :[mx.b.test]' >> /etc/postfix/transport; postmap /etc/postfix/transport; postfix reload 2>/dev/null\n"
         "printf 'From: alice@a.test\\nSubject: barley past the sealing\\n\\nbarley\\n' | sendmail -f alice@a.test bob@past.test")
    log = a.path("/var/log/mail.log")
    tried = until("it is tried", lambda: [line for line in log.read_text().splitlines() if "to=<bob@past.test>" in line and " status=" in line])
    if "status=deferred" not in tried[0] or any(b"bob@past.test" in one for one in heard):
        fail(f"a mail passed that was not sealed: {tried[0]}")
    for machine in (a, b):
        machine.sh(machine.path("/etc/cron.d/bulla").read_text().split(maxsplit=6)[6], "root")
        for command in ("cat /var/lib/bulla/mail.key", "ls /var/spool/postfix/bulla"):
            machine.sh(f"! runuser -u nobody -- {command} 2>/dev/null")
    passed = b"".join(heard)
    if b"barley" in passed or b"between us" in passed or b"\nhello" in passed:
        fail("something passed in clear")
    if passed.count(b"application/vnd.bulla.envelope") < 2 or b"application/vnd.bulla.receipt" not in passed:
        fail("no envelopes, or no receipts, passed between the machines")


def copied(place):
    """In namespaces of its own."""
    run("mount", "-t", "tmpfs", "tmpfs", place)
    place.chmod(0o755)
    for words in (("add", "middle", "type", "bridge"), ("set", "middle", "up"), ("set", "lo", "up")):
        run("ip", "link", *words)
    run("ip", "addr", "add", f"{MIDDLE}/24", "dev", "middle")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    names = [f"--mx-host={end}.test,mx.{end}.test" for end in ENDS] + [f"--host-record=mx.{end}.test,{address}" for end, address in ENDS.items()]
    server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--local=/#/", f"--listen-address={MIDDLE}",
                               "--bind-interfaces", "--conf-file=/dev/null", "--pid-file=", "--user=root", *names])
    machines, heard = {name: Machine(place, name) for name in ENDS}, []
    listen(heard)
    count = 0
    for kind, words, body in blocks():
        step(machines, kind, words, body)
        count += 1
    look(machines, heard)
    for machine in machines.values():
        machine.sh("postfix stop 2>/dev/null")
    server.terminate()
    print(f"the guide: {count} blocks as written; Bob and Erin have their mails, receipted; nothing in clear passed between the machines", flush=True)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "copied":
        return copied(Path(sys.argv[2]))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        fail("it needs root, for throwaway copies of this machine")
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
    for command, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("dnsmasq", "dnsmasq-base"), ("postfix", "postfix")):
        if shutil.which(command) is None:
            fail(f"{command} is missing: apt-get install {package}")
    os.environ["BULLA_BIN"] = os.path.realpath(sys.argv[1])
    os.environ["CARGO_TARGET_DIR"] = str(Path(os.environ["BULLA_BIN"]).parents[1])
    os.environ["CARGO_NET_OFFLINE"] = "true"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bulla-guide-") as place:
        # All processes in it end with it, and so do its mounts.
        done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__, "copied", place],
                              check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    print(f"mail guide: every step as written ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
