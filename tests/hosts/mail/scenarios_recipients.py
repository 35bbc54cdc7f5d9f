"""Whom a mail may go to is signed, and a receipt stands for all of a key's addressees; and what strangers put into headers and parts."""

import base64
import random
import re
import smtplib
import socketserver
import subprocess
import threading
import time

from scenarios_deliver import agent, as_user, stored
from scenarios_relay import arrived_intact, rewritten
from servers import own, wait_for

SETTINGS = {"lease": "2s"}
BOTH = ["bob@b.test", "carol@b.test"]


def held_back(world, letter, to, sender="alice@a.test"):
    """A sealed mail that was caught on its way."""
    count = len(world.relay.seen)
    world.relay.plan = lambda mail: []
    assert world.submit(letter, to, sender) == 250
    wait_for(lambda: len(world.relay.seen) > count, "on its way")
    world.relay.plan = lambda mail: [mail]
    return world.relay.seen[count]


def to_others(mail, *recipients):
    return mail[0], list(recipients), mail[2]


def times(world, token, users=("bob", "carol", "dave")):
    return [len(world.having(world.b, user, token)) for user in users]


def redirected(world):
    token = world.token()
    letter = world.letter(token)
    mail = held_back(world, letter, ["bob@b.test"])
    for others in (["carol@b.test"], ["bob@b.test", "carol@b.test"], ["postmaster@b.test"]):
        assert world.relay.forward(to_others(mail, *others))[0] == 550, others
    time.sleep(1)
    assert times(world, token) == [0, 0, 0] and world.state_of(token) == ["waiting"], "somebody has it, or a stranger caused a rejection"
    assert "the author did not name carol@b.test" in world.milters["open_b"].log_text()
    # Nothing of it holds up the mail itself, at once.
    assert world.relay.forward(mail)[0] == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    assert world.relay.forward(to_others(mail, "carol@b.test"))[0] == 550
    # As configured.
    world.reconfigure("b", recipients="quarantine")
    assert world.relay.forward(to_others(mail, "carol@b.test"))[0] == 250
    for path in wait_for(lambda: world.b.held(), "held"):
        path.unlink()
    world.reconfigure("b", recipients="accept")
    assert world.relay.forward(to_others(mail, "carol@b.test"))[0] == 250
    wait_for(lambda: times(world, token) == [1, 1, 0], "carol has it, for the administrator wants that")
    assert world.relay.forward(to_others(mail, "carol@b.test", "bob@b.test"))[0] == 250
    world.reconfigure("b", recipients="reject")
    time.sleep(1)
    assert times(world, token) == [1, 1, 0]
    return "another address of the same domain and key: 550, no receipt, no rejection, and the mail itself is taken at once; quarantine, accept"


def list_is_gone_or_another(world):
    token = world.token()
    letter = world.letter(token)
    mail = held_back(world, letter, ["bob@b.test"])
    part = re.compile(rb"--(=_bulla_\w+)\r\nContent-Type: application/vnd.bulla.addressees.*?(?=--=_bulla)", re.S)
    other = held_back(world, world.letter(world.token()), ["carol@b.test", "dave@b.test"])
    stripped = part.sub(b"", mail[2])
    swapped = part.sub(lambda _: part.search(other[2]).group(0), mail[2])
    assert stripped != mail[2] and swapped != stripped
    long = base64.b64encode(b"\x00\x00\x00\x00" * 100000 + b"\xff\xff\xff\xff" + b"x" * 1000)
    broken = part.sub(lambda found: found.group(0).split(b"\r\n\r\n")[0] + b"\r\n\r\n" + long + b"\r\n", mail[2])
    for data, recipient in ((stripped, "bob@b.test"), (swapped, "bob@b.test"), (swapped, "carol@b.test"), (broken, "bob@b.test")):
        assert world.relay.forward((mail[0], [recipient], data))[0] == 550
    log = world.milters["open_b"].log_text()
    assert "no list of its addressees" in log and "another mail's" in log
    time.sleep(0.5)
    assert times(world, token) == [0, 0, 0] and world.state_of(token) == ["waiting"]
    assert world.relay.forward(mail)[0] == 250
    world.settled(token)
    assert times(world, token) == [1, 0, 0]
    return "the list taken out, that of another mail put in, and one that lies about its length: 550, released each time; then delivered"


