"""What a bad relay can do to receipts, on their way back, and what the sender's side then says."""

import os
import subprocess
import time

from scenarios_relay import arrived_intact, base64_of
from servers import wait_for


def kept_back(world, token, letter):
    """Sends a mail whose receipt the relay keeps. Gives the receipt."""
    before = len(world.back.seen)
    world.back.plan = lambda mail: []
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    receipt = wait_for(lambda: world.back.seen[before:], "the receipt is on its way")[0]
    assert b"application/vnd.bulla.receipt" in receipt[2]
    return receipt


def boxed_once(world, token):
    assert len(world.having(world.b, "bob", token)) == 1


def receipts_dropped(world):
    token = world.token()
    letter = world.letter(token)
    kept_back(world, token, letter)
    time.sleep(1)
    assert world.state_of(token) == ["waiting"]
    # Sent again, with the receipt lost again; and once more.
    world.send_again(token)
    time.sleep(1)
    assert world.state_of(token) == ["waiting"]
    world.back.plan = lambda mail: [mail]
    world.settled_when_sent_again(token)
    boxed_once(world, token)
    return "two receipts dropped: the report said waiting, the mail was sent again, Bob has it once; the third receipt settled it"


def receipts_duplicated(world):
    token = world.token()
    letter = world.letter(token)
    world.back.plan = lambda mail: [mail, mail, mail]
    assert world.submit(letter) == 250
    arrived_intact(world, token, letter)
    world.settled(token)
    wait_for(lambda: world.milters["open_a"].log_text().count("settled, as before") >= 2, "the copies are seen as copies")
    boxed_once(world, token)
    return "given three times: settled once, the copies change nothing"


