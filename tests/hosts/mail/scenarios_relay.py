"""What a bad relay can do to sealed mail, and what each end then sees."""

import re
import time

from servers import wait_for


def rewritten(change):
    """A plan that changes the bytes of each mail."""
    return lambda mail: [(mail[0], mail[1], change(mail[2]))]


def base64_of(data):
    """Where the base64 of the envelope begins and ends."""
    begin = data.index(b"\r\n\r\n", data.index(b"application/vnd.bulla.envelope")) + 4
    return begin, data.index(b"\r\n--", begin)


def arrived_intact(world, token, letter):
    """The mail in Bob's Maildir ends with what Alice gave, byte for byte."""
    mail = wait_for(lambda: world.having(world.b, "bob", token), f"{token} is in the Maildir")
    wanted = letter.encode().replace(b"\r\n", b"\n")
    assert len(mail) == 1, f"{len(mail)} mails of {token}"
    assert mail[0].endswith(wanted), mail[0].decode(errors="replace")
    assert b"\n\tbulla=pass header.from=alice@a.test" in mail[0]
    return mail[0]


def passes_on(world):
    token = world.token()
    letter = world.letter(token)
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    return "intact in Bob's Maildir; Alice's side has the receipt"


def reads(world):
    token = world.token()
    assert world.submit(world.letter(token)) == 250
    world.settled(token)
    passed = b"".join(mail[2] for mail in world.relay.seen)
    bodies = b"".join(re.split(rb"\r\n\r\n", mail[2], maxsplit=1)[1] for mail in world.relay.seen)
    key = (world.folder / "a.pub").read_bytes()
    for secret in (b"barley", b"Secretname", b"telltale", f"secret {token}".encode(), b"Dear Bob", key[10:40]):
        assert secret not in passed, secret
    # The address of the author is in the outer header, for delivery needs it; nothing in the body names him.
    assert b"alice" not in bodies and b"a.test" not in bodies
    return "no word of the mail, no subject, no name, no program, no key of the author in what passed; only addresses and date"


def flips(world):
    token = world.token()
    letter = world.letter(token)
    flipped = []

    def flip(mail):
        data = bytearray(mail[2])
        begin, end = base64_of(bytes(data))
        at = begin + (end - begin) * (1 + len(flipped)) // 4
        while data[at:at + 1] in b"\r\n":
            at += 1
        data[at] = ord("A") if data[at] != ord("A") else ord("B")
        flipped.append(at)
        return [(mail[0], mail[1], bytes(data))]

    world.relay.plan = flip
    before = len(world.relay.refused)
    assert world.submit(letter) == 250
    wait_for(lambda: len(world.relay.refused) > before, "refused")
    time.sleep(0.5)
    assert not world.having(world.b, "bob", token) and world.state_of(token) == ["waiting"]
    assert "NotAuthentic" in world.milters["open_b"].log_text() or "NotForMe" in world.milters["open_b"].log_text()
    # The relay's bounce, with the sealed mail in it, reaches Alice at once; and the mail is still due, and can be sent again.
    bounce = wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"MAILER-DAEMON@r.test" in mail], "the bounce")
    assert len(bounce) == 1 and b"bulla=none" in bounce[0] and b"application/vnd.bulla.envelope" in bounce[0], bounce
    world.relay.plan = lambda mail: [mail]
    world.settled_when_sent_again(token)
    arrived_intact(world, token, letter)
    return "refused with 550 and a reason in b's log, nothing stored; the relay's bounce is Alice's at once; the report said waiting; sent again: stored, receipted"


# How qmail begins a bounce (QSBMF).
QMAIL = ("Hi. This is the qmail-send program at r.test.\r\nI'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
         "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<bob@b.test>:\r\nSorry, no mailbox here by that name.\r\n\r\n"
         "--- Below this line is a copy of the message.\r\n\r\n")


