"""Two receiving servers behind one guard on a Redis server, and that server away."""

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from scenarios_relay import arrived_intact
from servers import Postfix, USER, free_port, listening, need, own, wait_for
from world import World

SETTINGS = {"lease": "5s"}


class Redis:
    def __init__(self, folder):
        self.port = free_port()
        self.folder = folder / "redis"
        self.folder.mkdir()
        self.start()

    def start(self):
        self.process = subprocess.Popen([need("redis-server", "redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                                         "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"], stdout=subprocess.DEVNULL)
        wait_for(lambda: listening(self.port), "Redis listens")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Fleet(World):
    """Two Postfix servers with a milter each receive for b.test."""

    def begin(self, b_postfix):
        self.redis = Redis(self.folder)
        self.parts.append(self.redis)
        super().begin(b_postfix)
        port = self.ports
        self.conf["b2"] = self.configuration("b2", "b", submit=f"smtp:127.0.0.1:{port['b_submit']}", guard=self.guard())
        self.milters["open_b2"] = self.milter("b2", "open", "open_b2")
        self.b2 = Postfix(self.folder, "b2", {
            "virtual_mailbox_domains": "b.test", "virtual_mailbox_maps": "inline:{ { bob@b.test=bob/ } { carol@b.test=carol/ } }",
            "transport_maps": "inline:{ { bulla-confirm.invalid=bulla-confirm: } }", "bulla-confirm_destination_recipient_limit": "1"},
            [f"127.0.0.1:{port['b2_in']} inet n - n - - smtpd -o smtpd_milters=inet:127.0.0.1:{port['open_b2']}",
             f"bulla-confirm unix - n n - - pipe flags=R user={USER} argv={self.out}/bulla-milter -c {self.conf['b2']} --confirm ${{recipient}}"])
        self.parts.append(self.b2)

    def guard(self):
        return f"redis://127.0.0.1:{self.redis.port}"

    def configuration(self, name, side, **more):
        return super().configuration(name, side, **({"guard": self.guard()} if name == "b" else {}), **more)


def make(folder, out):
    return Fleet(folder, out, SETTINGS)


def both_get_the_same_mail(world):
    tokens = [world.token() for _ in range(30)]
    world.relay.plan = lambda mail: world.relay.held.append(mail) or []
    for token in tokens:
        assert world.submit(world.letter(token)) == 250
    wait_for(lambda: len(world.relay.held) == len(tokens), "held")
    held, world.relay.held[:] = list(world.relay.held), []
    world.relay.plan = lambda mail: [mail]

    def give(mail_and_port):
        mail, port = mail_and_port
        while True:
            code, _ = world.relay.forward(mail, port)
            if code != 451:
                return code
            time.sleep(0.2)

    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(give, [(mail, port) for mail in held for port in (world.ports["b_in"], world.ports["b2_in"])]))
    assert set(codes) == {250}, codes
    for token in tokens:
        world.settled(token)
    time.sleep(1)
    times = [(len(world.having(world.b, "bob", token)), len(world.having(world.b2, "bob", token))) for token in tokens]
    assert all(sum(both) == 1 for both in times), times
    first = sum(both[0] for both in times)
    assert 0 < first < len(tokens), "one of the two got them all: nothing is shown"
    return f"{len(tokens)} mails given to both at once: {first} delivered by one, {len(tokens) - first} by the other, none by both; all receipted"


def one_dies_and_the_other_takes_over(world):
    token = world.token()
    letter = world.letter(token)
    world.relay.plan = lambda mail: world.relay.held.append(mail) or []
    assert world.submit(letter) == 250
    mail = wait_for(lambda: world.relay.held, "held").pop()
    world.relay.plan = lambda mail: [mail]
    # The first server's milter stops in the middle: as if its machine were gone.
    world.milters["open_b"].stop()
    try:
        assert world.relay.forward(mail)[0] == 451
        assert world.relay.forward(mail, world.ports["b2_in"])[0] == 250
        wait_for(lambda: world.having(world.b2, "bob", token), "at the second server")
    finally:
        world.milters["open_b"].start()
    world.settled(token)
    assert world.relay.forward(mail)[0] == 250
    time.sleep(1)
    assert not world.having(world.b, "bob", token)
    return "451 at the first, delivered by the second; the copy at the first, when it is back, is a copy"


def each_gets_one_of_the_recipients(world):
    """A receipt stands for all of a key's addressees, also where no server alone knows of them all."""
    tokens = [world.token() for _ in range(20)]
    world.relay.plan = lambda mail: world.relay.held.append(mail) or []
    for token in tokens:
        assert world.submit(world.letter(token, "bob@b.test>, <carol@b.test"), ["bob@b.test", "carol@b.test"]) == 250
    wait_for(lambda: len(world.relay.held) == len(tokens), "held")
    held, world.relay.held[:] = list(world.relay.held), []
    world.relay.plan = lambda mail: [mail]
    give = lambda mail, user, server: world.relay.forward((mail[0], [f"{user}@b.test"], mail[2]), world.ports[f"{server}_in"])[0]
    one, others = held[0], held[1:]
    assert give(one, "bob", "b") == 250
    wait_for(lambda: world.having(world.b, "bob", tokens[0]) and world.b.queued() == 0, "Bob has it, confirmed")
    time.sleep(1)
    assert world.state_of(tokens[0]) == ["waiting"], "a receipt although Carol has nothing"
    assert give(one, "carol", "b2") == 250
    world.settled(tokens[0])
    # Both at the same instant: one of them is the last, and knows it.
    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(lambda what: give(*what), [(mail, user, server) for mail in others for user, server in (("bob", "b"), ("carol", "b2"))]))
    assert set(codes) == {250}, codes
    for token in tokens[1:]:
        world.settled(token)
    assert all(len(world.having(world.b, "bob", token)) == len(world.having(world.b2, "carol", token)) == 1 for token in tokens)
    return f"{len(tokens)} mails for two, each by a server of his own: no receipt while one is missing, and one after the second, also if both come at once"


def guard_is_away(world):
    token = world.token()
    letter = world.letter(token)
    world.redis.process.send_signal(signal.SIGSTOP)
    assert world.submit(letter) == 250
    wait_for(lambda: "GuardUnavailable" in world.milters["open_b"].log_text(), "b cannot ask its guard", 60)
    assert not world.having(world.b, "bob", token) and world.state_of(token) == ["waiting"]
    world.redis.process.send_signal(signal.SIGCONT)
    arrived_intact(world, token, letter)
    world.settled(token)
    token = world.token()
    letter = world.letter(token)
    world.redis.stop()
    assert world.submit(letter) == 250
    time.sleep(3)
    assert not world.having(world.b, "bob", token)
    world.redis.start()
    arrived_intact(world, token, letter)
    world.settled(token)
    return "silent, and then down: 451 to the relay, nothing delivered; back again: delivered once, receipted"


ALL = [both_get_the_same_mail, each_gets_one_of_the_recipients, one_dies_and_the_other_takes_over, guard_is_away]
