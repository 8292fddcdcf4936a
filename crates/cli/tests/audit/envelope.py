"""Opens the data key that the end of the audit log is sealed with. It shares no code with the engine.

XChaCha20-Poly1305 as draft-irtf-cfrg-xchacha-03 has it, on ChaCha20 and Poly1305 of RFC 8439.
"""

import hmac
import struct

MASK = 0xFFFFFFFF
CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def rounds(state):
    state = list(state)

    def quarter(a, b, c, d):
        for left, right, target, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[left] = (state[left] + state[right]) & MASK
            mixed = state[target] ^ state[left]
            state[target] = (mixed << turn | mixed >> (32 - turn)) & MASK

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return state


def block(key, counter, nonce):
    state = CONSTANTS + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce)
    return struct.pack("<16I", *((one + other) & MASK for one, other in zip(state, rounds(state))))


def subkey(key, nonce):
    state = rounds(CONSTANTS + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))
    return struct.pack("<8I", *state[:4], *state[12:])


def tag(key, text):
    multiplier = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(text), 16):
        piece = int.from_bytes(text[start:start + 16] + b"\x01", "little")
        total = (total + piece) * multiplier % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def padded(text):
    return text + bytes(-len(text) % 16)


def open_sealed(key, nonce, sealed, bound_to):
    """What was sealed; None if it was not, with this key and for this purpose."""
    key, nonce = subkey(key, nonce[:16]), bytes(4) + nonce[16:]
    ciphertext, found = sealed[:-16], sealed[-16:]
    lengths = struct.pack("<QQ", len(bound_to), len(ciphertext))
    expected = tag(block(key, 0, nonce)[:32], padded(bound_to) + padded(ciphertext) + lengths)
    if not hmac.compare_digest(found, expected):
        return None
    plain = b""
    for number in range(0, len(ciphertext), 64):
        stream = block(key, 1 + number // 64, nonce)
        plain += bytes(one ^ other for one, other in zip(ciphertext[number:number + 64], stream))
    return plain


def data_key(database, key, scope, version):
    """The data key of a scope, opened with the store's key; None if it cannot be."""
    (store,) = database.execute("SELECT store_id FROM envelope").fetchone()
    for row in database.execute("SELECT key_version, nonce, ciphertext FROM sealed_data_keys "
                                "WHERE scope = ? AND version = ?", (scope, version)):
        bound_to = f"keyreeve\0data_key\0{store}\0{scope}\0{version}\0{row[0]}".encode()
        opened = open_sealed(key, row[1], row[2], bound_to)
        if opened is not None:
            return opened
    return None