def bounces_by_hand(world):
    """What a relay's report brings back: the sealed mail as it was sent, or one that is for the reader of the report."""
    token = world.token()
    mail = sealed_for(world, token)
    report = lambda what: (f"From: MAILER-DAEMON@r.test\r\nTo: alice@a.test\r\nSubject: Undelivered {token}\r\nMIME-Version: 1.0\r\n"
                           "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
                           ).encode() + what + b"\r\n--x--\r\n"
    bounces = lambda: [mail for mail in world.having(world.a, "alice", token) if b"Undelivered" in mail]
    assert world.back.forward(("", ["alice@a.test"], report(mail[2])))[0] == 250
    wait_for(lambda: len(bounces()) == 1, "the bounce")
    # qmail writes no report, but this.
    qmail = f"From: MAILER-DAEMON@r.test\r\nTo: alice@a.test\r\nSubject: Undelivered {token}\r\n\r\n{QMAIL}".encode() + mail[2]
    assert world.back.forward(("", ["alice@a.test"], qmail))[0] == 250
    wait_for(lambda: len(bounces()) == 2, "the bounce of qmail")
    # Some servers give back the beginning only.
    assert world.back.forward(("", ["alice@a.test"], report(mail[2][:mail[2].index(b"QlVMTEE") + 555])))[0] == 250
    assert world.back.forward(("", ["alice@a.test"], qmail[:qmail.index(b"QlVMTEE") + 222]))[0] == 250
    wait_for(lambda: len(bounces()) == 4, "bounces that are cut")
    # With a sender it is no bounce.
    for bounce in (report(mail[2]), qmail):
        assert world.back.forward(("mallory@else.test", ["alice@a.test"], bounce))[0] == 550
    # What is sealed to us is opened wherever it is.
    assert world.relay.forward(("", ["bob@b.test"], report(mail[2])))[0] == 250
    arrived = wait_for(lambda: world.having(world.b, "bob", token), "Bob has it")
    assert b"bulla=pass" in arrived[0] and b"Undelivered" not in arrived[0] and len(bounces()) == 4
    world.settled(token)
    return "a report without a sender, or what qmail writes for one, that brings back our sealed mail, or its beginning, is delivered, one with a sender is not; what is sealed to the reader is opened"


def sealed_for(world, token):
    """A mail to Bob that was caught on its way."""
    count = len(world.relay.seen)
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token)) == 250
    wait_for(lambda: len(world.relay.seen) > count, "on its way")
    world.relay.plan = lambda mail: [mail]
    return world.relay.seen[count]


def filtered_at_home(world):
    """A content filter adds a field to what --due sends again, and puts names to the addresses."""
    token = world.token()
    letter = world.letter(token)
    mail = sealed_for(world, token)
    filtered = (b"X-Virus-Scanned: secretly\r\n" + mail[2]).replace(b"From: alice@a.test", b"From: Alice Secretname <alice@a.test>")
    filtered = filtered.replace(b"Subject: Sealed message", b"Subject: [clean] Sealed message")
    assert filtered.count(b"Secretname") == filtered.count(b"[clean]") == 1
    seen = len(world.relay.seen)
    assert world.submit(filtered) == 250
    assert "sealed already; not as we wrote it" in world.milters["seal_a"].log_text()
    arrived_intact(world, token, letter)
    again = world.relay.seen[seen][2]
    assert b"secretly" not in again and b"Secretname" not in again and b"clean" not in again and b"From: alice@a.test" in again
    world.settled(token)
    assert len(world.state_of(token)) == 1, "sealed inside itself"
    return "fields that a content filter adds to what is sent again are dropped, and it is not sealed inside itself: delivered, receipted"


def rewraps(world):
    token = world.token()
    letter = world.letter(token)

    def rewrap(data):
        begin, end = base64_of(data)
        digits = data[begin:end].replace(b"\r\n", b"")
        return data[:begin] + b"\r\n".join(digits[at:at + 60] for at in range(0, len(digits), 60)) + data[end:]

    world.relay.plan = rewritten(rewrap)
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    return "base64 wrapped at 60 instead of 76: opened intact, receipted"


def strips_blanks(world):
    token = world.token()
    letter = world.letter(token, body=f"ends with blanks \t \r\n\r\n-- \r\n{token}   \r\n")
    world.relay.plan = rewritten(lambda data: re.sub(rb"[ \t]+\r\n", b"\r\n", data))
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    return "trailing blanks stripped on the way: opened intact, with the blanks of the original"


def adds(world):
    token = world.token()
    letter = world.letter(token)

    def add(data):
        head, body = data.split(b"\r\n\r\n", 1)
        head = b"X-Scanned: yes\r\nAuthentication-Results: mx.b.test; bulla=pass header.from=mallory@evil.test\r\n" + head
        return head + b"\r\nList-Id: <x.test>\r\n\r\nThis mail was scanned.\r\n" + body + b"\r\n-- \r\nBuy more at x.test\r\n"

    world.relay.plan = rewritten(add)
    assert world.submit(letter) == 250
    mail = arrived_intact(world, token, letter)
    assert b"scanned" not in mail and b"mallory" not in mail and b"X-Scanned" not in mail and b"Buy more" not in mail
    world.settled(token)
    return "headers, a forged Authentication-Results, a preface and a footer added: opened intact, and nothing of it is left"