def one_of_two_is_dropped(world):
    token = world.token()
    letter = world.letter(token, "bob@b.test>, <carol@b.test")
    world.relay.plan = lambda mail: [to_others(mail, "bob@b.test")]
    assert world.submit(letter, BOTH) == 250
    wait_for(lambda: times(world, token) == [1, 0, 0], "Bob has it")
    wait_for(lambda: world.b.queued() == 0, "and b's queue has confirmed it")
    time.sleep(1)
    assert world.state_of(token) == ["waiting"], "a receipt although Carol has nothing"
    # A copy for him alone does not change that.
    assert world.relay.forward(to_others(world.relay.seen[-1], "bob@b.test"))[0] == 250
    time.sleep(1)
    assert world.state_of(token) == ["waiting"]
    world.relay.plan = lambda mail: [mail]
    world.send_again(token)
    wait_for(lambda: times(world, token) == [1, 1, 0], "Carol has it, and Bob not twice")
    world.settled(token)
    return "the relay drops one of two recipients of a domain's key: the report says waiting; sent again it reaches the other alone; then delivered"


def relay_splits_and_milter_dies(world):
    token = world.token()
    letter = world.letter(token, "bob@b.test>, <carol@b.test")
    mail = held_back(world, letter, BOTH + ["dave@b.test"])
    for user in ("bob", "carol", "dave"):
        assert world.relay.forward(to_others(mail, f"{user}@b.test"))[0] == 250
        wait_for(lambda: world.having(world.b, user, token) and world.b.queued() == 0, f"{user} has it, confirmed")
        if user != "dave":
            assert world.state_of(token) == ["waiting"]
            # What is known of those who have it must not be this process's.
            before = world.milters["open_b"].log_text().count("started again")
            world.milters["open_b"].kill_worker()
            wait_for(lambda: world.milters["open_b"].log_text().count("started again") > before, "started again")
            wait_for(lambda: world.relay.forward(to_others(mail, "bob@b.test"))[0] == 250, "a copy is a copy")
    world.settled(token)
    assert times(world, token) == [1, 1, 1]
    return "three transactions for three recipients, kill -9 between them: one receipt, after the last of them"


def addresses_that_are_the_same(world):
    token = world.token()
    mail = held_back(world, world.letter(token), ["bob@b.test"])
    for other in ("bob+x@b.test", "bo@b.test", "bob@sub.b.test"):
        assert world.relay.forward(to_others(mail, other))[0] == 550, other
    # Two spellings of one address are one reader, and no longer each other's lock.
    assert world.relay.forward(to_others(mail, "Bob@B.Test", "bob@b.test"))[0] == 250
    wait_for(lambda: times(world, token)[0] > 0, "Bob has it")
    world.settled(token)
    for same in ("BOB@b.test", '"bob"@b.test', '"b\\ob"@B.TEST', "bob@b.test."):
        assert world.relay.forward(to_others(mail, same))[0] == 250, same
    time.sleep(1)
    assert times(world, token)[0] == 1, times(world, token)
    # As the administrator says: case counts, and tags do not.
    world.reconfigure("b", local_part="case", delimiter="+")
    token = world.token()
    mail = held_back(world, world.letter(token), ["bob+x@b.test"])
    assert world.relay.forward(to_others(mail, "Bob+x@b.test"))[0] == 550
    assert world.relay.forward(to_others(mail, "bob@b.test"))[0] == 250
    wait_for(lambda: times(world, token)[0] == 1, "Bob has it")
    world.settled(token)
    world.reconfigure("b", local_part="no-case", delimiter="")
    # What cannot be sent again is not sealed.
    for odd in ('"bob smith"@b.test', '"a,b"@b.test'):
        assert world.submit(world.letter(world.token()), [odd]) == 550, odd
    return "case, quotes and a last dot make no other address, a tag does; local_part and delimiter change that; addresses in quotes: 550 at home"


