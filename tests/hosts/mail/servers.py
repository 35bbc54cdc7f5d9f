"""Real mail servers and milters in a temporary folder, started and ended by the tests themselves."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from shared import answers as listening, free_port, need, until

ROOT = Path(__file__).resolve().parents[3]
USER = "nobody"  # whoever owns mailboxes and state in the tests

MASTER = """
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 3 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
pickup    unix n - n 60 1 pickup
showq     unix n - n - - showq
"""


def wait_for(condition, what, seconds=30):
    """Waits until the condition gives something, and gives it."""
    return until(what, condition, seconds)


def own(path):
    shutil.chown(path, USER, None)


class Logging:
    """Something with a log, in which a scenario reads only what was said since it began."""

    since = 0

    def mark(self):
        self.since = self.log.stat().st_size if self.log.exists() else 0

    def log_text(self):
        with self.log.open("rb") as log:
            log.seek(self.since)
            return log.read().decode(errors="replace")


class Postfix(Logging):
    """One instance: a folder, with services that are given as lines of master.cf, and `without` some of the usual ones."""

    def __init__(self, folder, name, settings, services, without=()):
        self.folder = Path(folder, name)
        self.name = name
        self.ports = [int(line.split()[0].split(":")[1]) for line in services if " inet " in line]
        for part in ("conf", "queue", "data", "mail"):
            (self.folder / part).mkdir(parents=True)
        shutil.chown(self.folder / "data", "postfix", None)
        own(self.folder / "mail")
        self.log = self.folder / "log"
        main = {
            "compatibility_level": "3.6", "queue_directory": self.folder / "queue", "data_directory": self.folder / "data",
            "maillog_file": self.log, "maillog_file_prefixes": f"{folder},/var", "myhostname": f"{name}.test", "mydestination": "",
            "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "smtp_host_lookup": "native",
            "disable_dns_lookups": "yes", "biff": "no", "alias_maps": "", "local_recipient_maps": "", "mail_owner": "postfix",
            "queue_run_delay": "1s", "minimal_backoff_time": "2s", "maximal_backoff_time": "3s", "milter_default_action": "tempfail",
            "message_size_limit": "100000000", "mailbox_size_limit": "0", "virtual_mailbox_limit": "0",
            "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534", "virtual_mailbox_base": self.folder / "mail",
            "virtual_minimum_uid": "100", "smtpd_recipient_restrictions": "permit_mynetworks,reject", "in_flow_delay": "0",
            "smtputf8_enable": "no", "smtp_tls_security_level": "none", "default_process_limit": "100", "syslog_name": name,
            "smtp_destination_concurrency_limit": "20", "smtp_connect_timeout": "10s", "smtpd_client_connection_rate_limit": "0",
            "smtpd_peername_lookup": "no", "local_header_rewrite_clients": "", "smtpd_timeout": "120s", "ipc_timeout": "120s", "hopcount_limit": "50",
            **settings,
        }
        Path(self.folder, "conf/main.cf").write_text("".join(f"{key} = {value}\n" for key, value in main.items()))
        Path(self.folder, "conf/master.cf").write_text(
            "\n".join([line for line in MASTER.splitlines() if line.split(" ")[0] not in without] + services) + "\n")
        self.start()

    def command(self, *arguments):
        return subprocess.run([need("postfix", "postfix"), "-c", str(self.folder / "conf"), *arguments], capture_output=True, text=True)

    def start(self):
        # Its own script waits for some seconds only, which is short on a machine that does much else.
        for _ in range(3):
            done = self.command("start")
            if done.returncode == 0:
                break
            self.command("abort")
            time.sleep(2)
        else:
            raise AssertionError(f"Postfix {self.name}: {done.stdout}{done.stderr}{self.log.read_text() if self.log.exists() else ''}")
        for port in self.ports:
            wait_for(lambda: listening(port), f"Postfix {self.name} listens on {port}")

    def stop(self):
        self.command("stop")
        # Nothing of it may outlive the test.
        pid_file = self.folder / "queue/pid/master.pid"
        try:
            wait_for(lambda: self.command("status").returncode != 0, "stopped", 10)
        except AssertionError:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

    def reload(self):
        """Has it read its configuration again. What comes at once may meet the processes of before, so it waits for them to go."""
        done = self.command("reload")
        assert done.returncode == 0, done.stderr
        time.sleep(2)

    def queued(self):
        """How many mails lie in the queue."""
        return sum(1 for part in ("maildrop", "incoming", "active", "deferred", "hold")
                   for path in Path(self.folder, "queue", part).rglob("*") if path.is_file())

    def held(self):
        return [path for path in Path(self.folder, "queue/hold").rglob("*") if path.is_file()]

    def mails(self, user, folder="new"):
        """Everything in the Maildir of a user, as bytes."""
        place = Path(self.folder, "mail", user, folder)
        return [path.read_bytes() for path in sorted(place.iterdir())] if place.is_dir() else []

class Milter(Logging):
    """One bulla-milter, which logs to a file."""

    def __init__(self, binary, configuration, role, port, log, more=()):
        self.arguments = [str(binary), "-c", str(configuration), "--role", role, *more]
        self.port, self.log, self.process = port, Path(log), None
        self.start()

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.arguments, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(lambda: listening(self.port) or self.process.poll() is not None, "the milter listens")
        if self.process.poll() is not None:
            raise AssertionError(f"the milter did not start: {self.log.read_text()}")

    def children(self):
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in listed]

    def kill_worker(self):
        """kill -9 of the process that does the work: the one above starts it again."""
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill_worker()
                self.process.kill()
                self.process.wait()


class OpenDkim:
    """OpenDKIM, which signs for a.test, or does what these lines of its configuration say."""

    def __init__(self, folder, settings="Mode s\nInternalHosts 127.0.0.1\n"):
        self.place, self.socket, key = f"unix:{folder}/opendkim", folder / "opendkim", folder / "dkim.private"
        key.write_bytes(subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout)
        key.chmod(0o600)
        public = subprocess.run(["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
        conf = folder / "opendkim.conf"
        conf.write_text(f"Domain a.test\nKeyFile {key}\nSelector s\nSocket local:{self.socket}\nUMask 000\nSyslog no\n"
                        f"Canonicalization relaxed/relaxed\nUserID root\nRequireSafeKeys no\n{settings}")
        self.process = subprocess.Popen([need("opendkim", "opendkim"), "-f", "-x", str(conf)])
        wait_for(lambda: listening(self.socket), "OpenDKIM listens")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Folder:
    """A temporary folder that other users may enter, removed at the end."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="bulla-mail-"))
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        if os.environ.get("BULLA_KEEP"):
            print(f"kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)
