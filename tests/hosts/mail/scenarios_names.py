"""Who signs for whom, however an address is spelt; what is said in our name before us; and what --check finds."""

import re
import subprocess

from scenarios_deliver import agent, as_user, configured, stored, taken_apart
from scenarios_relay import arrived_intact
from servers import OpenDkim, wait_for
from world import World


def make(folder, out):
    # erin+list@ is Erin, to b's Postfix, too.
    return World(folder, out, b_postfix={"recipient_delimiter": "+"})


def by_erin(token, to="alice@a.test"):
    return (f"From: Erin <erin@b.test>\r\nTo: {to}\r\nSubject: {token}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{token}@b.test>\r\n\r\nfrom Erin {token}\r\n")


def with_table(world, name, change):
    """Changes a key table, and has all read it. Gives what it was."""
    keys = world.folder / f"keys-{name}"
    before = keys.read_text()
    keys.write_text(change(before))
    world.reconfigure(name)
    return keys, before


def restore(world, name, keys, before):
    keys.write_text(before)
    world.reconfigure(name)


def erin_writes(world):
    """She has a key of her own at her mailbox; what she writes, and the receipts of her agent, leave by her server, which seals them."""
    for name in "ab":
        world.reconfigure(name)
    token = world.token()
    assert world.submit(by_erin(token), ["alice@a.test"], "erin@b.test", world.ports["b_submit"]) == 250
    mail = wait_for(lambda: world.having(world.a, "alice", token), "Alice has it")
    assert len(mail) == 1 and b"\n\tbulla=pass header.from=erin@b.test" in mail[0], mail
    wait_for(lambda: world.state_of(token, "b") == ["delivered"], "receipted at b")
    for alone in (False, True):
        # "alone": not even her server signs for her. Her agent's receipts prove themselves all the same.
        keys, before = with_table(world, "a", lambda text: text.replace("erin.pub", "erin.pub alone") if alone else text)
        count = len(world.back.seen)
        token = world.token()
        assert world.submit(world.letter(token, "erin@b.test"), ["erin@b.test"]) == 250
        wait_for(lambda: stored(world, token), "Erin has it")
        world.settled(token)
        receipt = world.back.seen[count][2]
        assert b"From: erin@b.test" in receipt and b"vnd.bulla.envelope" in receipt and b"vnd.bulla.receipt" not in receipt, receipt
        if alone:
            token = world.token()
            assert world.submit(by_erin(token), ["alice@a.test"], "erin@b.test", world.ports["b_submit"]) == 250
            wait_for(lambda: world.state_of(token, "b") == ["rejected"], "b's key does not sign for her")
            assert not world.having(world.a, "alice", token)
        restore(world, "a", keys, before)
    return "mail of hers, sealed by her server: bulla=pass, receipted; her agent's receipts, sealed by it: settled; with \"alone\" in the table " \
           "only the receipts pass"


def authors_spelt_otherwise(world):
    subprocess.run([str(world.out / "keygen"), str(world.folder / "c.key")], check=True, stdout=(world.folder / "c.pub").open("w"))
    keys, before = with_table(world, "b", lambda text: f"alice@a.test {world.folder}/a.pub\n@b.test clear\ncarol@c.test {world.folder}/c.pub\n")
    spelt = ("alice@a.test.", '"alice"@a.test', '"al\\ice"@a.test', "<@x.test:alice@a.test>", "Alice <@x.test,@y.test:\"Alice\"@A.TEST.>", '"alice@a.test"')
    for author in spelt:
        plain = f"From: {author}\r\nTo: bob@b.test\r\nSubject: x\r\n\r\nhello\r\n"
        assert world.submit(plain, sender="stranger@else.test", port=world.ports["b_in"]) == 550, author
    # Sealed and signed by a, in the name of somebody else.
    for author in ('"carol"@c.test', "carol@c.test.", "@x.test:carol@c.test"):
        token = world.token()
        letter = world.letter(token).replace("From: Alice Secretname <alice@a.test>", f"From: Carol <{author}>")
        assert world.submit(letter) == 250
        wait_for(lambda: world.state_of(token) == ["rejected"], f"signed: not {author}")
        assert not world.having(world.b, "bob", token)
    token = world.token()
    assert world.submit(world.letter(token).replace("<alice@a.test>", '<"alice"@A.test.>', 1)) == 250
    wait_for(lambda: b"bulla=pass" in b"".join(world.having(world.b, "bob", token)), "her own key, however she is spelt")
    restore(world, "b", keys, before)
    return f"{len(spelt)} spellings of one who seals: 550 without a seal; of another author under a's signature: rejected; of the author herself: pass"


