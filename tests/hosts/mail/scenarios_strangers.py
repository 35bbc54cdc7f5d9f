"""What strangers put into headers and parts, and servers that refuse what is sent to them."""

import base64
import contextlib
import re
import smtplib
import socketserver
import subprocess
import threading
import time

from scenarios_deliver import agent, as_user, stored
from scenarios_recipients import BOTH, held_back, times
from scenarios_relay import arrived_intact, rewritten
from servers import need, wait_for

SETTINGS = {"lease": "2s"}


class Server:
    """A mail server that refuses some recipients, and hands the rest to another one."""

    def __init__(self, target, refuses):
        self.target, self.refuses, self.asked = target, refuses, []
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):  # whoever has what he wanted goes
                    outer.converse(self.rfile, lambda line: self.wfile.write(line.encode() + b"\r\n"))

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def converse(self, read, say):
        say("220 here")
        while line := read.readline():
            word, address = line[:4].upper(), line.split(b"<")[-1].split(b">")[0].decode()
            if word == b"MAIL":
                sender, recipients = address, []
            if word == b"RCPT":
                self.asked.append(address)
                if address in self.refuses:
                    say("550 5.1.1 gone")
                    continue
                recipients.append(address)
            if word == b"DATA":
                say("354 go on")
                lines = []
                while (line := read.readline()) != b".\r\n":
                    lines.append(line[1:] if line.startswith(b".") else line)
                with smtplib.SMTP("127.0.0.1", self.target) as smtp:
                    smtp.sendmail(sender, recipients, b"".join(lines))
            say("221 bye" if word == b"QUIT" else "250 yes")
            if word == b"QUIT":
                return

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def one_address_is_gone(world):
    token = world.token()
    held_back(world, world.letter(token), BOTH)
    server = Server(world.ports["a_submit"], {"bob@b.test"})
    world.reconfigure("a", submit=f"smtp:127.0.0.1:{server.port}")
    try:
        wait_for(lambda: "550" in world.due().stderr, "due, and one is refused")
        wait_for(lambda: times(world, token) == [0, 1, 0], "the other one has it all the same")
        assert world.state_of(token) == ["waiting"]
    finally:
        world.reconfigure("a", submit=f"smtp:127.0.0.1:{world.ports['a_submit']}")
        server.stop()
    world.send_again(token)
    world.settled(token)
    assert times(world, token) == [1, 1, 0]
    return "sent again, the server refuses one recipient: named on the log, the other gets the mail; no receipt until both have it"


def receipts_are_refused_for_ever(world):
    token = world.token()
    back = re.search(r"^submit = (.*)$", world.conf["b"].read_text(), re.M).group(1)
    server = Server(0, {"alice@a.test"})
    world.reconfigure("b", submit=f"smtp:127.0.0.1:{server.port}")
    try:
        assert world.submit(world.letter(token)) == 250
        wait_for(lambda: times(world, token)[0] == 1, "delivered")
        # The queue does not wait for what will never be.
        wait_for(lambda: server.asked and world.b.queued() == 0, "confirmed")
        assert world.due("b").returncode != 0
        assert world.state_of(token) == ["waiting"]
        world.reconfigure("b", keep="1s")
        time.sleep(2)
        done = world.due("b")
        assert done.returncode == 0 and "a receipt to alice@a.test is given up" in done.stderr, done
        asked = len(server.asked)
        assert world.due("b").returncode == 0 and len(server.asked) == asked
    finally:
        world.reconfigure("b", submit=back, keep="30d")
        server.stop()
    world.send_again(token)
    world.settled(token)
    assert times(world, token)[0] == 1
    return "5xx for a receipt: confirmed all the same, tried by --due until keep is over, then given up with a line in the log; a copy gets it again"


