"""Whom a mail may go to is signed, and a receipt stands for all of a key's addressees."""

import base64
import random
import re
import threading
import time

from scenarios_deliver import agent, as_user, configured, stored
from scenarios_relay import arrived_intact
from servers import own, wait_for

SETTINGS = {"lease": "2s"}
BOTH = ["bob@b.test", "carol@b.test"]
LISTS = re.compile(rb"--(=_bulla_\w+)\r?\nContent-Type: application/vnd.bulla.addressees.*?(?=--=_bulla)", re.S)


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


def with_list_of(other, mail):
    return LISTS.sub(lambda _: LISTS.search(other).group(0), mail)


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
    other = held_back(world, world.letter(world.token()), ["carol@b.test", "dave@b.test"])
    stripped = LISTS.sub(b"", mail[2])
    swapped = with_list_of(other[2], mail[2])
    assert stripped != mail[2] and swapped != stripped
    long = base64.b64encode(b"\x00\x00\x00\x00" * 100000 + b"\xff\xff\xff\xff" + b"x" * 1000)
    broken = LISTS.sub(lambda found: found.group(0).split(b"\r\n\r\n")[0] + b"\r\n\r\n" + long + b"\r\n", mail[2])
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


def list_that_is_done(world):
    """A list of which the guard knows that everybody has his mail: of another mail it says nothing."""
    first = world.token()
    done = held_back(world, world.letter(first), BOTH)
    assert world.relay.forward(done)[0] == 250
    world.settled(first)
    for to in (BOTH, ["bob@b.test"]):
        token = world.token()
        letter = world.letter(token)
        mail = held_back(world, letter, to)
        for recipients in (["bob@b.test"], BOTH, ["carol@b.test"]):
            assert world.relay.forward((mail[0], recipients, with_list_of(done[2], mail[2])))[0] == 550, recipients
        world.due("b")
        time.sleep(1)
        assert world.state_of(token) == ["waiting"] and times(world, token) == [0, 0, 0], "a receipt for what nobody has"
        assert world.relay.forward(mail)[0] == 250
        world.settled(token)
        assert times(world, token)[:2] == [1, len(to) - 1]
    # Where the administrator lets strangers have it, their having it says nothing of the addressee.
    world.reconfigure("b", recipients="accept")
    token = world.token()
    mail = held_back(world, world.letter(token), ["bob@b.test"])
    for _ in range(3):
        assert world.relay.forward(to_others(mail, "carol@b.test"))[0] == 250
        wait_for(lambda: times(world, token)[1] == 1 and world.b.queued() == 0, "Carol has it, once")
    world.due("b")
    time.sleep(1)
    assert world.state_of(token) == ["waiting"], "a receipt although Bob has nothing"
    assert world.relay.forward(mail)[0] == 250
    world.settled(token)
    world.reconfigure("b", recipients="reject")
    assert times(world, token) == [1, 1, 0]
    return "the list of a mail that everybody has, put into others: 550, no receipt, and they are delivered afterwards; a stranger's copies: none either"


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
    # Two addresses of one mailbox, and one twice, in one transaction: he has it once.
    main = world.b.folder / "conf/main.cf"
    main.write_text(main.read_text() + "recipient_delimiter = +\n")
    world.b.reload()
    for twice in (("bob+1@b.test", "bob+2@b.test"), ("Bob@b.test", "bob@b.test")):
        world.reconfigure("b", local_part="no-case", delimiter="+")
        token = world.token()
        mail = held_back(world, world.letter(token), ["bob+1@b.test", "bob@b.test"])
        assert world.relay.forward(to_others(mail, *twice))[0] == 250
        wait_for(lambda: times(world, token)[0] > 0, "Bob has it")
        world.settled(token)
        time.sleep(0.5)
        assert times(world, token)[0] == 1, f"delivered {times(world, token)[0]} times"
    world.reconfigure("b", local_part="no-case", delimiter="")
    # What cannot be sent again is not sealed.
    for odd in ('"bob smith"@b.test', '"a,b"@b.test'):
        assert world.submit(world.letter(world.token()), [odd]) == 550, odd
    return "case, quotes and a last dot make no other address, a tag does; local_part and delimiter change that; addresses in quotes: 550 at home"


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
    # That list is complete. Beside another mail, which Fay has yet to get, it is no list, for a copy as little as for what is new.
    other = world.token()
    second = held_back(world, world.letter(other), ["erin@b.test", "fay@b.test"])[2].replace(b"\r\n", b"\n")
    swapped = with_list_of(mail, second)
    assert swapped != second and as_user(erin, swapped).returncode == 77
    assert as_user(erin, second).returncode == 0 and as_user(erin, swapped).returncode == 77
    with configured(world, recipients="quarantine"):
        assert as_user(erin, swapped).returncode == 0
    assert len(list((world.b.folder / "mail/erin/.Quarantine/new").iterdir())) == 1
    # Without a name it would be the key as a whole.
    with configured(world, recipients="accept"):
        assert as_user(agent(world)[:-1] + ["-a", "", agent(world)[-1]], second).returncode == 75
    time.sleep(1)
    assert world.state_of(other) == ["waiting"], "a receipt although Fay has nothing"
    assert as_user(fay, second).returncode == 0
    world.settled(other)
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


ALL = [redirected, list_is_gone_or_another, list_that_is_done, one_of_two_is_dropped, relay_splits_and_milter_dies, addresses_that_are_the_same,
       mailboxes_that_share_a_key, splitting_relay_under_load]