WRONG = "the signer is not the author that From names"
# No lists of addresses by RFC 5322: what programs read in them is theirs to choose. {0} seals, and the other one does not.
UNREADABLE = ("<{0}> <{1}>", "{0} {1}", "{1} {0}", "<{1}> {0}", "{0} <{1}>", "{1} <{0}>", '" <{0}>', '("<{0}>', "({0}", "<{0},>", "<{1};{0}>", "<{0}",
              "x {0}", '"{0}"', '<"{0}">', "{0}@else.test", "A: {0}", "{0}; {1}", "<{0}\x01>", "Re: A <{0}>", "{1}, <{0}> x", "A <{1}>, {0} \" x",
              "\\{0}", "<@x.test:{0}", "'{0}' <{1}>", "{1},\r\n <{1}>\r\n\t<{0}>")
READABLE = ('"{1}" <{0}>', "A (it is not {1}) <{0}>", "{0} (A)", "=?utf-8?q?A?= <{0}>", "A\r\n\t<{0}>", "A Q. Public <{0}>", "us: {0};", "{0},,", "J\xf6rg <{0}>")


def letter_by(token, author, to="bob@b.test"):
    return (f"From: {author}\r\nTo: {to}\r\nSubject: {token}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{token}@a.test>\r\n\r\nhello\r\n"
            .encode())


def refused_plain(world, author):
    """By the milter and by the agent."""
    code = world.submit(letter_by("x", author), sender="stranger@else.test", port=world.ports["b_in"])
    done = as_user(agent(world), letter_by("x", author, "erin@b.test").replace(b"\r\n", b"\n"))
    assert (code, done.returncode) in ((550, 77), (250, 0)), (author, code, done)
    return code == 550


def unreadable_authors_unsealed(world):
    """Whoever may be read in it must have sealed it."""
    table = f"alice@a.test {world.folder}/a.pub\n@b.test clear\ncarol@b.test clear\n@c.test {world.folder}/b.pub\ncarol@c.test clear\n"
    keys, before = with_table(world, "b", lambda text: table)
    for author in UNREADABLE:
        for spelt in ("alice@a.test", "dave@c.test"):
            assert refused_plain(world, author.format(spelt, "x@else.test")), (author, spelt)
    for author in (*UNREADABLE, *READABLE, "[A] B <{0}>", "<>", "MAILER-DAEMON <>"):
        # Those who have a name in "@" and no domain beside them are ours, as before.
        if author not in ('"{0}"', '<"{0}">'):
            assert not refused_plain(world, author.format("malice@a.test", "x@else.test")), author
    for author in READABLE:
        assert refused_plain(world, author.format("alice@a.test", "x@else.test")), author
    # The line "clear" counts for what the delimiter makes of an author, too.
    for delimiter in ("", "+"):
        world.reconfigure("b", delimiter=delimiter)
        with configured(world, delimiter=delimiter):
            assert [refused_plain(world, f"{name}@c.test") for name in ("carol", "carol+x", "dave")] == [False, not delimiter, True], delimiter
    world.reconfigure("b", delimiter="")
    restore(world, "b", keys, before)
    return f"{len(UNREADABLE)} broken values that name one who seals: 550, and 77 by the agent; nobody who does: stored; carol+x is in clear as carol is"


def unreadable_authors_sealed(world):
    """Signed by a, in a value that others may read as somebody else's."""
    log = world.milters["open_b"].log_text

    def result(mail):
        return re.search(rb"bulla=(\w+)", mail).group(1).decode()

    def by_milter(author):
        token, before = world.token(), log().count(WRONG)
        assert world.submit(letter_by(token, author)) == 250
        # What its author hears of it is another matter: after twenty at once not each rejection has a receipt.
        wait_for(lambda: log().count(WRONG) > before or world.having(world.b, "bob", token), f"decided: {author}")
        mails = world.having(world.b, "bob", token)
        assert len(mails) == (log().count(WRONG) == before), author
        return result(mails[0]) if mails else "rejected"

    def by_agent(author):
        token = world.token()
        world.relay.plan = lambda mail: []
        assert world.submit(letter_by(token, author, "erin@b.test"), ["erin@b.test"]) == 250
        sealed = wait_for(lambda: [mail for mail in world.relay.seen if token.encode() in mail[2]], "on its way")[0][2]
        done = as_user(agent(world), sealed.replace(b"\r\n", b"\n"))
        assert (done.returncode, len(stored(world, token))) in ((77, 0), (0, 1)), (author, done)
        return result(stored(world, token)[0]) if done.returncode == 0 else "rejected"

    subprocess.run([str(world.out / "keygen"), str(world.folder / "c2.key")], check=True, stdout=(world.folder / "c2.pub").open("w"))
    keys, before = with_table(world, "b", lambda text: f"alice@a.test {world.folder}/a.pub\n@b.test clear\ncarol@c.test {world.folder}/c2.pub\n")
    for seen, count in ((by_milter, None), (by_agent, 18)):
        for author in UNREADABLE[:count]:
            assert seen(author.format("carol@c.test", "alice@a.test")) == "rejected", (author, seen)
        for author in UNREADABLE[:4]:
            assert seen(author.format("alice@a.test", "alice@a.test")) == "policy", (author, seen)
        for author in READABLE:
            assert seen(author.format("alice@a.test", "carol@c.test")) == "pass", (author, seen)
    restore(world, "b", keys, before)
    return f"{len(UNREADABLE)} broken values that name another beside the signer: rejected, by the milter and the agent; the signer alone: policy; " \
           f"{len(READABLE)} odd ones that are whole: pass"


