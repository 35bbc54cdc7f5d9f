"""A relay that says whose the mail is and how it is to be delivered: sender, NOTIFY, and fields of the outer header that servers act on."""

import base64
import os
import re
import smtplib
import subprocess
import time

from scenarios_egress import Egress, SETTINGS, passed
from scenarios_strangers import Server
from servers import USER, own, wait_for

SPY = "spy@clear.test"


def make(folder, out):
    world = Egress(folder, out, SETTINGS)
    # The world of the guide's step 3: to some b writes in clear.
    keys = world.folder / "keys-b"
    keys.write_text(keys.read_text() + "@clear.test clear\n")
    world.reconfigure("b")
    return world


def relayed(world, sender=None, change=lambda data: data):
    """What goes to b has this sender, and other bytes; what goes elsewhere is kept by the relay."""
    world.relay.plan = lambda mail: [(mail[0] if sender is None else sender, mail[1], change(mail[2]))] if all(
        one.endswith("@b.test") for one in mail[1]) else []


def receipts_alone(world):
    """On the way back bounces are dropped."""
    world.back.plan = lambda mail: [mail] if b"vnd.bulla.receipt" in mail[2] else []


def bounces(world, token):
    return [mail for mail in world.having(world.a, "alice", token) if b"MAILER-DAEMON@b.test" in mail]


def nothing_for_the_spy(world, token):
    """No mail goes to the relay's own address, and nothing of this one in clear to anybody."""
    wait_for(lambda: world.b.queued() == 0, "b's queue is empty")
    assert not [mail for mail in world.relay.seen if SPY in mail[1]], [mail for mail in world.relay.seen if SPY in mail[1]]
    for mail in world.relay.seen + world.back.seen:
        assert b"barley" not in mail[2] and f"secret {token}".encode() not in mail[2], mail


def submit_to(world, address, **more):
    token = world.token()
    assert world.submit(world.letter(token, address, **more), [address]) == 250
    return token


def caught(world, token):
    return wait_for(lambda: passed(world, token), "on its way")[0]


def fields_that_steer_delivery(world):
    """Bob's mail comes over a local user with a .forward file: local(8) looks at Delivered-To."""
    forward = world.folder / "forward-b" / USER
    forward.write_text("bob@b.test\n")
    own(forward)
    receipts_alone(world)
    to = f"{USER}@b.local.test"
    forged = {"Delivered-To": f"Delivered-To: {to}\r\ndelivered-to: bob@b.test\r\nX-Original-To: {to}\r\n".encode(),
              "Received": b"Received: from x.test by y.test; Sun, 22 Nov 2026 10:00:00 +0000\r\n" * 45}
    for what, fields in forged.items():
        relayed(world, change=lambda data: fields + data)
        token = submit_to(world, "forwarding@b.test")
        mail = wait_for(lambda: world.having(world.b, "bob", token) or "status=bounced" in world.b.log_text(), "delivered, or bounced")
        assert mail is not True, f"{what}: bounced, which the relay drops, and the report says {world.state_of(token)}"
        # What it is delivered to now it says itself; the relays next to us may be read of.
        assert mail[0].lower().count(b"\ndelivered-to:") == 2 and mail[0].count(b"from x.test by y.test") <= 10, mail[0]
        assert b"from relay.test" in mail[0] and (b"by r.test" in mail[0] or what == "Received"), mail[0]
        world.settled(token)
    return "Delivered-To, and 45 Received, that a relay adds cause no bounce where local(8) forwards: delivered, receipted"


def loops_are_found(world):
    """Aliases of a and b point to each other: signed Received lines say so."""
    token = world.token()
    letter = world.letter(token, "loop@a.test").replace("alice@a.test", "stranger@else.test")
    relayed(world)
    assert world.submit(letter, ["loop@a.test"], "stranger@else.test", world.ports["a_in"]) == 250
    wait_for(lambda: "too many hops" in world.a.log_text() + world.b.log_text(), "found", 120)
    wait_for(lambda: world.a.queued() == world.b.queued() == 0, "the queues are empty")
    legs = len(passed(world, token)) + len([mail for mail in world.back.seen if token.encode() in mail[2]])
    assert 2 < legs < 50, legs
    return f"two aliases that point to each other: 'too many hops' after {legs} times over the relay, opened and sealed each time"