def receipts_changed(world):
    token = world.token()
    letter = world.letter(token)
    receipt = kept_back(world, token, letter)
    begin, end = base64_of(receipt[2].replace(b"vnd.bulla.receipt", b"vnd.bulla.envelope"))
    begin, end = begin - 1, end - 1  # the other word is longer by one
    answers = []
    for at in range(begin, end, max(1, (end - begin) // 12)):
        data = bytearray(receipt[2])
        if data[at:at + 1] in (b"\r", b"\n", b"="):
            continue
        data[at] = ord("A") if data[at] != ord("A") else ord("B")
        answers.append(world.back.forward((receipt[0], receipt[1], bytes(data)))[0])
        assert world.state_of(token) == ["waiting"], at
    # A whole one cut off in the middle, and an empty one.
    for cut in (begin, (begin + end) // 2):
        answers.append(world.back.forward((receipt[0], receipt[1], receipt[2][:cut] + receipt[2][end:]))[0])
        assert world.state_of(token) == ["waiting"], cut
    assert len(answers) > 10 and set(answers) <= {550, 250}, answers
    assert world.back.forward(receipt)[0] == 250
    world.settled(token)
    boxed_once(world, token)
    return f"{len(answers)} changed or cut receipts ({answers.count(550)} times 550): the report said waiting after each; the true one settled it"


def receipts_of_other_messages(world):
    first, second = world.token(), world.token()
    letters = {token: world.letter(token) for token in (first, second)}
    receipt = kept_back(world, first, letters[first])
    other = kept_back(world, second, letters[second])
    # The receipt of one, under the name of the other.
    said = receipt[2].replace(first.encode(), second.encode())
    assert world.back.forward((other[0], other[1], said))[0] == 250
    world.settled(first)
    assert world.state_of(second) == ["waiting"]
    assert world.back.forward(receipt)[0] == 250
    assert world.state_of(second) == ["waiting"]
    world.back.plan = lambda mail: [mail]
    world.settled_when_sent_again(second)
    return "the receipt of another mail settles that other mail, however it comes, and nothing else"


def proof(world, *about):
    done = subprocess.run([str(world.out / "bulla-milter"), "-c", str(world.conf["a"]), "--proof", *about], capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def proofs_for_third_parties(world):
    bulla = os.environ["BULLA_BIN"]
    token, identity = world.token(), str(world.folder / "b.pub")
    receipt = kept_back(world, token, world.letter(token))
    code, out, said = proof(world, f"<{token}@a.test>")
    assert (code, out) == (1, b"") and "no receipt of it has come" in said, (code, out, said)
    world.back.forward(receipt)
    world.settled(token)
    # The angle brackets are not needed. Whoever gets the proof needs no key.
    for id in (f"<{token}@a.test>", f"{token}@a.test"):
        code, out, said = proof(world, id)
        assert code == 0 and out.startswith(b"-----BEGIN BULLA RECEIPT PROOF-----"), (code, out, said)
        checked = subprocess.run([bulla, "evidence", "check", "--from", identity], input=out, capture_output=True)
        assert checked.returncode == 0 and b"delivered" in checked.stderr, checked
    other = subprocess.run([bulla, "evidence", "check", "--from", str(world.folder / "a.pub")], input=out, capture_output=True)
    assert other.returncode == 3, other
    assert proof(world, f"{token}@a.tes")[0] == proof(world, "")[0] == proof(world, f"{token}@a.test", "--to", "carol@b.test")[0] == 1
    # To two keys: each has given one.
    world.back.plan = lambda mail: [mail]
    token = world.token()
    box = world.b.folder / "mail/erin"
    assert world.submit(world.letter(token), ["bob@b.test", "erin@b.test"]) == 250
    wait_for(lambda: [world.due("a"), world.state_of(token)][1] == ["delivered"] * 2, f"both receipted, by Bob's server and in {box}")
    code, out, said = proof(world, f"{token}@a.test")
    assert (code, out) == (1, b"") and "--to ADDRESS" in said, said
    for address, identity in (("bob@b.test", "b.pub"), ("Erin@b.test", "erin.pub")):
        code, out, said = proof(world, f"{token}@a.test", "--to", address)
        checked = subprocess.run([bulla, "evidence", "check", "--from", str(world.folder / identity)], input=out, capture_output=True)
        assert code == 0 and checked.returncode == 0, (address, said, checked)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(world.out / "bulla-milter"), "-c", str(world.conf["a"]), "--proof", f"{token}@a.test", "--to", "bob@b.test"],
                              stdout=full)
    assert done.returncode == 75
    # Nothing that is printed steers a terminal.
    token = world.token()
    odd = world.letter(token).replace(f"<{token}@a.test>", f"<{token}\x1b[31m\x07@a.test>")
    assert world.submit(odd) == 250
    assert f"<{token}?[31m?@a.test>" in world.report() and "\x1b" not in world.report()
    # The next one keeps back another mail's receipt.
    wait_for(lambda: [line for line in world.report().splitlines() if f"<{token}?" in line and line.startswith("delivered")], "receipted")
    return "the proof of a receipt, from the outbox by Message-ID: the command line accepts it without a key, by the right signer; of two keys, whose is asked"


def proofs_of_one_message_id(world):
    """Anna gives her mail the Message-ID of Alice's: nobody takes the proof of one for that of the other."""
    token = world.token()
    id, letter = f"{token}@a.test", world.letter(token)
    receipt = kept_back(world, token, letter)
    time.sleep(1)
    world.back.plan = lambda mail: [mail]
    assert world.submit(letter.replace("Alice Secretname <alice@", "Anna <anna@"), sender="anna@a.test") == 250
    wait_for(lambda: sorted(world.state_of(token)) == ["delivered", "waiting"], "Anna's is receipted")

    def asked(*about):
        """What it says of all those that have this Message-ID: the number of each, by author."""
        code, out, said = proof(world, *about)
        lines = [line.split() for line in said.splitlines() if line.startswith("    ")]
        assert (code, out, len(lines)) == (1, b"", 2) and "several messages" in said and "--from ADDRESS" in said, (code, out, said)
        return {line[3]: line[0] for line in lines}
    for about in ([id], [f"<{id}>"], [id, "--to", "bob@b.test"]):
        numbers = asked(*about)
        assert set(numbers) == {"alice@a.test", "anna@a.test"}, numbers
    code, anna, said = proof(world, id, "--from", "Anna@a.test")
    assert code == 0 and anna.startswith(b"-----BEGIN BULLA RECEIPT PROOF-----"), said
    assert proof(world, numbers["anna@a.test"]) == (0, anna, "")
    for about in ([id, "--from", "alice@a.test"], [numbers["alice@a.test"]]):
        code, out, said = proof(world, *about)
        assert (code, out) == (1, b"") and "no receipt of it has come" in said, said
    world.back.forward(receipt)
    world.settled(token)
    asked(id)
    asked(id, "--to", "bob@b.test")
    code, alice, said = proof(world, id, "--from", "alice@a.test", "--to", "bob@b.test")
    assert code == 0 and alice != anna and proof(world, numbers["alice@a.test"]) == (0, alice, ""), said
    return "another author's mail under the same Message-ID: both are listed, and none is proven until one is named, by author or by number"


ALL = [receipts_dropped, receipts_duplicated, receipts_changed, receipts_of_other_messages, proofs_for_third_parties, proofs_of_one_message_id]