def commas_in_quotes(world):
    """Where long lists are folded is between addresses."""
    token = world.token()
    author, to = '"alice,X-Leak: 1"@a.test', 'bob@b.test, "c,X-Leak: 2"@b.test, "d, X: 3"@b.test'
    mail = letter_by(token, author, to)
    assert world.submit(mail) == 250
    boxed = wait_for(lambda: world.having(world.b, "bob", token), "Bob has it")[0]
    assert boxed.endswith(mail.replace(b"\r\n", b"\n").split(b"\nTo:")[1]) and b'policy.outer="same"' in boxed, boxed
    seen = next(mail for mail in world.relay.seen if token.encode() in mail[2])[2].split(b"\r\n\r\n")[0]
    assert b"\r\nX" not in seen and re.sub(rb"\s", b"", to.encode()) in re.sub(rb"\s", b"", seen), seen
    return "a comma in a quoted local part: the outer header has no line of its own making, and Bob has the mail as it was"


def recipients_spelt_otherwise(world):
    keys, before = with_table(world, "a", lambda text: f"erin@b.test {world.folder}/erin.pub\n@b.test clear\n")
    world.reconfigure("a", delimiter="+")
    world.reconfigure("b", delimiter="+")
    for spelt in ('"erin"@b.test', "erin@b.test.", '"er\\in"@b.test', "@x.test:erin@b.test", '"erin+list"@b.test'):
        token = world.token()
        code = world.submit(world.letter(token), [spelt])
        assert code // 100 in (2, 5), (spelt, code)
        if code == 250:
            wait_for(lambda: stored(world, token), f"{spelt} is Erin")
        assert not any(f"secret {token}".encode() in mail[2] for mail in world.relay.seen), f"{spelt}: in clear"
    restore(world, "a", keys, before)
    token = world.token()
    with configured(world, delimiter="+"):
        assert world.submit(world.letter(token, "erin+list@b.test"), ["erin+list@b.test"]) == 250
        mail = wait_for(lambda: stored(world, token), "what follows the delimiter is no other mailbox")
        assert b"bulla=pass" in taken_apart(mail[0])[0]
        world.settled(token)
    assert "left sealed" in world.milters["open_b"].log_text()
    world.reconfigure("a", delimiter="")
    # a does not know of it, and seals to b's key: then b's milter opens it, and its results stand.
    token = world.token()
    with configured(world, plain="accept", results="all", delimiter="+"):
        assert world.submit(world.letter(token, "erin+list@b.test"), ["erin+list@b.test", "bob@b.test"]) == 250
        mail = wait_for(lambda: stored(world, token), "opened by her server")[0]
    assert b"\n\tbulla=pass header.from=alice@a.test" in mail and b"bulla=none" not in mail and b"policy.outer" in mail, mail
    wait_for(lambda: world.having(world.b, "bob", token), "Bob has it, too")
    world.settled(token)
    world.reconfigure("b", delimiter="")
    return "Erin by other spellings, with a domain in clear: sealed, or 550; erin+list is hers where both ends have the delimiter; where a has not, " \
           "b's milter opens it, and what it said stays in her mailbox"


FORGED = 'Authentication-Results: mx.b.test; bulla=pass header.from=boss@b.test\r\n' \
         'Authentication-Results: "mx\\.b.test"; bulla=pass header.from=boss@b.test\r\n' \
         'Authentication-Results: mx.b.test; spf=pass (; bulla=pass header.from=boss@b.test\r\n'
