"""The recommended set-up (docs/mail.md, step 6): whatever leaves a server passes the sealing milter last, over a listener of its own."""

import contextlib
import re
import shutil
import smtplib
import socketserver
import struct
import subprocess
import threading
import time

from corpus import Dkim
from servers import USER, OpenDkim, Postfix, listening, own, wait_for
from world import WithSockets

SETTINGS = {"mixed": "split"}


class Egress(WithSockets):
    """As World, but Postfix a and b seal on their way out; and they have aliases, and local users with .forward files."""

    def begin(self, b_postfix):
        for name in "ab":
            (self.folder / f"forward-{name}").mkdir()
        super().begin(b_postfix)

    def postfix(self, name, transport, boxes, seal, opens, **more):
        port = self.ports
        # Twice the same next hop: what hears 452 at the first is sent to the second at once, in a transaction of its own.
        way_out = f"bulla-seal:[127.0.0.1]:{port[name + '_egress']}, [127.0.0.1]:{port[name + '_egress']}"
        aliases = {"away": "bob@b.test", "open": "eve@clear.test", "lost": "who@nokey.test", "gone": f"missing@{name}.local.test",
                   "forwarding": f"{USER}@{name}.local.test", "helper": f"helper@{name}.local.test",
                   "loop": f"loop@{'b' if name == 'a' else 'a'}.test"}
        made = Postfix(self.folder, name, {
            "virtual_mailbox_domains": f"{name}.test", "virtual_mailbox_maps": "inline:{ " + " ".join(f"{{ {box} }}" for box in boxes) + " }",
            "transport_maps": "inline:{ { bulla-confirm.invalid=bulla-confirm: } " + ("{ erin@b.test=bulla-deliver: } }" if name == "b" else "}"),
            "bulla-confirm_destination_recipient_limit": "1", "bulla-deliver_destination_recipient_limit": "1",
            "default_transport": way_out, "relay_transport": way_out, "always_add_missing_headers": "yes",
            "mydestination": f"{name}.local.test", "alias_maps": "inline:{ { helper=dave@b.test } }",
            "forward_path": f"{self.folder}/forward-{name}/$user",
            "virtual_alias_maps": "inline:{ " + " ".join(f"{{ {alias}@{name}.test={to} }}" for alias, to in aliases.items()) + " }", **more,
        }, [f"127.0.0.1:{port[name + '_submit']} inet n - n - - smtpd",
            f"127.0.0.1:{port[name + '_in']} inet n - n - - smtpd -o smtpd_milters=unix:{self.socket_of(opens)}",
            f"127.0.0.1:{port[name + '_egress']} inet n - n - - smtpd -o smtpd_milters=unix:{self.socket_of(seal)} "
            f"-o content_filter=bulla-out:[127.0.0.1]:{port['r']} "
            "-o receive_override_options=no_address_mappings,no_header_body_checks,no_unknown_recipient_checks "
            "-o smtpd_recipient_restrictions=permit_mynetworks,reject",
            "local unix - n n - - local", "bulla-seal unix - - n - - smtp -o smtp_bind_address=127.0.0.1 -o smtp_bind_address_enforce=yes -o inet_protocols=ipv4", "bulla-out unix - - n - - smtp",
            f"bulla-confirm unix - n n - - pipe flags=R user={USER} argv={self.out}/bulla-milter -c {self.conf[name]} --confirm ${{recipient}}",
            f"bulla-deliver unix - n n - - pipe flags=R null_sender= user={USER} argv={self.out}/bulla-deliver -c {self.conf['erin']} -s ${{sender}} "
            f"{self.folder}/{name}/mail/erin"], without=["smtp"])
        self.parts.append(made)
        return made


def make(folder, out):
    return Egress(folder, out, SETTINGS)


def only_to_b(world):
    """What the relay gets is all kept in `seen`; only what is for b or a goes on."""
    world.relay.plan = lambda mail: [mail] if all(one.endswith("@b.test") for one in mail[1]) else []


def passed(world, token):
    """What came by the relay of this mail: sealed mails carry the token in their Message-ID alone."""
    return [mail for mail in world.relay.seen if token.encode() in mail[2]]


def is_sealed(mail, token):
    return b"application/vnd.bulla.envelope" in mail[2] and b"barley" not in mail[2] and f"secret {token}".encode() not in mail[2]


