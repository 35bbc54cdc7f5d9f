"""Looks for keys in what wipe_stack.c kept of the stack:   wipe_stack.py FOLDER

AES-256 schedules are known by their form. All other keys of an envelope are computed here anew, from the key files and the header:
seed, Ed25519 scalar and prefix, X25519 key and result, the secrets of the KEM and of HPKE, stanza key, content key. With the standard
library alone (RFC 5869, 7748, 8032, 9180, FIPS 197).
"""
import base64, hashlib, hmac, pathlib, sys

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493

# ---- AES-256 (FIPS 197) -----------------------------------------------------------------------------------


def double(byte):
    return byte << 1 ^ (0x11B if byte & 0x80 else 0)


def substitutions():
    power, table = 1, [0x63] * 256
    powers = [power := power if not i else double(power) ^ power for i in range(255)]  # of 3, which generates all
    for i, byte in enumerate(powers):
        inverse = powers[-i % 255]
        for turn in range(5):
            table[byte] ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
    return bytes(table)


SUBSTITUTION = substitutions()


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def schedule(key):
    """The 60 words, as 240 bytes."""
    words, constant = [key[i:i + 4] for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = xor((word[1:] + word[:1]).translate(SUBSTITUTION), bytes([constant, 0, 0, 0]))
            constant = double(constant)
        elif i % 8 == 4:
            word = word.translate(SUBSTITUTION)
        words.append(xor(words[-8], word))
    return b"".join(words)


def encrypt_block(key, block):
    rounds = [schedule(key)[i:i + 16] for i in range(0, 240, 16)]
    state = xor(block, rounds[0])
    for number, round_key in enumerate(rounds[1:], 1):
        state = bytes(SUBSTITUTION[state[i * 5 % 16]] for i in range(16))  # with the rows shifted
        if number < 14:
            mixed = []
            for column in range(0, 16, 4):
                c = state[column:column + 4]
                mixed += [double(c[i]) ^ double(c[(i + 1) % 4]) ^ c[(i + 1) % 4] ^ c[(i + 2) % 4] ^ c[(i + 3) % 4] for i in range(4)]
            state = bytes(mixed)
        state = xor(state, round_key)
    return state


def schedules(memory):
    """The key of each whole schedule in it."""
    found = []
    for at in range(0, len(memory) - 239, 4):
        # The ninth word, before all others are computed.
        last = memory[at + 28:at + 32]
        if any(last) and memory[at + 32] == memory[at] ^ SUBSTITUTION[last[1]] ^ 1 \
                and memory[at:at + 240] == schedule(memory[at:at + 32]):
            found.append(memory[at:at + 32])
    return found


# ---- what else an envelope is made with -------------------------------------------------------------------


def x25519(scalar, point):
    """Montgomery's ladder (RFC 7748 section 5)."""
    k, u = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 | 1 << 254, int.from_bytes(point, "little") % 2**255
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in reversed(range(255)):
        if swap := k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        x3, z3, x2, e = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P, aa * bb % P, aa - bb
        z2 = e * (aa + 121665 * e) % P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, P) % P).to_bytes(32, "little")


def extract(salt, suite, label, key):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + key, "sha256")