EARLIER = "Authentication-Results: mx.b.test;\r\n\tdkim=pass (2048-bit key; unprotected) header.d=else.test\r\n"
OTHER = "Authentication-Results: other.test; spf=pass\r\n"


def results_of_others_here(world):
    """What another milter of the same server has said stays where the administrator says that there is one."""
    def plain(who, port=None):
        token = world.token()
        letter = f"{FORGED}{EARLIER}{OTHER}From: s@else.test\r\nTo: {who}\r\nSubject: {token}\r\n\r\nhello\r\n"
        assert port is None or world.submit(letter, [who], "s@else.test", port) == 250
        return token, letter.encode().replace(b"\r\n", b"\n")
    for setting in ("none", "others"):
        world.reconfigure("b", results=setting)
        token, _ = plain("bob@b.test", world.ports["b_in"])
        mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
        assert b"boss@" not in mail and mail.count(b"bulla=") == 1 and b"bulla=none" in mail and b"other.test; spf=pass" in mail, mail
        assert (b"dkim=pass" in mail) == (setting == "others"), (setting, mail)
    # What her server's milter says of a mail that is not sealed, or that it opened, her agent keeps.
    with configured(world, results="all", plain="accept"):
        token, _ = plain("erin@b.test", world.ports["b_in"])
        mail = wait_for(lambda: stored(world, token), "Erin has it")[0]
        assert b"boss@" not in mail and mail.count(b"bulla=") == 1 and b"bulla=none" in mail and b"dkim=pass" in mail, mail
        token, raw = plain("erin@b.test")
        said = b"Authentication-Results: mx.b.test;\n\tbulla=pass header.from=alice@a.test\n"
        raw = raw.replace(FORGED.encode().replace(b"\r\n", b"\n"), b"")
        assert as_user(agent(world), said + raw).returncode == 0
        assert stored(world, token)[0].endswith(said + raw) and b"bulla=none" not in stored(world, token)[0], stored(world, token)
        # Nobody has said anything: so the agent does.
        token, raw = plain("erin@b.test")
        raw = raw.replace(FORGED.encode().replace(b"\r\n", b"\n"), b"")
        assert as_user(agent(world), raw).returncode == 0
        assert stored(world, token)[0] == b"Authentication-Results: mx.b.test;\n\tbulla=none\n" + raw
    # What is set aside is not what was said; and by itself the agent believes nobody.
    for changes, kept in (({"results": "all", "plain": "refuse", "refused": "quarantine"}, True), ({"plain": "accept"}, False)):
        with configured(world, **changes):
            token, raw = plain("erin@b.test")
            assert as_user(agent(world), raw).returncode == 0
        box = world.b.folder / "mail/erin" / (".Quarantine/new" if kept else "new")
        mail = next(mail for mail in (path.read_bytes() for path in box.iterdir()) if token.encode() in mail)
        assert b"boss@" not in mail and mail.count(b"bulla=") == 1 and (b"dkim=pass" in mail) == kept and b"bulla=pass" not in mail, mail
    # Inside a sealed mail nobody but its author has written.
    with configured(world, results="all"):
        token = world.token()
        assert world.submit(world.letter(token, "erin@b.test", more=FORGED + EARLIER), ["erin@b.test"]) == 250
        mail = wait_for(lambda: stored(world, token), "stored")[0]
        assert mail.count(b"bulla=") == 1 and b"dkim=pass" not in mail and b"bulla=pass header.from=alice" in mail, mail
    world.reconfigure("b", results="none")
    return "in b's name: bulla goes, however it is spelt; dkim stays with \"others\", at the milter and in what is set aside; the agent behind it " \
           "keeps what it said; of what is inside nothing stays"


VERIFIES = "Mode v\nInternalHosts 192.0.2.1\nAlwaysAddARHeader yes\nAuthservID mx.b.test\nRemoveARFrom mx.b.test\nRemoveARAll yes\n"


