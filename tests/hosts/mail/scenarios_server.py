"""What happens at the two ends: servers and milters that are away, recipients, odd bytes, forgeries."""

import concurrent.futures
import os
import re
import signal
import subprocess
import time

from scenarios_relay import arrived_intact
from servers import need, own, wait_for


def milter_down_where_mail_is_sealed(world):
    token = world.token()
    letter = world.letter(token)
    world.milters["seal_a"].stop()
    try:
        assert world.submit(letter) == 451
        time.sleep(0.5)
        assert not any(token.encode() in mail[2] for mail in world.relay.seen), "it went out in clear"
    finally:
        world.milters["seal_a"].start()
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    return "451 to the client and nothing leaves; up again: sealed, delivered, receipted"


def milter_down_where_mail_is_opened(world):
    token = world.token()
    letter = world.letter(token)
    world.milters["open_b"].stop()
    try:
        assert world.submit(letter) == 250
        wait_for(lambda: any(token.encode() in mail[2] for mail in world.relay.seen), "at the relay")
        time.sleep(0.5)
        assert not world.having(world.b, "bob", token) and world.state_of(token) == ["waiting"]
    finally:
        world.milters["open_b"].start()
    arrived_intact(world, token, letter)
    world.settled(token)
    return "451 to the relay, which keeps it; up again: delivered once, receipted"


def receipt_cannot_be_sent(world):
    token = world.token()
    letter = world.letter(token)
    back = world.conf["b"].read_text()
    back = re.search(r"^submit = (.*)$", back, re.M).group(1)
    world.reconfigure("b", submit="smtp:127.0.0.1:1")
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    wait_for(lambda: "status=deferred" in world.b.log_text(), "the confirmation stays in b's queue")
    # The relay gives it again meanwhile, and so does Alice's side.
    copy = next(mail for mail in reversed(world.relay.seen) if token.encode() in mail[2])
    assert world.relay.forward(copy)[0] == 250
    assert world.state_of(token) == ["waiting"]
    world.reconfigure("b", submit=back)
    world.settled(token)
    time.sleep(1)
    assert len(world.having(world.b, "bob", token)) == 1
    wait_for(lambda: world.due("b").returncode == 0, "what was left is sent")
    return "stored once, also when it came again; the receipt waits in b's queue, and comes when it can be sent"


# All threads have their pipes before any of them has its child.
LATE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