def boxed_sealed(world, user, token):
    """The mail is in a mailbox at b, and what came by the relay was sealed."""
    mail = wait_for(lambda: world.having(world.b, user, token), f"{user} has it")
    assert len(mail) == 1 and b"bulla=pass header.from=alice@a.test" in mail[0], mail
    by = passed(world, token)
    assert by and all(is_sealed(one, token) for one in by), by
    return mail[0]


def sendmail(world, server, sender, recipients, mail):
    done = subprocess.run([shutil.which("sendmail", path="/usr/sbin:/usr/bin"), "-C", str(world.folder / server / "conf"), "-i", "-f", sender, "--", *recipients],
                          input=mail.replace("\r\n", "\n").encode(), capture_output=True)
    assert done.returncode == 0, done.stderr


def every_way_out_is_sealed(world):
    only_to_b(world)
    # Submission, whatever the port.
    token = world.token()
    assert world.submit(world.letter(token)) == 250
    mail = boxed_sealed(world, "bob", token)
    # Where Alice's own server had it from is inside; the relays see that it came from that server.
    outer = passed(world, token)[0][2].split(b"\r\n\r\n")[0]
    assert mail.count(b"client.test") == 1 and b"client.test" not in outer, outer
    world.settled(token)
    # sendmail(1).
    token = world.token()
    sendmail(world, "a", "alice@a.test", ["bob@b.test"], world.letter(token))
    boxed_sealed(world, "bob", token)
    world.settled(token)
    # A virtual alias, an alias of local(8), and a .forward file: addresses that are a.test's, whose recipients are b.test's.
    forward = world.folder / "forward-a" / USER
    forward.write_text("carol@b.test\n")
    own(forward)
    for local, user in (("away", "bob"), ("helper", "dave"), ("forwarding", "carol")):
        token = world.token()
        assert world.submit(world.letter(token, f"{local}@a.test"), [f"{local}@a.test"]) == 250
        boxed_sealed(world, user, token)
        world.settled(token)
    # The same, of a mail that came in sealed and was opened.
    token = world.token()
    assert world.submit(world.letter(token, "away@a.test").replace("alice@a.test", "bob@b.test"), ["away@a.test"], "bob@b.test", world.ports["b_submit"]) == 250
    wait_for(lambda: passed(world, token), "sent on")
    wait_for(lambda: world.having(world.b, "bob", token) or "is not the author" in world.milters["open_b"].log_text(), "at b again")
    assert all(is_sealed(one, token) for one in passed(world, token))
    return "submission, sendmail(1), virtual aliases, local aliases, .forward files, of own mail and of opened mail: each leaves sealed"


def bounces_and_notices_are_sealed(world):
    only_to_b(world)
    token = world.token()
    assert world.submit(world.letter(token, "gone@b.test"), ["gone@b.test"]) == 250
    bounce = wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"MAILER-DAEMON@b.test" in mail], "the bounce")
    assert b"bulla=pass header.from=mailer-daemon@b.test" in bounce[0] and b"barley" in bounce[0], bounce
    # A notice of success, which the sender asked for.
    token = world.token()
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token)) == 250
    wait_for(lambda: passed(world, token), "on its way")
    sender, recipients, data = passed(world, token)[0]
    with smtplib.SMTP("127.0.0.1", world.ports["b_in"], "relay.test") as smtp:
        smtp.sendmail(sender, recipients, data, rcpt_options=["NOTIFY=SUCCESS"])
    notice = wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"successfully delivered" in mail], "the notice")
    assert b"bulla=pass header.from=mailer-daemon@b.test" in notice[0]
    plain = [line for line in world.milters["open_a"].log_text().splitlines() if "not sealed" in line]
    assert not plain, plain
    return "a bounce that quotes an opened mail, and a notice of success, come back sealed"