def what_a_relay_needs(world):
    """SMTPUTF8: what comes with it, and with a header that needs it, goes to no server that has not got it."""
    server = Server(world.ports["b_in"], set())
    server.converse = lambda read, say: taken.append(listen(read, say))
    taken, main, master = [], world.folder / "b/conf/main.cf", world.folder / "b/conf/master.cf"
    before = main.read_text(), master.read_text()
    main.write_text(before[0].replace("smtputf8_enable = no", "smtputf8_enable = yes").replace(
        "transport_maps = inline:{", f"transport_maps = inline:{{ {{ carol@b.test=old:[127.0.0.1]:{server.port} }}"))
    master.write_text(before[1] + "old unix - - n - - smtp\n")
    world.b.reload()
    try:
        for field, options, code in ((b"", ["SMTPUTF8"], 250), ("X-Note: ü\r\n".encode(), [], 250), ("X-Note: ü\r\n".encode(), ["SMTPUTF8"], 550)):
            world.relay.plan = lambda mail: []
            token = submit_to(world, "carol@b.test")
            mail = caught(world, token)
            with smtplib.SMTP("127.0.0.1", world.ports["b_in"], "relay.test") as smtp:
                smtp.ehlo()
                assert smtp.mail(SPY, options)[0] == smtp.rcpt("carol@b.test")[0] == 250
                assert smtp.data(field + mail[2])[0] == code, (field, options)
            if code == 250:
                wait_for(lambda: any(token.encode() in mail for mail in taken), "delivered")
                world.settled(token)
        # Without it, it is taken later.
        assert world.state_of(token) == ["waiting"] and world.relay.forward(mail)[0] == 250
        wait_for(lambda: any(token.encode() in mail for mail in taken), "delivered")
        world.settled(token)
    finally:
        main.write_text(before[0]), master.write_text(before[1])
        world.b.reload()
        server.stop()
    return "SMTPUTF8, which a field of the relay's makes necessary: 550, for the next server may not have it; either alone: delivered, receipted"


def listen(read, say):
    """A server of old: it takes everything, and gives the mail."""
    mail = b""
    say("220 here")
    while line := read.readline():
        if line[:4].upper() == b"DATA":
            say("354 go on")
            while (line := read.readline()) != b".\r\n":
                mail += line
        say("221 bye" if line[:4].upper() == b"QUIT" else "250 yes")
        if line[:4].upper() == b"QUIT":
            break
    return mail


def sender_of_a_relay(world):
    relayed(world, SPY)
    token = submit_to(world, "gone@b.test")
    wait_for(lambda: bounces(world, token) or [mail for mail in world.relay.seen if SPY in mail[1]], "a bounce")
    nothing_for_the_spy(world, token)
    wait_for(lambda: bounces(world, token), "Alice has the bounce")
    assert b"bulla=pass" in bounces(world, token)[0] and b"barley" in bounces(world, token)[0]
    log = world.milters["open_b"].log_text()
    assert f"the sender was <{SPY}>, and is again <alice@a.test>" in log, log
    return "a mail that cannot be delivered, with the relay's own sender: the bounce is Alice's, and sealed"


def notice_for_a_relay(world):
    world.relay.plan = lambda mail: []
    token = submit_to(world, "bob@b.test")
    with smtplib.SMTP("127.0.0.1", world.ports["b_in"], "relay.test") as smtp:
        smtp.sendmail(SPY, ["bob@b.test"], caught(world, token)[2], mail_options=["RET=FULL", "ENVID=spy"], rcpt_options=["NOTIFY=SUCCESS"])
    notices = lambda: [mail for mail in world.having(world.a, "alice", token) if b"successfully delivered" in mail]
    wait_for(lambda: notices() or [mail for mail in world.relay.seen if SPY in mail[1]], "the notice")
    nothing_for_the_spy(world, token)
    wait_for(notices, "the notice is Alice's")
    assert b"bulla=pass" in notices()[0]
    world.settled(token)
    return "NOTIFY=SUCCESS with the relay's own sender: the notice with the opened header is Alice's, and sealed"


def no_notice_for_anybody(world):
    world.relay.plan = lambda mail: []
    tokens = []
    for options in (["NOTIFY=NEVER"], ["ORCPT=rfc822;gone@b.test", "notify=never"], ["NOTIFY=SUCCESS"], ["NOTIFY=DELAY"], ["NOTIFY=delay,failure"]):
        token = submit_to(world, "gone@b.test")
        with smtplib.SMTP("127.0.0.1", world.ports["b_in"], "relay.test") as smtp:
            smtp.ehlo()
            assert smtp.docmd("MAIL", f"FROM:<{SPY}>")[0] == 250
            assert smtp.docmd("RCPT", "TO:<gone@b.test> " + " ".join(options))[0] == 250
            assert smtp.data(caught(world, token)[2])[0] == 250
        tokens.append(token)
    for token in tokens:
        failed = lambda: [mail for mail in bounces(world, token) if b"\nAction: failed" in mail]
        wait_for(failed, "the bounce is Alice's")
        assert len(failed()) == 1
        nothing_for_the_spy(world, token)
    return "NOTIFY=NEVER, SUCCESS or DELAY of a relay: what cannot be delivered comes back to Alice all the same"


def delivered_from(mail):
    """The sender, as the server that delivers writes it."""
    return re.match(rb"Return-Path: <([^>]*)>", mail).group(1).decode()