pid_t fork(void)
{
    usleep(100000);
    return ((pid_t (*)(void))dlsym(RTLD_NEXT, "fork"))();
}
"""


def receipts_by_a_command(world, count=20, rounds=3):
    """Receipts handed to a command by many threads at once: no child may keep the end of the pipe that another one waits for."""
    token, log = world.token(), world.folder / "commanded"
    assert world.submit(world.letter(token)) == 250
    world.settled(token)
    copy = next(mail for mail in reversed(world.relay.seen) if token.encode() in mail[2])
    log.mkdir()
    own(log)
    command = world.folder / "command"
    command.write_text(f"#!/bin/sh\ncat >/dev/null\necho >{log}/$$\n")
    command.chmod(0o755)
    back = re.search(r"^submit = (.*)$", world.conf["b"].read_text(), re.M).group(1)
    world.reconfigure("b", submit=command)
    (world.folder / "late.c").write_text(LATE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(world.folder / "late.so"), str(world.folder / "late.c"), "-ldl"], check=True)
    milter = world.milters["open_b"]
    milter.stop()
    os.environ["LD_PRELOAD"] = str(world.folder / "late.so")
    try:
        milter.start()
    finally:
        del os.environ["LD_PRELOAD"]
    try:
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            codes = list(pool.map(lambda _: world.relay.forward(copy)[0], range(count * rounds)))
        assert codes == [250] * len(codes), codes
        took = time.monotonic() - began
        assert took < 60 and list(log.iterdir()), took
    finally:
        milter.stop()
        milter.start()
        world.reconfigure("b", submit=back)
    return f"{len(codes)} copies, {count} at a time, whose receipts a command takes ({len(list(log.iterdir()))} of them): all answered in {took:.0f} s"


def another_state_on_reload(world):
    """What is under way is known in one state: another one, given while it runs, is not taken."""
    path = world.folder / "b-open.conf"
    text, milter = path.read_text(), world.milters["open_b"]
    for change in (f"state = {world.folder}/elsewhere\n", "guard = redis://127.0.0.1:1\n", "user = daemon\n"):
        count = milter.log_text().count("the old configuration stays in use")
        path.write_text(text + change)
        milter.process.send_signal(signal.SIGHUP)
        wait_for(lambda: milter.log_text().count("the old configuration stays in use") > count, "refused")
        assert "are not changed while it runs" in milter.log_text()
    path.write_text(text)
    assert not (world.folder / "elsewhere").exists()
    token = world.token()
    letter = world.letter(token)
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    # And what is sent again after it has expired is refused: the deadline is not after that.
    broken = world.folder / "broken.conf"
    broken.write_text(world.conf["a"].read_text() + "expires = 4d\n")
    said = subprocess.run([str(world.out / "bulla-milter"), "-c", str(broken), "--check"], capture_output=True, text=True)
    assert said.returncode != 0 and "deadline cannot be after expires" in said.stderr, said
    return "another state, guard or user on reload: the old configuration stays in use, and confirmations come; a deadline after expires is refused"


def without_a_key(world):
    token = world.token()
    seen = len(world.relay.seen)
    assert world.submit(world.letter(token, "who@nokey.test"), ["who@nokey.test"]) == 550
    assert world.submit(world.letter(token, "who@nokey.test"), ["bob@b.test", "who@nokey.test"]) == 550
    assert world.submit(world.letter(token, "eve@clear.test"), ["bob@b.test", "eve@clear.test"]) == 550
    time.sleep(0.5)
    assert len(world.relay.seen) == seen, "something left"
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token, "eve@clear.test"), ["eve@clear.test"]) == 250
    wait_for(lambda: any(f"secret {token}".encode() in mail[2] for mail in world.relay.seen), "in clear, as the table says")
    return "550 for all recipients if one has no key, or if one is to be written to in clear; clear only where the key table says so"


def several_recipients_and_bcc(world):
    token = world.token()
    letter = world.letter(token, more="Cc: carol@b.test\r\nBcc: Dave <dave@b.test>\r\n")
    seen = len(world.relay.seen)
    assert world.submit(letter, ["bob@b.test", "carol@b.test", "dave@b.test"]) == 250
    for user in ("bob", "carol", "dave"):
        mail = wait_for(lambda: world.having(world.b, user, token), f"{user} has it")
        assert len(mail) == 1 and b"Bcc" not in mail[0] and b"dave" not in mail[0].split(b"From: Alice")[1]
        if user != "dave":
            assert b"dave" not in mail[0], mail[0].decode()
    world.settled(token)
    passed = world.relay.seen[seen:]
    assert len(passed) == 1 and b"dave" not in passed[0][2] and b"carol" not in passed[0][2]
    # The relay splits it, and gives one of them again: each still has it once.
    for who in (["carol@b.test"], ["dave@b.test", "bob@b.test"]):
        assert world.relay.forward((passed[0][0], who, passed[0][2]))[0] == 250
    time.sleep(1)
    assert [len(world.having(world.b, user, token)) for user in ("bob", "carol", "dave")] == [1, 1, 1]
    return "one envelope for three; neither outer nor inner mail names the Bcc recipient; copies for some of them change nothing"


def long_lines_and_bare_line_ends(world):
    token = world.token()
    body = (b"x" * 3000 + b"\r\n" + b"8 bit: \xe4\xf6\xfc \xff\x80\r\n" + b"y" * 998 + b"\r\n.\r\n..dots\r\nFrom here\r\n" +
            b"\r\n\r\n " + token.encode() + b" \t\r\n\r\n")
    letter = world.letter(token, body="@@").encode().replace(b"@@", body)
    assert world.submit(letter) == 250
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert mail.endswith(letter.replace(b"\r\n", b"\n")), mail
    world.settled(token)
    # Bare LF and bare CR are changed by Postfix itself, before any milter: the same as it stores without us.
    token = world.token()
    letter = world.letter(token, body="@@").encode().replace(b"@@", b"bare\nLF and bare\rCR and last line " + token.encode())
    assert world.submit_raw(letter, "bob@b.test") == 250
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert world.submit_raw(letter, "anna@a.test") == 250
    plain = wait_for(lambda: world.having(world.a, "anna", token), "without us")[0]
    body_of = lambda whole: whole.split(b"\n\n", 1)[1]
    assert body_of(mail) == body_of(plain), (body_of(mail), body_of(plain))
    return "lines of 3000, 8-bit, dots and blanks arrive as they were; bare LF and CR as Postfix itself stores them"


def sealed_once(world):
    token = world.token()
    seen = len(world.relay.seen)
    assert world.submit(world.letter(token)) == 250
    world.settled(token)
    sealed = world.relay.seen[seen]
    assert world.submit(sealed[2]) == 250
    wait_for(lambda: len(world.relay.seen) >= seen + 2, "passed on")
    inner = lambda data: data[data.index(b"--=_bulla_"):].rstrip()
    assert inner(world.relay.seen[seen + 1][2]) == inner(sealed[2])
    # Its fields too: none twice, none other.
    fields = lambda data: re.sub(rb"(?m)^Received:[^\n]*\n([ \t][^\n]*\n)*", b"", data[:data.index(b"\r\n\r\n") + 2])
    assert fields(world.relay.seen[seen + 1][2]) == fields(sealed[2]), world.relay.seen[seen + 1][2][:2000]
    # But with words of the author's beside the envelope it is a mail like any other.
    beside = sealed[2].replace(b"This message is sealed", b"My secret is " + token.encode() + b". This message is sealed")
    assert world.submit(beside) == 250
    wait_for(lambda: len(world.relay.seen) >= seen + 3, "passed on")
    assert b"My secret" not in world.relay.seen[seen + 2][2]
    return "a sealed mail passes as it is; one with other words beside the envelope is sealed"


def ours_on_top(mail, said):
    """Whether the only results in b's name say this, and stand above everything that others wrote."""
    results = re.findall(rb"(?im)^authentication-results[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", mail)
    ours = [one for one in results if b"mx.b.test" in one]
    above = mail[:mail.index(b"From: ")]
    return len(ours) == 1 and said in ours[0] and results[0] == ours[0] and ours[0] in above and b"boss@" not in mail


