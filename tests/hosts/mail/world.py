"""Two domains with Postfix and bulla-milter each, and relays between them:

    alice@a.test -> Postfix a (seals) -> Postfix r -> the bad relay -> Postfix b (opens) -> Maildir of bob@b.test
    receipts:       Postfix b -> Postfix r -> another bad relay -> Postfix a (settles)
"""

import os
import shutil
import signal
import smtplib
import subprocess
import time
from pathlib import Path

from relay import Relay
from servers import ROOT, USER, Milter, Postfix, free_port, own, wait_for


def compiled(out, flags="", *programs):
    """Compiles these hosts, or all of them, as an administrator would. Gives where the library lies."""
    out.mkdir()
    prefix = subprocess.run(["pkg-config", "--variable=libdir", "bulla"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["make", "-s", "-C", str(ROOT / "examples/hosts/mail"), f"OUT={out}",
                    f"CFLAGS={os.environ.get('BULLA_MAIL_CFLAGS', '-O2 -g')} -Werror {flags}", f"LDFLAGS=-Wl,-rpath,{prefix}",
                    *(str(out / program) for program in programs)], check=True)
    return prefix


def build(folder):
    out = Path(folder, "build")
    prefix = compiled(out)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "bulla"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-o", str(out / "keygen"), str(ROOT / "tests/c/keygen.c"), *flags, f"-Wl,-rpath,{prefix}"], check=True)
    return out


class World:
    def __init__(self, folder, out, settings=None, receivers=1, b_postfix=None):
        self.folder, self.out, self.settings = Path(folder), Path(out), settings or {}
        self.parts, self.counter = [], 0
        self.receivers = receivers
        try:
            self.begin(b_postfix or {})
        except BaseException:
            self.end()
            raise

    def key(self, name):
        """A key file for the milters of a domain, by their own program of the library."""
        subprocess.run([str(self.out / "keygen"), str(self.folder / f"{name}.key")], check=True,
                       stdout=(self.folder / f"{name}.pub").open("w"))
        own(self.folder / f"{name}.key")

    def configuration(self, name, side, **more):
        state = self.folder / f"state-{name}"
        state.mkdir(exist_ok=True)
        own(state)
        given = {"user": USER, "identity": self.folder / f"{side}.key", "keys": self.folder / f"keys-{side}", "domain": f"mx.{side}.test",
                 "state": state, "control": state / "control", "address": f"postmaster@{side}.test", "log": "stderr",
                 "resend_first": "2s", "resend_longest": "2s", **self.settings, **more}
        path = self.folder / f"{name}.conf"
        path.write_text("".join(f"{key} = {value}\n" for key, value in given.items()))
        return path

    def begin(self, b_postfix):
        for name in "ab":
            self.key(name)
        # Erin opens her mail herself: her server leaves it sealed.
        self.key("erin")
        # Mail within a domain does not leave its server.
        (self.folder / "keys-a").write_text(f"@a.test clear\n@b.test {self.folder}/b.pub\n"
                                              f"erin@b.test {self.folder}/erin.pub\n@clear.test clear\n")
        (self.folder / "keys-b").write_text(f"@a.test {self.folder}/a.pub\n@b.test clear\n")
        self.ports = {name: free_port() for name in ("a_submit", "a_in", "a_egress", "r", "b_submit", "b_in", "b_egress", "b2_in",
                                                "seal_a", "open_a", "seal_b", "open_b", "open_b2")}
        port = self.ports
        self.relay = Relay(port["b_in"])
        self.back = Relay(port["a_in"])
        self.parts += [self.relay, self.back]
        self.conf = {"a": self.configuration("a", "a", submit=f"smtp:127.0.0.1:{port['a_submit']}"),
                     "b": self.configuration("b", "b", submit=f"smtp:127.0.0.1:{port['b_submit']}", leave="erin@b.test"),
                     "erin": self.configuration("erin", "b", identity=self.folder / "erin.key", address="erin@b.test",
                                                submit=f"smtp:127.0.0.1:{port['b_submit']}")}
        self.milters = {"seal_a": self.milter("a", "seal", "seal_a"), "open_a": self.milter("a", "open", "open_a"),
                        "seal_b": self.milter("b", "seal", "seal_b"), "open_b": self.milter("b", "open", "open_b")}
        self.a = self.postfix("a", "b.test=smtp:[127.0.0.1]:" + str(port["r"]) + " } { clear.test=smtp:[127.0.0.1]:" + str(port["r"]),
                              ["alice@a.test=alice/", "anna@a.test=anna/"], "seal_a", "open_a")
        self.b = self.postfix("b", f"a.test=smtp:[127.0.0.1]:{port['r']}", ["bob@b.test=bob/", "carol@b.test=carol/", "dave@b.test=dave/", "erin@b.test=erin/"],
                              "seal_b", "open_b", **b_postfix)
        self.r = Postfix(self.folder, "r", {
            "relay_domains": "a.test,b.test,clear.test,nokey.test", "smtpd_recipient_restrictions": "permit_mynetworks",
            "transport_maps": f"inline:{{ {{ a.test=smtp:[127.0.0.1]:{self.back.port} }} {{ b.test=smtp:[127.0.0.1]:{self.relay.port} }} "
                              f"{{ clear.test=smtp:[127.0.0.1]:{self.relay.port} }} {{ nokey.test=smtp:[127.0.0.1]:{self.relay.port} }} }}"}, [f"127.0.0.1:{port['r']} inet n - n - - smtpd"])
        self.parts.append(self.r)

    def place_of(self, port):
        """Where Postfix finds a milter."""
        return f"inet:127.0.0.1:{self.ports[port]}"

    def milter(self, name, role, port, **more):
        conf = self.folder / f"{name}-{role}.conf"
        conf.write_text(self.conf[name].read_text() + f"socket = inet:{self.ports[port]}@127.0.0.1\n")
        made = Milter(self.out / "bulla-milter", conf, role, self.ports[port], self.folder / f"{port}.log")
        self.parts.append(made)
        return made

    def postfix(self, name, transport, boxes, seal, opens, **more):
        port = self.ports
        milter = self.place_of
        made = Postfix(self.folder, name, {
            "virtual_mailbox_domains": f"{name}.test", "virtual_mailbox_maps": "inline:{ " + " ".join(f"{{ {box} }}" for box in boxes) + " }",
            "transport_maps": f"inline:{{ {{ {transport} }} {{ bulla-confirm.invalid=bulla-confirm: }} " + ("{ erin@b.test=bulla-deliver: } }" if name == "b" else "}"),
            "bulla-confirm_destination_recipient_limit": "1", "bulla-deliver_destination_recipient_limit": "1", **more,
        }, [f"127.0.0.1:{port[name + '_submit']} inet n - n - - smtpd -o smtpd_milters={milter(seal)}",
            f"127.0.0.1:{port[name + '_in']} inet n - n - - smtpd -o smtpd_milters={milter(opens)}",
            f"bulla-confirm unix - n n - - pipe flags=R user={USER} argv={self.out}/bulla-milter -c {self.conf[name]} --confirm ${{recipient}}",
            f"bulla-deliver unix - n n - - pipe flags=R null_sender= user={USER} argv={self.out}/bulla-deliver -c {self.conf['erin']} -s ${{sender}} "
            f"{self.folder}/{name}/mail/erin"])
        self.parts.append(made)
        return made

    def end(self):
        for part in reversed(self.parts):
            part.stop()

    # What people do.

    def token(self):
        self.counter += 1
        return f"token{self.counter}x{int(time.time() * 1000) % 100000}"

    def letter(self, token, to="bob@b.test", more="", body=None):
        text = body if body is not None else f"Dear Bob,\r\n\r\nthe barley is in. {token}\r\n\r\nAlice\r\n"
        return (f"From: Alice Secretname <alice@a.test>\r\nTo: Bob <{to}>\r\nSubject: secret {token}\r\n"
                f"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{token}@a.test>\r\nX-Mailer: telltale\r\n{more}\r\n{text}")

    def submit(self, mail, to=("bob@b.test",), sender="alice@a.test", port=None):
        """Submits to Postfix a. Gives the code of the answer."""
        mail = mail.encode() if isinstance(mail, str) else mail
        try:
            with smtplib.SMTP("127.0.0.1", port or self.ports["a_submit"], "client.test", timeout=120) as smtp:
                smtp.sendmail(sender, list(to), mail)
            return 250
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code

    def submit_raw(self, data, to, sender="alice@a.test"):
        """As submit(), but every byte as it is: smtplib makes CRLF of bare LF and CR."""
        with smtplib.SMTP("127.0.0.1", self.ports["a_submit"], "client.test", timeout=120) as smtp:
            smtp.ehlo()
            for line in (f"MAIL FROM:<{sender}> BODY=8BITMIME", f"RCPT TO:<{to}>", "DATA"):
                code, words = smtp.docmd(line)
                assert code in (250, 354), (line, code, words)
            smtp.send(data.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            return smtp.getreply()[0]

    def having(self, server, user, token, folder="new"):
        return [mail for mail in server.mails(user, folder) if token.encode() in mail]

    def report(self, name="a", everything=True):
        done = subprocess.run([str(self.out / "bulla-milter"), "-c", str(self.conf[name]), "--report", *(["--all"] if everything else [])],
                              capture_output=True, text=True)
        return done.stdout

    def state_of(self, token, name="a"):
        """What the report says of a message: waiting, delivered..."""
        return [line[:10].strip() for line in self.report(name).splitlines() if f"<{token}@" in line]

    def due(self, name="a"):
        return subprocess.run([str(self.out / "bulla-milter"), "-c", str(self.conf[name]), "--due"], capture_output=True, text=True)

    def send_again(self, token):
        """What cron does: --due, until the waiting time of this mail is over."""
        sent = lambda: sum(int(line.split(" sent ")[1].split()[0]) for line in self.report().splitlines() if f"<{token}@" in line)
        before = sent()
        wait_for(lambda: self.due() is not None and sent() > before, f"{token} is sent again", 20)

    def reconfigure(self, name, **changes):
        """Changes settings, and has the running milters read them."""
        logs = [(part, part.log_text().count("was read again")) for part in self.milters.values() if f"/{name}-" in part.arguments[2]]
        for path in [*self.folder.glob(f"{name}-*.conf"), self.folder / f"{name}.conf"]:
            lines = [line for line in path.read_text().splitlines() if line.split(" =")[0] not in changes]
            path.write_text("\n".join(lines + [f"{key} = {value}" for key, value in changes.items()]) + "\n")
        for part, before in logs:
            part.process.send_signal(signal.SIGHUP)
            wait_for(lambda: part.log_text().count("was read again") > before, "the configuration is read again")

    def settled_when_sent_again(self, token):
        self.send_again(token)
        self.settled(token)

    def settled(self, token, seconds=30):
        wait_for(lambda: set(self.state_of(token)) == {"delivered"}, f"{token} receipted", seconds)


class WithSockets(World):
    """As World, but the milters listen in the file system, as the guide has it."""

    def begin(self, b_postfix):
        for name in "ab":
            # Only Postfix may talk to them: the folder is of its group, and hands it on.
            place = self.folder / f"sockets-{name}"
            place.mkdir()
            shutil.chown(place, USER, "postfix")
            place.chmod(0o2750)
        super().begin(b_postfix)

    def place_of(self, port):
        return f"unix:{self.socket_of(port)}"

    def socket_of(self, port):
        return self.folder / f"sockets-{port[-1]}" / port.split("_")[0]

    def milter(self, name, role, port, **more):
        conf = self.folder / f"{name}-{role}.conf"
        conf.write_text(self.conf[name].read_text() + f"socket = unix:{self.socket_of(port)}\n")
        made = Milter(self.out / "bulla-milter", conf, role, self.socket_of(port), self.folder / f"{port}.log")
        self.parts.append(made)
        return made