def receipt_with_other_content(world):
    token = world.token()
    receipts = []
    mail = held_back(world, world.letter(token), ["bob@b.test"])
    # b's receipts go to a listener of ours first.
    class Keeps(Server):
        def converse(self, read, say):
            say("220 here")
            while line := read.readline():
                say("354 go on" if line[:4].upper() == b"DATA" else "250 yes")
                if line[:4].upper() == b"DATA":
                    lines = []
                    while (line := read.readline()) != b".\r\n":
                        lines.append(line)
                    receipts.append(b"".join(lines))
                    say("250 yes")

    server = Keeps(0, set())
    back = re.search(r"^submit = (.*)$", world.conf["b"].read_text(), re.M).group(1)
    world.reconfigure("b", submit=f"smtp:127.0.0.1:{server.port}")
    assert world.relay.forward(mail)[0] == 250
    receipt = wait_for(lambda: receipts, "the receipt")[0]
    world.reconfigure("b", submit=back)
    server.stop()
    assert world.state_of(token) == ["waiting"]
    boundary = re.search(rb'boundary="([^"]+)"', receipt).group(1)
    parts = receipt.split(b"\r\n\r\n", 1)[1].split(b"--" + boundary)
    parts = [parts[0], parts[2], b"\r\nContent-Type: text/plain\r\n\r\nLook at this: " + token.encode() + b"\r\n", parts[1], parts[3]]
    forwarded = (b"From: stranger@else.test\r\nTo: alice@a.test\r\nSubject: Fwd: Receipt\r\nContent-Type: multipart/mixed; boundary=\"" +
                 boundary + b"\"\r\n\r\n" + (b"--" + boundary).join(parts))
    assert world.submit(forwarded, ["alice@a.test"], "stranger@else.test", world.ports["a_in"]) == 250
    wait_for(lambda: world.having(world.a, "alice", token), "what somebody wrote beside it is delivered")
    world.settled(token)
    assert "a receipt with other content beside it: receipt for message" in world.milters["open_a"].log_text()
    # A relay's footer, and nobody who waits for it.
    before = world.milters["open_a"].log_text().count("receipt with other content")
    assert world.submit(receipt + b"\r\n-- \r\nBuy more\r\n", ["alice@a.test"], "", world.ports["a_in"]) == 250
    assert world.milters["open_a"].log_text().count("receipt with other content") > before
    return "forwarded, with parts in another order and text: it settles, the text is delivered, and the log says so"


def several_authors(world):
    keys = world.folder / "keys-b"
    before = keys.read_text()
    subprocess.run([str(world.out / "keygen"), str(world.folder / "c.key")], check=True, stdout=(world.folder / "c.pub").open("w"))
    keys.write_text(before + f"@c.test {world.folder}/c.pub\n")
    world.reconfigure("b")
    token = world.token()
    letter = world.letter(token).replace("From: Alice Secretname <alice@a.test>", "Sender: alice@a.test\r\nFrom: Alice <alice@a.test>, Carol <carol@c.test>")
    assert world.submit(letter) == 250
    wait_for(lambda: world.state_of(token) == ["rejected"], "signed: not the author")
    # Into the quarantine: also a copy, for whether the first one got there nobody knows.
    world.reconfigure("b", refused="quarantine")
    world.relay.plan = lambda mail: [mail, mail]
    token, held = world.token(), len(world.b.held())
    assert world.submit(letter.replace("Message-ID: <", "Message-ID: <" + token, 1)) == 250
    wait_for(lambda: len(world.b.held()) == held + 2, "both are held")
    world.relay.plan = lambda mail: [mail]
    world.reconfigure("b", refused="reject")
    subprocess.run([need("postsuper", "postfix"), "-c", str(world.b.folder / "conf"), "-d", "ALL", "hold"], check=True, capture_output=True)
    # Authors of the same domain, and one whom nobody knows.
    token = world.token()
    assert world.submit(world.letter(token).replace("<alice@a.test>", "<alice@a.test>, anna@a.test", 1)) == 250
    wait_for(lambda: b"bulla=pass header.from=alice@a.test" in b"".join(world.having(world.b, "bob", token)), "both are a.test's")
    token = world.token()
    assert world.submit(world.letter(token).replace("<alice@a.test>", "<alice@a.test>, eve@else.test", 1)) == 250
    wait_for(lambda: b"bulla=policy" in b"".join(world.having(world.b, "bob", token)), "one is nobody's")
    inbound = world.ports["b_in"]
    plain = lambda author, sender: world.submit(f"From: {author}\r\nTo: bob@b.test\r\nSubject: x\r\n\r\nhello\r\n", sender=sender, port=inbound)
    for author, sender in (("stranger@else.test, alice@a.test", "stranger@else.test"), ("MAILER-DAEMON@else.test, alice@a.test", ""),
                           ("mailer-daemon@b.test, carol@c.test", ""), ("alice", ""), ("MAILER-DAEMON, alice@a.test", ""),
                           ("x: alice@a.test;", "stranger@else.test"), ("alice", "stranger@else.test")):
        assert plain(author, sender) == 550, (author, sender)
    for author, sender in (("MAILER-DAEMON@a.test (Mail Delivery System)", ""), ("stranger@else.test, other@else.test", "stranger@else.test")):
        assert plain(author, sender) == 250, (author, sender)
    # In the mode that lets nothing plain in, a daemon of our own domain is not a bounce of somebody else's.
    world.reconfigure("b", plain="refuse")
    assert plain("MAILER-DAEMON@b.test", "") == 550 and plain("MAILER-DAEMON@a.test", "") == 250
    world.reconfigure("b", plain="refuse-known")
    keys.write_text(before)
    world.reconfigure("b")
    return "each author counts: another's beside one's own is rejected under signature, or held with its copies, plain ones with one who seals 550; bounces claim one author, of elsewhere"