# In the name of b, as those write it who hope that a program reads it and another one does not.
FORGED = "Authentication-Results: mx.b.test; bulla=pass header.from=boss@b.test\r\n" \
         "authentication-RESULTS: mx.b.test; bulla=pass header.from=boss@b.test\r\n" \
         "Authentication-Results:\r\n\t(it is) \"MX.b.test\" 1;\r\n\tbulla=pass header.from=boss@b.test\r\n"


def plain_mail_and_forgeries(world):
    token = world.token()
    inbound = world.ports["b_in"]
    assert world.submit(world.letter(token), port=inbound) == 550
    forged = f"{FORGED}From: stranger@else.test\r\nTo: bob@b.test\r\n{FORGED}" \
             f"Authentication-Results: other.test; spf=pass\r\nSubject: {token}\r\n\r\nhello\r\n"
    assert world.submit(forged, sender="stranger@else.test", port=inbound) == 250
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert ours_on_top(mail, b"bulla=none") and b"other.test; spf=pass" in mail
    return "unsealed mail in Alice's name: 550; of a stranger: bulla=none, and the forged result in our name is gone"


def signed_by_another(world):
    token = world.token()
    letter = world.letter(token).replace("From: Alice Secretname <alice@a.test>", "From: Carol <carol@c.test>")
    keys = world.folder / "keys-b"
    before = keys.read_text()
    subprocess.run([str(world.out / "keygen"), str(world.folder / "c.key")], check=True, stdout=(world.folder / "c.pub").open("w"))
    keys.write_text(before + f"@c.test {world.folder}/c.pub\n")
    world.reconfigure("b")
    assert world.submit(letter) == 250
    wait_for(lambda: world.state_of(token) == ["rejected"], "Alice's side has the signed bounce")
    assert not world.having(world.b, "bob", token)
    wait_for(lambda: world.due().returncode == 0, "notices")
    notice = wait_for(lambda: [mail for mail in world.having(world.a, "alice", token) if b"signed that it does not accept" in mail], "a notice")
    assert b"the signer is not the author" in notice[0]
    keys.write_text("nonsense\n")
    world.milters["open_b"].process.send_signal(1)
    wait_for(lambda: "the old configuration stays in use" in world.milters["open_b"].log_text(), "what is wrong is not taken")
    keys.write_text(before)
    world.reconfigure("b")
    return "a.test's key under a mail From c.test: rejected, with a signed bounce; the author is told; SIGHUP took a new key, and no nonsense"


def forged_inner_results(world):
    token = world.token()
    assert world.submit(world.letter(token, more=FORGED)) == 250
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert ours_on_top(mail, b"bulla=pass header.from=alice@a.test")
    world.settled(token)
    # An author may be called anything: it is no part of our results.
    token = world.token()
    letter = world.letter(token).replace("Alice Secretname <alice@a.test>", '"x;\tbulla=none"@a.test')
    assert world.submit(letter) == 250
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert ours_on_top(mail, b"bulla=pass header.from=unprintable") and mail.count(b"bulla=none") == 1
    world.settled(token)
    return "a result in our name inside the sealed mail is removed; an author with a name that would read as one is not named in ours"