def senders_as_they_were(world):
    for sender in (SPY, "", None):
        relayed(world, sender)
        token = submit_to(world, "bob@b.test")
        assert delivered_from(wait_for(lambda: world.having(world.b, "bob", token), "delivered")[0]) == "alice@a.test"
        world.settled(token)
    # A sender who is not the author.
    relayed(world, SPY)
    token = world.token()
    assert world.submit(world.letter(token), ["bob@b.test"], "anna@a.test") == 250
    assert delivered_from(wait_for(lambda: world.having(world.b, "bob", token), "delivered")[0]) == "anna@a.test"
    # The relays know her from MAIL FROM alone.
    parts = [base64.b64decode(part) for part in re.findall(rb"\r\n\r\n([A-Za-z0-9+/=\r\n]{60,}?)\r\n--", caught(world, token)[2])]
    assert len(parts) == 2 and all(b"anna" not in part and b"a.test" not in part for part in parts), parts
    # Bounces have none.
    relayed(world)
    world.back.plan = lambda mail: [(SPY, mail[1], mail[2])]
    token = submit_to(world, "gone@b.test")
    bounce = wait_for(lambda: bounces(world, token), "the bounce")
    assert delivered_from(bounce[0]) == "" and b"bulla=pass" in bounce[0], bounce
    return "a relay's sender, or none, for Alice's, for Anna's who sends Alice's mail, and for a bounce's: each is delivered as it was sealed"


# A library whose mails say something else of their sender, or nothing.
OTHERWISE = r"""
#define _GNU_SOURCE
#include <bulla.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

bulla_status bulla_draft_attribute(bulla_draft *draft, const char *name, const uint8_t *value, size_t length, bulla_error *error)
{
    bulla_status (*real)(bulla_draft *, const char *, const uint8_t *, size_t, bulla_error *) = dlsym(RTLD_NEXT, "bulla_draft_attribute");
    const char *other = getenv("OTHER_SENDER");

    if (strcmp(name, "sender") != 0)
        return real(draft, name, value, length, error);
    return *other == 0 ? BULLA_OK : real(draft, name, (const uint8_t *)other, strlen(other), error);
}
"""


def senders_that_are_none(world):
    (world.folder / "otherwise.c").write_text(OTHERWISE)
    flags = subprocess.run(["pkg-config", "--cflags", "bulla"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(world.folder / "otherwise.so"), str(world.folder / "otherwise.c"), *flags, "-ldl"], check=True)
    milter, relayed_by = world.milters["seal_a"], SPY
    odd = ["", "alice@a.test>\r\nRCPT TO:<spy@clear.test", "alice@a.test, spy@clear.test", "-bs@a.test", "alice", "<alice@a.test>", "a\x01b@a.test"]
    try:
        for sender in odd:
            milter.stop()
            os.environ.update(LD_PRELOAD=str(world.folder / "otherwise.so"), OTHER_SENDER=sender)
            milter.start()
            relayed(world, relayed_by)
            token = submit_to(world, "bob@b.test")
            mail = wait_for(lambda: world.having(world.b, "bob", token), "delivered")
            assert len(mail) == 1 and delivered_from(mail[0]) == "", (sender, mail)
            assert sender == "" or "is no address" in world.milters["open_b"].log_text()
        # Nobody hears of it: better than somebody who must not.
        relayed(world, relayed_by)
        token = submit_to(world, "gone@b.test")
        wait_for(lambda: caught(world, token) and world.b.queued() == 0, "it is dealt with")
        time.sleep(1)
        nothing_for_the_spy(world, token)
        assert not bounces(world, token)
    finally:
        milter.stop()
        os.environ.pop("LD_PRELOAD", None), os.environ.pop("OTHER_SENDER", None)
        milter.start()
    return f"no sender under the signature, or {len(odd) - 1} that are no addresses: delivered with the null sender, and a bounce goes to nobody"


def bounces_of_the_agent(world):
    """What bulla-deliver refuses, its server bounces: to whoever the relay says, but sealed."""
    keys = world.folder / "keys-b"
    before = keys.read_text()
    subprocess.run([str(world.out / "keygen"), str(world.folder / "c.key")], check=True, stdout=(world.folder / "c.pub").open("w"))
    keys.write_text(before + f"@c.test {world.folder}/c.pub\n")
    damage = lambda data: data.replace(data[(at := data.index(b"QlVMTEE") + 900):at + 8], b"AAAAAAAA")
    # Damaged, so never opened; and opened, to find that its author is somebody else's.
    for change, letter in ((damage, lambda mail: mail), (lambda data: data, lambda mail: mail.replace("alice@a.test", "carol@c.test"))):
        relayed(world, SPY, change)
        token = world.token()
        count = len([mail for mail in world.relay.seen if SPY in mail[1]])
        assert world.submit(letter(world.letter(token, "erin@b.test")), ["erin@b.test"]) == 250
        bounce = wait_for(lambda: [mail for mail in world.relay.seen if SPY in mail[1]][count:], "the spy's bounce")[0]
        assert b"application/vnd.bulla.envelope" in bounce[2], bounce
        assert not [word for word in (b"barley", b"Secretname", b"telltale", f"secret {token}".encode()) if word in bounce[2]], bounce
        assert not world.having(world.b, "erin", token)
    keys.write_text(before)
    return "what the agent refuses, before and after it is opened, comes back to the relay as it was: sealed, and no word of it"


ALL = [fields_that_steer_delivery, what_a_relay_needs, loops_are_found, sender_of_a_relay, notice_for_a_relay, no_notice_for_anybody, senders_as_they_were,
       senders_that_are_none, bounces_of_the_agent]
