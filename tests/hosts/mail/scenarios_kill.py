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


def milters_killed_under_load(world, count=300):
    rounds = random.Random(7)
    ending = threading.Event()
    kills = {"seal_a": 0, "open_b": 0, "open_a": 0}
    copies = random.Random(8)
    # One in five is given twice.
    world.relay.plan = lambda mail: [mail, mail] if copies.random() < 0.2 else [mail]

    def kill():
        while not ending.is_set():
            time.sleep(0.1 + rounds.random() * 0.7)
            name = rounds.choice(list(kills))
            world.milters[name].kill_worker()
            kills[name] += 1

    def cron():
        while not ending.is_set():
            world.due("a")
            world.due("b")
            time.sleep(1)

    threads = [threading.Thread(target=kill), threading.Thread(target=cron)]
    for thread in threads:
        thread.start()
    letters = {token: world.letter(token) for token in (world.token() for _ in range(count))}
    try:
        with ThreadPoolExecutor(6) as pool:
            again = sum(pool.map(lambda letter: give_until_taken(world, letter), letters.values()))
        time.sleep(5)
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    world.relay.plan = lambda mail: [mail]

    def state():
        """What the report says, with what is due sent again, as cron would."""
        world.due("a")
        world.due("b")
        time.sleep(1)
        report = world.report()
        return {token: report.count(f"<{token}@") for token in letters}, [line for line in report.splitlines() if "-> bob" in line and not line.startswith("delivered")]

    wait_for(lambda: not state()[1], "everything is receipted", 120)
    entries, _ = state()
    wait_for(lambda: world.b.queued() == 0 and world.r.queued() == 0, "the queues are empty", 60)
    boxed = world.b.mails("bob")
    times = {token: sum(f"secret {token}\n".encode() in mail for mail in boxed) for token in letters}
    lost = [token for token, times_there in times.items() if times_there == 0]
    twice = [token for token, times_there in times.items() if times_there > 1]
    assert not lost and not twice, f"lost {lost}, twice {twice}"
    assert all(mail.endswith(letters[token].encode().replace(b"\r\n", b"\n")) for mail in boxed
               for token in letters if f"secret {token}\n".encode() in mail)
    assert set(entries.values()) == {1}, entries
    return (f"{count} mails over 6 connections, {sum(kills.values())} kills ({kills}), {again} times 4xx to the client: "
            "none lost, none twice, every one with a true receipt")


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