def lines_that_are_no_fields(world):
    token = world.token()
    letter = world.letter(token)
    world.relay.plan = rewritten(lambda data: b"X-A: 1\r\nno field at all\r\n" + data.replace(
        b"Content-Type: application/vnd", b"X-B: 2\r\n no field\r\nbut this is none\r\nContent-Type: application/vnd").replace(
        b"Content-Transfer-Encoding", b"nor this one\r\nContent-Transfer-Encoding"))
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    # The agent at the mailbox reads the header itself.
    token = world.token()
    mail = held_back(world, world.letter(token, "erin@b.test").replace("alice@a.test", "x@else.test"), ["erin@b.test"])[2].replace(b"\r\n", b"\n")
    world.reconfigure("erin")
    done = as_user(agent(world), b"X-A: 1\nno field at all\n" + mail.replace(b"Content-Type: application/vnd", b"none\nContent-Type: application/vnd"))
    assert done.returncode == 0, done
    mail = stored(world, token)
    assert len(mail) == 1 and b"barley" in mail[0], mail
    return "a line that is no field, in the header and in those of the parts: opened all the same, by milter and agent, and never taken for plain"


# The digest of which boundaries are made.
DIGEST = r"""
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    uint8_t *content = malloc(1 << 24);
    bulla_digest digest;

    if (content == NULL || bulla_digest_of(content, fread(content, 1, 1 << 24, stdin), &digest, NULL) != BULLA_OK)
        return 1;
    for (int i = 0; i < 12; i++)
        printf("%02x", digest.bytes[i]);
    free(content);
    return 0;
}
"""


def digest_of(world, content):
    program = world.folder / "digest"
    if not program.exists():
        (world.folder / "digest.c").write_text(DIGEST)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "bulla"], capture_output=True, text=True, check=True).stdout.split()
        where = subprocess.run(["pkg-config", "--variable=libdir", "bulla"], capture_output=True, text=True, check=True).stdout.strip()
        subprocess.run(["cc", "-o", str(program), str(world.folder / "digest.c"), *flags, f"-Wl,-rpath,{where}"], check=True)
    return subprocess.run([str(program)], input=content, capture_output=True, check=True).stdout