class Server:
    """A mail server that refuses some recipients, and hands the rest to another one."""

    def __init__(self, target, refuses):
        self.target, self.refuses, self.asked = target, refuses, []
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
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
    settle = world.relay.plan
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
    assert settle is not None
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
    return "each author counts: another's beside one's own is rejected under signature, plain ones with one who seals 550; bounces claim one author, of elsewhere"


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
    for mail in (fake, smuggled, subject, field):
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


def mailboxes_that_share_a_key(world):
    keys = world.folder / "keys-a"
    before = keys.read_text()
    keys.write_text(before + f"fay@b.test {world.folder}/erin.pub\n")
    world.reconfigure("a")
    token = world.token()
    mail = held_back(world, world.letter(token), ["erin@b.test", "fay@b.test"])[2].replace(b"\r\n", b"\n")
    box = world.b.folder / "mail/fay"
    box.mkdir()
    own(box)
    erin = agent(world)[:-1] + ["-a", "Erin@b.test", agent(world)[-1]]
    fay = agent(world)[:-1] + ["-a", "fay@b.test", str(box)]
    assert as_user(agent(world)[:-1] + ["-a", "gus@b.test", str(box)], mail).returncode == 77
    assert as_user(erin, mail).returncode == 0 and len(stored(world, token)) == 1
    assert as_user(erin, mail).returncode == 0 and len(stored(world, token)) == 1
    time.sleep(1)
    assert world.state_of(token) == ["waiting"], "a receipt although Fay has nothing"
    assert as_user(fay, mail).returncode == 0
    world.settled(token)
    assert as_user(fay, mail).returncode == 0 and as_user(erin, mail).returncode == 0
    assert times(world, token, ("erin", "fay")) == [1, 1]
    assert not [path for path in (box / "tmp").iterdir()]
    keys.write_text(before)
    world.reconfigure("a")
    return "two mailboxes of one key, each by its agent: an address that is not in the list 77; the receipt comes after the second; copies change nothing"


def splitting_relay_under_load(world, count=60):
    rounds = random.Random(5)
    ending = threading.Event()
    kills = []

    def plan(mail):
        one, other = to_others(mail, mail[1][0]), to_others(mail, *mail[1][1:])
        return rounds.choice([[mail], [one], [other], [one, other], [other, one, mail], [mail, one]]) if len(mail[1]) > 1 else [mail]

    world.relay.plan = plan
    tokens = [world.token() for _ in range(count)]
    too_early = []

    def check():
        """The report before the mailboxes: what it calls delivered, they must have."""
        delivered = [token for token in tokens if world.state_of(token) == ["delivered"]]
        too_early.extend(token for token in delivered if times(world, token)[:2] != [1, 1])
        return delivered

    def kill():
        while not ending.is_set():
            time.sleep(0.3 + rounds.random())
            world.milters["open_b"].kill_worker()
            kills.append(1)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        for token in tokens:
            assert world.submit(world.letter(token), BOTH) == 250
            time.sleep(0.1)
        check()
    finally:
        ending.set()
        thread.join()

    def done():
        world.due("a")
        world.due("b")
        time.sleep(1)
        return len(check()) == count

    wait_for(done, "everything is receipted", 150)
    wait_for(lambda: world.b.queued() == 0, "the queue is empty", 60)
    assert not too_early, too_early
    assert all(times(world, token)[:2] == [1, 1] for token in tokens)
    world.relay.plan = lambda mail: [mail]
    return f"{count} mails for two, of whom the relay splits, drops and doubles one or the other, {len(kills)} times kill -9: each has each once, no receipt came before"


ALL = [redirected, list_is_gone_or_another, one_of_two_is_dropped, relay_splits_and_milter_dies, addresses_that_are_the_same, one_address_is_gone,
       receipts_are_refused_for_ever, receipt_with_other_content, several_authors, lines_that_are_no_fields, looks_sealed, very_long_headers,
       mailboxes_that_share_a_key, splitting_relay_under_load]