def clear_where_it_is_said(world):
    only_to_b(world)
    token = world.token()
    assert world.submit(world.letter(token, "eve@clear.test"), ["eve@clear.test"]) == 250
    wait_for(lambda: passed(world, token), "in clear")
    assert b"barley" in passed(world, token)[0][2]
    token = world.token()
    assert world.submit(world.letter(token, "open@a.test"), ["open@a.test"]) == 250
    wait_for(lambda: passed(world, token), "in clear, over an alias")
    # Who has no line: nothing leaves, and the author hears of it.
    for to in ("who@nokey.test", "lost@a.test"):
        token = world.token()
        assert world.submit(world.letter(token, to), [to]) == 250
        bounce = wait_for(lambda: world.having(world.a, "alice", token), "a bounce")
        assert b"there is no key for this recipient" in bounce[0] and b"who@nokey.test" in bounce[0]
        assert not passed(world, token)
    # All three in one mail: each as it should be, at once.
    token = world.token()
    began = time.monotonic()
    assert world.submit(world.letter(token), ["bob@b.test", "eve@clear.test", "who@nokey.test", "carol@b.test"]) == 250
    for user in ("bob", "carol"):
        wait_for(lambda: world.having(world.b, user, token), f"{user} has it")
    wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"there is no key" in mail], "a bounce")
    by = wait_for(lambda: len(passed(world, token)) == 2 and passed(world, token), "two of them passed")
    took = time.monotonic() - began
    assert sorted((sorted(one[1]), is_sealed(one, token)) for one in by) == [(["bob@b.test", "carol@b.test"], True), (["eve@clear.test"], False)], by
    log = "\n".join(line for line in world.a.log_text().splitlines() if "who@nokey.test" not in line)
    assert "status=deferred" not in log, "the recipients in clear had to wait"
    world.settled(token)
    return f"clear only where the table says so; no line: bounced to the author; one mail to all three kinds: each as it should be, in {took:.1f} s"


def only_postfix_talks_to_milters(world):
    for port in ("seal_a", "open_b"):
        socket = world.socket_of(port)
        assert oct(socket.stat().st_mode & 0o777) == "0o660" and socket.group() == "postfix" and socket.owner() == USER, socket
    try_it = f"import socket; socket.socket(socket.AF_UNIX).connect('{world.socket_of('seal_a')}')"
    for user, fine in (("postfix", True), ("daemon", False)):
        done = subprocess.run(["python3", "-c", try_it], user=user, group=user, extra_groups=[], capture_output=True, text=True)
        assert (done.returncode == 0) == fine and (fine or "PermissionError" in done.stderr), (user, done)
    # The same after the worker was killed.
    world.milters["seal_a"].kill_worker()
    wait_for(lambda: "started again" in world.milters["seal_a"].log_text() and listening(world.socket_of("seal_a")), "started again")
    assert world.socket_of("seal_a").group() == "postfix"
    return "their sockets are for Postfix and themselves; another user of the machine is refused"


def milter_is_down(world):
    only_to_b(world)
    tokens = {to: world.token() for to in ("bob@b.test", "away@a.test", "helper@a.test", "eve@clear.test", "who@nokey.test")}
    by_hand = world.token()
    world.milters["seal_a"].stop()
    try:
        for to, token in tokens.items():
            assert world.submit(world.letter(token, to), [to]) == 250
        sendmail(world, "a", "alice@a.test", ["bob@b.test"], world.letter(by_hand))
        time.sleep(4)
        assert not any(passed(world, token) for token in [*tokens.values(), by_hand]), "something left"
        assert world.a.queued() == len(tokens) + 1
    finally:
        world.milters["seal_a"].start()
    for token in (tokens["bob@b.test"], tokens["away@a.test"], by_hand):
        boxed_sealed(world, "bob", token)
    boxed_sealed(world, "dave", tokens["helper@a.test"])
    wait_for(lambda: passed(world, tokens["eve@clear.test"]), "in clear")
    wait_for(lambda: world.a.queued() == 0, "the queue is empty")
    return "everything stays in a's queue, and nothing leaves; up again: each as it should be"


def another_way_out(world):
    """A route that somebody set up to leave by smtp: there is no such service any more."""
    only_to_b(world)
    main = world.folder / "a/conf/main.cf"
    text = main.read_text()
    main.write_text(text.replace("transport_maps = inline:{", f"transport_maps = inline:{{ {{ b.test=smtp:[127.0.0.1]:{world.ports['r']} }}"))
    world.a.reload()
    token = world.token()
    try:
        assert world.submit(world.letter(token)) == 250
        wait_for(lambda: "mail transport unavailable" in world.a.log_text(), "it waits")
        assert not passed(world, token)
    finally:
        main.write_text(text)
        world.a.reload()
    boxed_sealed(world, "bob", token)
    return "a route by the usual smtp: finds no such service: the mail waits, and does not leave in clear"