def looks_sealed(world):
    token = world.token()
    seen = len(world.relay.seen)
    genuine = held_back(world, world.letter(token), ["bob@b.test"])[2]
    begin = genuine.index(b"\r\n\r\n", genuine.index(b"vnd.bulla.envelope")) + 4
    end = genuine.index(b"\r\n--", begin)
    envelope = base64.b64decode(genuine[begin:end])
    secret = b"My secret is in clear. " * 10
    faked = envelope[:-300] + secret + envelope[len(secret) - 300:]
    lines = b"\r\n".join(base64.b64encode(faked)[at:at + 76] for at in range(0, len(base64.b64encode(faked)), 76))
    fake = genuine[:begin] + lines + genuine[end:]
    # Boundaries are made of what they carry: whoever fakes makes them anew.
    boundary = re.search(rb"=_bulla_\w+", genuine).group(0)
    fake = fake.replace(boundary, b"=_bulla_" + digest_of(world, faked))
    lists = re.compile(rb"(vnd.bulla.addressees.*?\r\n\r\n)(.*?)(\r\n--)", re.S)
    smuggled = lists.sub(lambda found: found.group(1) + base64.b64encode(secret * 5).replace(b"\n", b"")[:76] + found.group(3), genuine)
    subject = genuine.replace(b"Subject: Sealed message", b"Subject: My secret is in clear")
    field = b"X-Note: My secret is in clear\r\n" + genuine
    name = genuine.replace(b"From: alice@a.test", b"From: My secret is in clear <alice@a.test>")
    for mail in (fake, smuggled, subject, field, name):
        seen = len(world.relay.seen)
        world.relay.plan = lambda one: []
        assert world.submit(mail) == 250
        wait_for(lambda: len(world.relay.seen) > seen, "on its way")
        passed = world.relay.seen[seen][2]
        bodies = b"".join(base64.b64decode(re.sub(rb"\s", b"", part) + b"==") for part in re.findall(rb"\r\n\r\n([A-Za-z0-9+/=\r\n]{60,}?)\r\n--", passed))
        assert b"My secret" not in passed and b"My secret" not in bodies, passed
        assert world.submit(mail.replace(b"To: bob@b.test", b"To: w@nokey.test"), ["who@nokey.test"]) == 550
    world.relay.plan = lambda mail: [mail]
    return "an envelope with words in it, a list with words, our envelope under another subject or with a field beside it: sealed like any mail, or 550"


def very_long_headers(world):
    inbound = world.ports["b_in"]
    plain = "From: stranger@else.test\r\nTo: bob@b.test\r\n"
    began = time.monotonic()
    assert world.submit(plain + "X: y\r\n" * 100000 + "\r\nhello\r\n", port=inbound, sender="s@else.test") // 100 == 5
    assert world.submit(plain + ("X: " + "y" * 900 + "\r\n") * 1500 + "\r\nhello\r\n", port=inbound, sender="s@else.test") // 100 == 5
    assert world.submit(plain + "X: y\r\n" * 5000 + "\r\nhello\r\n") // 100 == 5
    # As many as are allowed, of our own name, all of which go; and a body of nothing but beginnings of parts.
    token = world.token()
    assert world.submit(plain + "Authentication-Results: mx.b.test; x=y\r\n" * 1900 + f"\r\n{token}\r\n", port=inbound, sender="s@else.test") == 250
    assert b"x=y" not in wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    token = world.token()
    assert world.submit(plain + "\r\n" + "Content-Type: application/vnd.bulla.envelopes\r\n" * 200000 + token + "\r\n", port=inbound, sender="s@else.test") == 250
    wait_for(lambda: world.having(world.b, "bob", token), "it is there")
    took = time.monotonic() - began
    assert took < 60, took
    return f"5000 and 100 000 fields, and 1.3 MB of them: 5xx at both ends; 1900 removed, and 200 000 lines like parts read, in {took:.0f} s for all"


ALL = [one_address_is_gone, receipts_are_refused_for_ever, receipt_with_other_content, several_authors, lines_that_are_no_fields, looks_sealed,
       very_long_headers]