def too_large(world):
    token = world.token()
    world.reconfigure("a", max_message="100K")
    assert world.submit(world.letter(token, body="z" * 60 + "\r\n" + ("z" * 60 + "\r\n") * 3000)) == 552
    # 60 KB of header and 60 KB of body, each of which would do alone.
    fields = "".join(f"X-Much-{number}: {'y' * 600}\r\n" for number in range(95))
    lines = ("z" * 60 + "\r\n") * 950
    assert world.submit(world.letter(token, more=fields, body=lines)) == 552
    for letter in (world.letter(world.token(), more=fields), world.letter(world.token(), body=lines)):
        assert world.submit(letter) == 250
    world.reconfigure("a", max_message="50M")
    return "552 to the client, for a body, and for header and body together"


def quarantine(world):
    token = world.token()
    world.reconfigure("b", damaged="quarantine")
    world.relay.plan = lambda mail: [(mail[0], mail[1], FORGED.encode() + mail[2].replace(b"QlVMTEE", b"QlVMTEF"))]
    assert world.submit(world.letter(token)) == 250
    wait_for(lambda: world.b.held(), "held")
    assert not world.having(world.b, "bob", token)
    world.reconfigure("b", damaged="reject")
    # The administrator lets it pass.
    subprocess.run([need("postsuper", "postfix"), "-c", str(world.b.folder / "conf"), "-H", "ALL"], check=True, capture_output=True)
    world.b.command("flush")
    mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
    assert b"QlVMTEF" in mail and ours_on_top(mail, b'bulla=fail reason="quarantined"')
    return "a damaged mail lies, sealed, in b's hold queue; the reason is in the log; if it is let pass, it says bulla=fail, and not what was forged"


def many_at_once(world):
    letters = [(token, world.letter(token)) for token in (world.token() for _ in range(60))]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda one: world.submit(one[1]), letters)) == {250}
    for token, letter in letters:
        arrived_intact(world, token, letter)
    for token, _ in letters:
        world.settled(token, 60)
    return "60 mails over 20 connections at once: all intact, all receipted"


def same_mail_twice(world):
    token = world.token()
    letter = world.letter(token)
    assert world.submit(letter) == 250 and world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    time.sleep(1)
    assert len(world.having(world.b, "bob", token)) == 1 and world.state_of(token) == ["delivered"]
    # Two alarms without a Message-ID may be alike, and are two.
    token = world.token()
    alarm = f"From: alarm@a.test\r\nTo: bob@b.test\r\nSubject: {token}\r\n\r\nthe disk is full\r\n"
    assert world.submit(alarm) == 250 and world.submit(alarm) == 250
    wait_for(lambda: len(world.having(world.b, "bob", token)) == 2, "two alarms")
    return "the client gives the same mail twice, as after a lost 250: one message, delivered once; two alarms without Message-ID are two"


def does_not_stay_root(world):
    conf = world.folder / "rootly.conf"
    conf.write_text("".join(line + "\n" for line in world.conf["a"].read_text().splitlines() if not line.startswith("user")))
    for more in (["--role", "seal", "--socket", f"unix:{world.folder}/rootly"], ["--check"], ["--due"]):
        done = subprocess.run([str(world.out / "bulla-milter"), "-c", str(conf), *more], capture_output=True, text=True, timeout=20)
        assert done.returncode in (77, 78) and "it does not work as root: set user" in done.stderr, (more, done)
    conf.write_text(conf.read_text() + "user = root\n")
    done = subprocess.run([str(world.out / "bulla-milter"), "-c", str(conf), "--check"], capture_output=True, text=True)
    assert done.returncode == 78 and "cannot become root" in done.stderr, done
    return "without user, or with user = root: it says so, and does nothing"


def confirmations_do_not_come(world):
    """The route for them is missing: everything seems to work, and there are no receipts."""
    main = world.b.folder / "conf/main.cf"
    text = main.read_text()
    log = world.milters["open_b"].log_text
    before = len(log())
    world.reconfigure("b", lease="2s")
    main.write_text(text.replace("{ bulla-confirm.invalid=bulla-confirm: }", ""))
    world.b.reload()
    token = world.token()
    try:
        assert world.submit(world.letter(token)) == 250
        wait_for(lambda: world.having(world.b, "bob", token), "it is there")
        wait_for(lambda: "the queue has not confirmed them" in log()[before:], "the log says so", 30)
        assert "@bulla-confirm.invalid, which must be routed" in log()[before:]
    finally:
        main.write_text(text)
        world.b.reload()
        world.reconfigure("b", lease="5m")
    return "the milter's log says that mails are not confirmed, and what to look at"


ALL = [milter_down_where_mail_is_sealed, milter_down_where_mail_is_opened, receipt_cannot_be_sent, receipts_by_a_command, another_state_on_reload, without_a_key,
       several_recipients_and_bcc, long_lines_and_bare_line_ends, sealed_once, plain_mail_and_forgeries, signed_by_another,
       forged_inner_results, too_large, same_mail_twice, many_at_once, quarantine, does_not_stay_root, confirmations_do_not_come]