def opendkim_before_us(world):
    """As the guide has it: it removes what strangers wrote in our name, and what it says itself stays."""
    master = world.b.folder / "conf/master.cf"
    text, line = master.read_text(), f"smtpd_milters={world.place_of('open_b')}"
    verifier = OpenDkim(world.folder, VERIFIES)
    try:
        assert text.count(line) == 1
        master.write_text(text.replace(line, line.replace("=", f"={verifier.place},")))
        world.b.reload()
        for setting in ("others", "none"):
            world.reconfigure("b", results=setting)
            token = world.token()
            forged = FORGED + EARLIER + "Authentication-Results: mx.b.test; dmarc=pass header.from=else.test\r\n"
            letter = f"{forged}{OTHER}From: s@else.test\r\nTo: bob@b.test\r\nSubject: {token}\r\n\r\nhello\r\n"
            assert world.submit(letter, sender="s@else.test", port=world.ports["b_in"]) == 250
            mail = wait_for(lambda: world.having(world.b, "bob", token), "it is there")[0]
            assert b"boss@" not in mail and b"dmarc" not in mail and b"dkim=pass" not in mail and b"other.test; spf=pass" in mail, mail
            assert mail.count(b"bulla=") == 1 and b"bulla=none" in mail and (b"dkim=none" in mail) == (setting == "others"), (setting, mail)
        # It changes nothing for sealed mail.
        token = world.token()
        letter = world.letter(token)
        assert world.submit(letter) == 250
        arrived_intact(world, token, letter)
        world.settled(token)
    finally:
        master.write_text(text)
        world.b.reload()
        verifier.stop()
    return "OpenDKIM verifies before us under our name: with \"others\" its dkim=none stays, and no dmarc=pass or bulla=pass of a stranger"


def what_check_finds(world):
    def check(*more, without=(), **changes):
        conf = world.folder / "checked.conf"
        lines = [line for line in world.conf["b"].read_text().splitlines() if line.split(" =")[0] not in (*changes, *without)]
        conf.write_text("\n".join(lines + [f"{name} = {value}" for name, value in changes.items()]) + "\n")
        return subprocess.run([str(world.out / "bulla-milter"), "-c", str(conf), "--check", *more], capture_output=True, text=True)

    (world.folder / "a file").write_text("")
    (world.folder / "no-command").write_text("")
    good = world.folder / "state-b"
    bad = [({"receipts_to": "nobody"}, "receipts_to"), ({"receipts_to": "a@b.test, c@b.test"}, "receipts_to"), ({"address": "Bulla <x@b.test>"}, "address"),
           ({"domain": "mx.b.test;"}, "domain"), ({"domain": "mx.b.test."}, "domain"), ({"domain": '"mx.b.test"'}, "domain"),
           ({"confirm": "a b"}, "confirm"), ({"submit": "smtp:localhost"}, "submit"), ({"submit": "smtp::25"}, "submit"),
           ({"submit": "smtp:localhost:99999"}, "submit"), ({"submit": "sendmail"}, "submit"), ({"submit": "/usr/sbin/sendmail -t"}, "submit"),
           ({"submit": "/nowhere/sendmail"}, "submit"), ({"submit": world.folder / "no-command"}, "submit"),
           ({"control": f"{world.folder}/nowhere/control"}, "control"), ({"control": "control"}, "control"), ({"control": f"{good}/{'x' * 120}"}, "control"),
           ({"control": f"{good}/guard.db"}, "control"), ({"socket": "inet:x@127.0.0.1"}, "socket"), ({"socket": "inet:0@127.0.0.1"}, "socket"),
           ({"socket": "unix:/nowhere/seal"}, "socket"), ({"socket": "tcp:25"}, "socket"), ({"role": "both"}, "role"), ({"results": "all"}, "results")]
    for changes, word in bad:
        done = check(**changes)
        assert done.returncode == 78 and word in done.stderr and "all is well" not in done.stdout, (changes, done)
    done = check("--role", "open", without=["control"])
    assert done.returncode == 78 and "control must be given" in done.stderr, done
    done = check("--role", "seal", "--socket", "unix:/nowhere/seal")
    assert done.returncode == 78 and "socket" in done.stderr, done
    done = check("--role", "seal", without=["control"], socket="inet:8891@127.0.0.1", receipts_to="postmaster@b.test", submit="/bin/true")
    assert done.returncode == 0 and done.stdout == "all is well\n", done
    done = check()
    assert done.returncode == 0 and "--role and --socket must be given" in done.stdout, done
    # What would take receipts away in silence is not taken on reload either.
    log = world.milters["seal_a"].log_text
    path = world.folder / "a-seal.conf"
    text = path.read_text()
    path.write_text(text + "receipts_to = nobody\n")
    world.milters["seal_a"].process.send_signal(1)
    wait_for(lambda: "the old configuration stays in use" in log(), "refused")
    path.write_text(text)
    return f"{len(bad) + 2} mistakes in addresses, names, commands, sockets and roles: each named, exit 78; on reload the old configuration stays"


ALL = [erin_writes, authors_spelt_otherwise, recipients_spelt_otherwise, results_of_others_here, opendkim_before_us,
       commas_in_quotes, unreadable_authors_unsealed, unreadable_authors_sealed, what_check_finds]