def expand(key, suite, label, info, length):
    return hmac.digest(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\1", "sha256")[:length]


def read_keys(path):
    """Seed and encryption key of a key file with one key (spec/identity.md section 3)."""
    data = base64.b64decode(b"".join(path.read_bytes().split(b"\n")[1:-2]))
    assert data.startswith(b"BULLAKEY\1\0") and len(data) == 10 + 32 + 1 + 45 + 16
    return data[10:42], data[-48:-16]


def secrets_of_person(name, seed, key):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ~7 & (1 << 255) - 1 | 1 << 254
    return {
        f"{name}: seed": seed,
        f"{name}: decryption key": key,
        # Without the bytes that clamping changes.
        f"{name}: decryption key, clamped": key[1:31],
        f"{name}: scalar": digest[1:31],
        f"{name}: scalar, reduced": (scalar % L).to_bytes(32, "little"),
        f"{name}: prefix of signatures": digest[32:],
    }


def secrets_of_envelope(name, envelope, reader, key):
    """spec/envelope.md section 3, for an envelope with one recipient."""
    nonce, enc, stanza = envelope[8:24], envelope[24:56], envelope[58:106]
    assert envelope[:7] == b"BULLA\1\1" and envelope[56:58] == b"\0\1"
    kem, suite = b"KEM\0\x20", b"HPKE\0\x20\0\1\0\2"
    result = x25519(key, enc)
    extracted = extract(b"", kem, b"eae_prk", result)
    shared = expand(extracted, kem, b"shared_secret", enc + x25519(key, (9).to_bytes(32, "little")), 32)
    hashes = extract(b"", suite, b"psk_id_hash", b""), extract(b"", suite, b"info_hash", b"bulla/1 stanza\0" + nonce + reader)
    secret = extract(shared, suite, b"secret", b"")
    stanza_key = expand(secret, suite, b"key", b"\0" + b"".join(hashes), 32)
    base_nonce = expand(secret, suite, b"base_nonce", b"\0" + b"".join(hashes), 12)
    # GCM begins to count at 2.
    stream = b"".join(encrypt_block(stanza_key, base_nonce + count.to_bytes(4, "big")) for count in (2, 3))
    return {
        f"{name}: result of X25519": result,
        f"{name}: extracted secret of the KEM": extracted,
        f"{name}: shared secret of the KEM": shared,
        f"{name}: secret of HPKE": secret,
        f"{name}: stanza key": stanza_key,
        f"{name}: content key": xor(stanza[:32], stream),
    }


def wiped(folder):
    secrets = {}
    for path in sorted(folder.glob("*.key")):
        secrets |= secrets_of_person(path.stem, *read_keys(path))
    reader, (_, key) = (folder / "bob.public").read_bytes(), read_keys(folder / "bob.key")
    for path in sorted(folder.glob("*.envelope")):
        secrets |= secrets_of_envelope(path.stem, path.read_bytes(), reader, key)

    # Controls: what is in use is seen in the heap, and is what was computed.
    example = encrypt_block(bytes(range(32)), bytes(range(0, 256, 17)))
    assert example.hex() == "8ea2b7ca516745bfeafc49904b496089", "the AES here is not that of FIPS 197"
    for name in "sealing", "opening":
        used = set(schedules((folder / f"{name}.heap").read_bytes()))
        assert used, f"{name}: no AES-256 schedule in the heap: this test knows those of processors with instructions for AES"
        secrets |= {f"{name} in pieces: body key {number}": body_key for number, body_key in enumerate(used)}
    heap = (folder / "opening.heap").read_bytes()
    for name in "content key", "shared secret of the KEM":
        assert secrets[f"pieces: {name}"] in heap, f"{name}: not in the heap while it is in use, so it is not what was computed here"

    stacks = sorted(folder.glob("*.stack"))
    assert len(stacks) >= 25, f"only {len(stacks)} calls were looked at"
    found = 0
    for path in stacks:
        memory = path.read_bytes()
        assert any(memory), f"{path.stem}: nothing was kept of the stack"
        whole = schedules(memory)
        left = [f"AES-256 schedules: {len(whole)}"] if whole else []
        for name, secret in secrets.items():
            # Half of a key is too much.
            if any(half in memory for half in (secret[:16], secret[-16:])):
                left.append(name)
        found += len(left)
        for what in left:
            print(f"after call {path.stem} the stack has {what}", file=sys.stderr)
    print(f"wiping the stack: {len(stacks)} calls, {len(secrets)} secrets, {found} found")
    return found == 0


if __name__ == "__main__":
    sys.exit(not wiped(pathlib.Path(sys.argv[1])))
