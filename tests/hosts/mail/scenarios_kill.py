"""kill -9 of the milters at random instants, under load and over a relay that gives copies."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from servers import wait_for

SETTINGS = {"lease": "2s", "resend_first": "3s", "resend_longest": "5s"}


def give_until_taken(world, letter):
    """A client that tries again as long as it is told to. Gives how often it had to."""
    for attempt in range(200):
        try:
            code = world.submit(letter)
        except OSError:
            code = 451
        if code == 250:
            return attempt
        assert code in (421, 451), code
        time.sleep(0.1)
    raise AssertionError("not taken in 200 attempts")


def milters_killed_under_load(world, seed=7, least=200):
    """Mails as long as it takes to have killed each of the milters ten times, and together thirty times."""
    rounds, chances = random.Random(seed), random.Random(seed + 1)
    enough, ending = threading.Event(), threading.Event()
    kills = {"seal_a": 0, "open_b": 0, "open_a": 0}
    letters, again = {}, []
    # What is sent again goes to the relay's server at once: if a killed milter refused it, it would be due ten minutes later.
    world.reconfigure("a", submit=f"smtp:127.0.0.1:{world.ports['r']}")
    # One mail in five is given twice. Of the receipts one in five is given twice, and one in ten is lost.
    world.relay.plan = lambda mail: [mail, mail] if chances.random() < 0.2 else [mail]
    world.back.plan = lambda mail: [[], [mail, mail], [mail, mail]][chances.randrange(3)] if chances.random() < 0.3 else [mail]

    def kill():
        while not ending.is_set():
            time.sleep(0.1 + rounds.random() * 0.7)
            name = rounds.choice(list(kills))
            # A worker that was just killed is not there yet.
            if world.milters[name].children():
                world.milters[name].kill_worker()
                kills[name] += 1
            if min(kills.values()) >= 10 and sum(kills.values()) >= 30 and len(letters) >= least:
                enough.set()

    def cron():
        while not ending.is_set():
            world.due("a")
            world.due("b")
            time.sleep(1)

    def client(number):
        while not enough.is_set():
            token = f"k{number}n{len(letters)}{world.token()}"
            letters[token] = world.letter(token)
            again.append(give_until_taken(world, letters[token]))

    threads = [threading.Thread(target=kill), threading.Thread(target=cron)]
    for thread in threads:
        thread.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(client, range(6)))
        time.sleep(5)
    finally:
        enough.set()
        ending.set()
        for thread in threads:
            thread.join()
    world.relay.plan = world.back.plan = lambda mail: [mail]

    def not_receipted():
        """What the report says, with what is due sent again, as cron would."""
        world.due("a")
        world.due("b")
        time.sleep(1)
        return [line for line in world.report().splitlines() if "-> bob" in line and not line.startswith("delivered")]

    wait_for(lambda: not not_receipted(), "everything is receipted", 180)
    report = world.report()
    # Postfix looks at a mail again after a minute if its last delivery had not quite ended ("skipped, still being delivered").
    wait_for(lambda: world.b.queued() == 0 and world.r.queued() == 0, "the queues are empty", 150)
    boxed = world.b.mails("bob")
    # Once receipted nothing is sent again: a receipt that was not true is a mail that is not there.
    times = {token: [mail for mail in boxed if f"secret {token}\n".encode() in mail] for token in letters}
    lost = [token for token, there in times.items() if len(there) == 0]
    twice = [token for token, there in times.items() if len(there) > 1]
    assert not lost and not twice, f"seed {seed}: lost {lost}, twice {twice}"
    changed = [token for token, there in times.items() if not there[0].endswith(letters[token].encode().replace(b"\r\n", b"\n"))]
    assert not changed, f"seed {seed}: {changed}"
    entries = {token: report.count(f"<{token}@") for token in letters}
    assert set(entries.values()) == {1}, entries
    world.reconfigure("a", submit=f"smtp:127.0.0.1:{world.ports['a_submit']}")
    return (f"seed {seed}: {len(letters)} mails over 6 connections, {sum(kills.values())} kills ({', '.join(f'{name} {count}' for name, count in kills.items())}), "
            f"{sum(again)} times 4xx to the client: none lost, none twice, every one with a receipt, which is true")


def died_before_the_confirmation(world):
    """Postfix has the mail, the milter is dead, and nobody has confirmed: copies must neither be delivered nor be called so."""
    token = world.token()
    letter = world.letter(token)
    conf = world.conf["b"].read_text()
    # The queue's confirmation does not get through, for it asks at the wrong place.
    world.conf["b"].write_text(conf.replace("/control", "/nowhere"))
    try:
        assert world.submit(letter) == 250
        wait_for(lambda: world.having(world.b, "bob", token), "Postfix has delivered it")
        world.milters["open_b"].kill_worker()
        time.sleep(3)  # the reservation of the dead one is over
        wait_for(lambda: "started again" in world.milters["open_b"].log_text(), "started again")
        copy = next(mail for mail in reversed(world.relay.seen) if token.encode() in mail[2])
        assert world.relay.forward(copy)[0] == 451
        assert world.state_of(token) == ["waiting"]
    finally:
        world.conf["b"].write_text(conf)
    world.settled(token)
    assert world.relay.forward(copy)[0] == 250
    time.sleep(1)
    assert len(world.having(world.b, "bob", token)) == 1
    return "the copy hears 451 until the queue's confirmation gets through; then the receipt, which is true; stored once"


ALL = [died_before_the_confirmation, milters_killed_under_load]