class OtherMilter:
    """A milter that says at the end of each mail what it is told to: c(ontinue), t(emporary failure), r(eject)."""

    def __init__(self):
        self.answer, self.asked = b"c", 0
        other = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                while len(head := self.rfile.read(5)) == 5:
                    length, command = struct.unpack("!Ic", head)
                    data = self.rfile.read(length - 1)
                    if command == b"O":
                        self.reply(b"O" + struct.pack("!III", min(6, struct.unpack("!I", data[:4])[0]), 0, 0))
                    elif command == b"E":
                        other.asked += 1
                        self.reply(other.answer)
                    elif command == b"Q":
                        return
                    elif command not in b"DA":
                        self.reply(b"c")

            def reply(self, data):
                self.wfile.write(struct.pack("!I", len(data)) + data)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True
        self.place = f"inet:127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def behind_the_sealing_one(world, other):
    """Another milter, at the way out of a."""
    master = world.folder / "a/conf/master.cf"
    services = master.read_text()
    ours = f"smtpd_milters=unix:{world.socket_of('seal_a')}"
    master.write_text(services.replace(ours, f"{ours},{other.place}"))
    world.a.reload()
    try:
        yield other
    finally:
        master.write_text(services)
        world.a.reload()
        other.stop()


def given_again_by_the_queue(world):
    """The listener says 451 when the mail was sealed: a full queue, or another milter. The queue gives it again."""
    only_to_b(world)
    token = world.token()
    letter = re.sub(r"Message-ID: [^\r]*\r\n", "", world.letter(token))
    secret = f"secret {token}".encode()
    boxed = lambda: [mail for mail in world.b.mails("bob") if secret in mail]
    waiting = lambda: [line for line in world.report().splitlines() if "alice@a.test -> bob@b.test" in line and line.startswith("waiting")]
    wait_for(lambda: not waiting(), "what was sent before is receipted")
    before, sealed = 0, world.milters["seal_a"].log_text().count(": sealed for")
    with behind_the_sealing_one(world, OtherMilter()) as other:
        other.answer = b"t"
        assert world.submit(letter) == 250
        wait_for(lambda: other.asked >= 3, "refused three times", 100)
        assert world.milters["seal_a"].log_text().count(": sealed for") >= sealed + 3
        assert len(waiting()) == before + 1, world.report()
        other.answer = b"c"
        wait_for(boxed, "bob has it", 100)
    wait_for(lambda: world.a.queued() == 0, "the queue is empty")
    wait_for(lambda: len(waiting()) == before, "receipted")
    time.sleep(1)
    assert len(boxed()) == 1
    return "451 three times after it was sealed, and without a Message-ID of the author's: one message in the outbox, delivered once"


def refused_after_sealing(world):
    only_to_b(world)
    token = world.token()
    with behind_the_sealing_one(world, OtherMilter()) as other:
        other.answer = b"r"
        assert world.submit(world.letter(token)) == 250
        wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"MAILER-DAEMON@a.test" in mail], "the bounce")
        assert not passed(world, token) and world.state_of(token) == ["waiting"]
    world.send_again(token)
    boxed_sealed(world, "bob", token)
    world.settled(token)
    return "550 by another milter after it was sealed: the author has the bounce, and the outbox sends it again, sealed (which the guide says)"


def dkim_signs_after_sealing(world):
    only_to_b(world)
    token = world.token()
    with behind_the_sealing_one(world, OpenDkim(world.folder)) as signer:
        assert world.submit(world.letter(token)) == 250
        boxed_sealed(world, "bob", token)
    by = passed(world, token)[0][2]
    assert b"DKIM-Signature" in by, by
    checker = Dkim(world.folder)
    checker.record = signer.record
    assert checker.verifies(by) and not checker.verifies(by.replace(b"QlVMTEE", b"QlVMTEF"))
    world.settled(token)
    # It comes by the way out again, as by an alias: nothing is sealed twice, and nobody's signature is taken off.
    assert world.submit(by) == 250
    wait_for(lambda: len(passed(world, token)) == 2, "it passes again")
    assert checker.verifies(passed(world, token)[1][2])
    return "what OpenDKIM signs, behind the sealing milter, verifies at the relay: it is the sealed mail; and so it does when it comes by again"


ALL = [every_way_out_is_sealed, bounces_and_notices_are_sealed, clear_where_it_is_said, only_postfix_talks_to_milters, milter_is_down, another_way_out, given_again_by_the_queue,
       refused_after_sealing, dkim_signs_after_sealing]