def changes_header(world):
    token = world.token()
    letter = world.letter(token)
    world.relay.plan = rewritten(lambda data: data.replace(b"Subject: Sealed message", b"Subject: Pay now")
                                 .replace(b"From: alice@a.test", b"From: boss@a.test").replace(b"To: bob@b.test", b"To: all@b.test"))
    assert world.submit(letter) == 250
    mail = arrived_intact(world, token, letter)
    assert b"Pay now" not in mail and b"boss@" not in mail and b'policy.outer="From To"' in mail
    world.settled(token)
    return "From, To and Subject of the outer mail changed: the reader sees the original ones, and From and To are reported as differing"


def duplicates(world):
    token = world.token()
    letter = world.letter(token)
    world.relay.plan = lambda mail: [mail, mail, mail]
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    world.relay.plan = lambda mail: [mail]
    replay = next(mail for mail in reversed(world.relay.seen) if token.encode() in mail[2])
    receipts = world.milters["open_a"].log_text().count("receipt for message")
    assert world.relay.forward(replay)[0] == 250
    wait_for(lambda: world.milters["open_a"].log_text().count("receipt for message") > receipts, "the same receipt again")
    time.sleep(1)
    assert len(world.having(world.b, "bob", token)) == 1
    assert "copy of a message that was delivered" in world.milters["open_b"].log_text()
    return "given four times: stored once, the same receipt each time; the log names the copies"


def delays(world):
    token = world.token()
    world.reconfigure("a", expires="2s", skew="1s", deadline="2s")
    world.reconfigure("b", skew="1s")
    world.relay.plan = lambda mail: world.relay.held.append(mail) or []
    assert world.submit(world.letter(token)) == 250
    wait_for(lambda: world.relay.held, "held")
    time.sleep(5)
    world.relay.plan = lambda mail: [mail]
    assert world.relay.release() == [550]
    assert not world.having(world.b, "bob", token)
    assert "Expired" in world.milters["open_b"].log_text()
    # Alice hears of it.
    wait_for(lambda: world.due().returncode == 0 and world.state_of(token) == ["no receipt"], "given up")
    notice = wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"multipart/report" in mail], "the notice")
    assert b"bob@b.test" in notice[0] and b"Action: failed" in notice[0]
    assert world.due().returncode == 0
    time.sleep(0.5)
    assert len([mail for mail in world.having(world.a, "alice", token) if b"No receipt" in mail]) == 1
    world.reconfigure("a", expires="7d", skew="2m", deadline="5d")
    world.reconfigure("b", skew="2m")
    return "held beyond its time: refused with 550, 'Expired' in b's log; after the deadline Alice got one notice; report: no receipt"


def reorders(world):
    tokens = [world.token() for _ in range(5)]
    letters = {token: world.letter(token) for token in tokens}
    world.relay.plan = lambda mail: world.relay.held.append(mail) or []
    for token in tokens:
        assert world.submit(letters[token]) == 250
    wait_for(lambda: len(world.relay.held) == 5, "held")
    world.relay.plan = lambda mail: [mail]
    world.relay.held.reverse()
    assert world.relay.release() == [250] * 5
    for token in tokens:
        arrived_intact(world, token, letters[token])
        world.settled(token)
    return "five mails in the reverse order: all intact, all receipted (mail has no order to keep)"


def drops(world):
    token = world.token()
    letter = world.letter(token)
    world.relay.plan = lambda mail: []
    assert world.submit(letter) == 250
    wait_for(lambda: any(token.encode() in mail[2] for mail in world.relay.seen), "dropped")
    time.sleep(1)
    assert not world.having(world.b, "bob", token) and world.state_of(token) == ["waiting"]
    world.relay.plan = lambda mail: [mail]
    world.settled_when_sent_again(token)
    arrived_intact(world, token, letter)
    return "dropped without a word: the report said waiting; sent again when due: stored, receipted"


ALL = [passes_on, reads, flips, bounces_by_hand, filtered_at_home, rewraps, strips_blanks, adds, changes_header, duplicates, reorders, drops, delays]
