# SPDX-License-Identifier: MIT
"""Stored passwords of every scheme, cost and spelling, made without Dovecot.

Owns the making: by hashlib where it can, by libcrypt, libcrypto and libsodium
where Python has no way of its own. The same seed gives the same hashes, but
for argon2, to which libsodium gives a salt. Knows nothing of tables or
servers.
"""

import base64
import ctypes
import hashlib
import hmac
import string
import typing

CRYPT_ALPHABET = "./" + string.digits + string.ascii_letters
MD5_BLOCK = 64

libcrypt = ctypes.CDLL("libcrypt.so.1")
libcrypt.crypt.restype = ctypes.c_char_p
libcrypt.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libcrypto = ctypes.CDLL("libcrypto.so.3")
libsodium = ctypes.CDLL("libsodium.so.23")
libsodium.crypto_pwhash_str_alg.argtypes = [
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_ulonglong,
    ctypes.c_size_t, ctypes.c_int]
if libsodium.sodium_init() < 0:
    raise RuntimeError("libsodium does not work")


class Stored(typing.NamedTuple):
    """A scheme's name and what follows it, before an encoding that the name
    asks for."""
    scheme: str
    text: bytes
    encoding: str = ""

    def string(self):
        """As it is in the table."""
        text = self.text
        if self.encoding == ".HEX":
            text = text.hex().encode()
        elif self.encoding:
            text = base64.b64encode(text)
        return b"{%s%s}%s" % (self.scheme.encode(), self.encoding.encode(),
                              text)


def salt(chance, shortest, longest):
    """Characters as they stand in salts of crypt strings."""
    return "".join(chance.choices(CRYPT_ALPHABET,
                                  k=chance.randint(shortest, longest)))


def by_crypt(password, setting):
    """libcrypt's answer."""
    answer = libcrypt.crypt(password, setting.encode())
    if answer is None or answer.startswith(b"*"):
        raise ValueError(f"libcrypt does not take {setting}")
    return answer


# -- cheap ones

class Md5Context(ctypes.Structure):
    """OpenSSL's MD5_CTX: its first member is the state."""
    _fields_ = [("state", ctypes.c_uint32 * 4), ("rest", ctypes.c_byte * 256)]


def md5_state(block):
    """MD5's inner state after one block."""
    context = Md5Context()
    libcrypto.MD5_Init(ctypes.byref(context))
    libcrypto.MD5_Update(ctypes.byref(context), block, len(block))
    return bytes(context.state)


def cram_md5(password):
    """The states of HMAC-MD5 after its key."""
    key = password if len(password) <= MD5_BLOCK else \
        hashlib.md5(password).digest()
    key = key.ljust(MD5_BLOCK, b"\0")
    return b"".join(md5_state(bytes(byte ^ pad for byte in key))
                    for pad in (0x5c, 0x36))


def md4(password):
    """OpenSSL 3 has no other way to it."""
    digest = ctypes.create_string_buffer(16)
    libcrypto.MD4(password, len(password), digest)
    return digest.raw


def digest_md5(password, user):
    """RFC 2831's user, realm and password."""
    name, _, realm = user.rpartition("@")
    return hashlib.md5(f"{name}:{realm}:".encode() + password).digest()


DIGESTS = {
    "MD5": "md5", "PLAIN-MD5": "md5", "LDAP-MD5": "md5", "SHA": "sha1",
    "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512",
}
SALTED = {"SMD5": "md5", "SSHA": "sha1", "SSHA256": "sha256",
          "SSHA512": "sha512"}


def make_digest(chance, password, user):
    """Of a fixed length: Dovecot tells hex and base64 apart by itself."""
    scheme = chance.choice([*DIGESTS, "PLAIN-MD4", "DIGEST-MD5", "CRAM-MD5",
                            "HMAC-MD5"])
    if scheme in DIGESTS:
        raw = hashlib.new(DIGESTS[scheme], password).digest()
    elif scheme == "PLAIN-MD4":
        raw = md4(password)
    elif scheme == "DIGEST-MD5":
        raw = digest_md5(password, user)
    else:
        raw = cram_md5(password)
    if scheme != "MD5" and chance.random() < 0.3:
        return Stored(scheme, raw, chance.choice([".HEX", ".B64", ".BASE64"]))
    return Stored(scheme, chance.choice([
        base64.b64encode(raw), raw.hex().encode(), raw.hex().upper().encode()]))


def make_salted(chance, password, unused_user):
    """A digest with its salt behind it."""
    scheme = chance.choice(list(SALTED))
    grain = chance.randbytes(chance.randint(1, 16))
    raw = hashlib.new(SALTED[scheme], password + grain).digest() + grain
    return Stored(scheme, raw, chance.choice([".HEX", ".B64"])) \
        if chance.random() < 0.3 else Stored(scheme, base64.b64encode(raw))


def make_text(chance, password, unused_user):
    """The password itself, or the beginning of it."""
    if chance.random() < 0.2:
        length = chance.randint(1, len(password))
        return Stored("PLAIN-TRUNC", b"%d-%s" % (length, password[:length]))
    return Stored(chance.choice(["PLAIN", "CLEAR", "CLEARTEXT"]), password,
                  chance.choice(["", "", ".B64", ".HEX"]))


# -- slow ones; cheap costs are the rule, dear ones the exception

def make_md5_crypt(chance, password, unused_user):
    """$1$"""
    return Stored(chance.choice(["MD5-CRYPT", "MD5", "CRYPT", "DES-CRYPT"]),
                  by_crypt(password, "$1$" + salt(chance, 0, 8)))


def make_des_crypt(chance, password, unused_user):
    """Traditional and BSDi's."""
    setting = salt(chance, 2, 2) if chance.random() < 0.8 else \
        "_" + chance.choice("/0z") + chance.choice("./") + ".." + \
        salt(chance, 4, 4)
    return Stored(chance.choice(["DES-CRYPT", "CRYPT", "SHA512-CRYPT"]),
                  by_crypt(password, setting))


def make_bcrypt(chance, password, unused_user):
    """$2a$ and its sisters."""
    cost = chance.choices([4, 5, 6, 8, 10, 12],
                          [600, 200, 100, 30, 4, 1])[0]
    setting = "$2%s$%02d$%s" % (chance.choice("abxy"), cost,
                                salt(chance, 21, 21) + chance.choice(".Oeu"))
    return Stored(chance.choice(["BLF-CRYPT", "CRYPT", "SHA256-CRYPT"]),
                  by_crypt(password, setting))


def make_sha_crypt(chance, password, unused_user):
    """$5$ and $6$"""
    rounds = chance.choices(["rounds=1000$", "rounds=1234$", "rounds=10000$",
                             "rounds=50000$", ""],
                            [600, 300, 10, 2, 30])[0]
    number = chance.choice("56")
    setting = f"${number}${rounds}{salt(chance, 0, 16)}"
    return Stored(chance.choice(["SHA256-CRYPT", "SHA512-CRYPT", "CRYPT"]),
                  by_crypt(password, setting))


def make_other_crypt(chance, password, unused_user):
    """What libcrypt knows besides."""
    setting = chance.choice(["$y$j75$", "$gy$j75$", "$sha1$%d$" %
                             chance.randint(1, 3000)]) + salt(chance, 8, 8)
    return Stored(chance.choice(["CRYPT", "SHA512-CRYPT"]),
                  by_crypt(password, setting))


def argon2(password, number, passes, memory):
    """By libsodium, with one lane; 1 is argon2i, 2 argon2id; memory in
    KiB."""
    text = ctypes.create_string_buffer(128)
    if libsodium.crypto_pwhash_str_alg(
            text, password, len(password), passes, memory << 10, number) != 0:
        raise MemoryError("argon2")
    return text.value


def make_argon2(chance, password, unused_user):
    """Of both sorts: Dovecot takes either for the other."""
    memory = chance.choices([8, 64, 1024, 65536], [500, 300, 20, 1])[0]
    return Stored(chance.choice(["ARGON2I", "ARGON2ID"]),
                  argon2(password, chance.choice([1, 2]),
                         chance.randint(3, 6), memory))


def make_pbkdf2(chance, password, unused_user):
    """Dovecot's own form of it."""
    rounds = chance.choices([1, 2, 100, 1000, 5000, 20000],
                            [10, 10, 100, 50, 5, 1])[0]
    grain = salt(chance, 0, 16)
    key = hashlib.pbkdf2_hmac("sha1", password, grain.encode(), rounds)
    return Stored("PBKDF2", f"$1${grain}${rounds}${key.hex()}".encode())


def make_scram(chance, password, unused_user):
    """RFC 5802; Dovecot wants 4096 rounds at least."""
    scheme, name = chance.choice([("SCRAM-SHA-1", "sha1"),
                                  ("SCRAM-SHA-256", "sha256")])
    rounds = chance.choices([4096, 5000, 20000], [30, 10, 1])[0]
    grain = chance.randbytes(chance.randint(1, 24))
    key = hashlib.pbkdf2_hmac(name, password, grain, rounds)
    client = hmac.digest(key, b"Client Key", name)
    return Stored(scheme, b",".join([
        str(rounds).encode(), base64.b64encode(grain),
        base64.b64encode(hashlib.new(name, client).digest()),
        base64.b64encode(hmac.digest(key, b"Server Key", name))]))


def otp_fold(name, data):
    """RFC 2289: 64 bits of a digest."""
    raw = hashlib.new(name, data).digest() if name != "md4" else md4(data)
    words = [int.from_bytes(raw[i:i + 4], "big")
             for i in range(0, len(raw), 4)]
    if name == "sha1":
        folded = (words[0] ^ words[2] ^ words[4], words[1] ^ words[3])
        return b"".join(word.to_bytes(4, "little") for word in folded)
    folded = (words[0] ^ words[2], words[1] ^ words[3])
    return b"".join(word.to_bytes(4, "big") for word in folded)


def make_otp(chance, password, unused_user):
    """RFC 2289, as Dovecot stores it."""
    name = chance.choice(["md4", "md5", "sha1"])
    seed = "".join(chance.choices(string.ascii_lowercase + string.digits,
                                  k=chance.randint(1, 16)))
    count = chance.choice([1, 10, 99, 500, 1024])
    value = seed.encode() + password
    for _ in range(count + 1):
        value = otp_fold(name, value)
    return Stored("OTP", f"{name} {count} {seed} {value.hex()}".encode())


MAKERS = {
    make_digest: 400, make_salted: 120, make_text: 80, make_md5_crypt: 60,
    make_des_crypt: 60, make_bcrypt: 60, make_sha_crypt: 80,
    make_other_crypt: 20, make_argon2: 40, make_pbkdf2: 40, make_scram: 20,
    make_otp: 20,
}


def make(chance, password, user):
    """A stored password of some sort."""
    maker = chance.choices(list(MAKERS), list(MAKERS.values()))[0]
    stored = maker(chance, password, user)
    if b"$" in stored.text and not stored.encoding and chance.random() < 0.1:
        # text of its own in an encoding
        stored = stored._replace(encoding=chance.choice([".B64", ".HEX"]))
    return stored._replace(scheme=chance.choice(
        [str.upper, str.upper, str.lower, str.title])(stored.scheme))


# -- passwords

# Dovecot refuses passwords with these, before any passdb.
ILLEGAL = b"\x01\t\r\n"
LEGAL = [byte for byte in range(1, 256) if byte not in ILLEGAL]
ODD = ["'", '"', "\\", "%", "%u", "$", "$1$", "{PLAIN}", "}", "?", ";", "--",
       "\x02", "\x7f", " ", "  ", "=", ",", "&", "\x1b[0m", "\x0b",
       "пароль", "ключ", "çã", "é", "e\u0301", "日本語", "😀", "\u202e", "ÿ"]


def password(chance):
    """1 to 300 bytes, more often of the lengths at which methods stop."""
    length = chance.choice([chance.randint(1, 24), chance.randint(1, 24),
                            chance.choice([7, 8, 9, 15, 16, 17, 63, 64, 65,
                                           71, 72, 73, 127, 128, 129]),
                            chance.randint(1, 300)])
    kind = chance.random()
    if kind < 0.1:
        return bytes(chance.choices(LEGAL, k=length))
    parts = [chance.choice(ODD) if chance.random() < kind / 2 else
             chance.choice(string.ascii_letters + string.digits)
             for _ in range(length)]
    text = "".join(parts).encode()[:300]
    return text[:length] if chance.random() < 0.2 else \
        text.decode("utf-8", "ignore").encode()


def near(chance, right):
    """Another password, most often one that differs by little."""
    place = chance.randrange(len(right))
    other = bytes([right[place] ^ 4 or 8])
    return chance.choice([
        right[:place] + other + right[place + 1:], right + b" ",
        right + right[-1:], right[:-1] or b"xy", right.swapcase() + b"!",
        b" " + right, password(chance) + b"?"])


def damaged(chance, stored):
    """Another string near the stored one. Whatever tells the cost stays as
    it is, or is lost: no accident shall burn for minutes."""
    text = stored.text
    # behind the last parameter
    start = max(text.rfind(mark) for mark in (b"$", b",", b" ")) + 1
    place = min(chance.randrange(start, max(len(text), start + 1)),
                len(text) - 1)
    letter = chance.choice(CRYPT_ALPHABET).encode()
    text = chance.choice([
        text[:chance.randrange(len(text))], text[:-1], text[1:],
        text + letter, text + b"$", text + b" ", text + b"=",
        text[:place] + letter + text[place + 1:],
        text[:place] + letter + text[place:],
        text[:place] + text[place + 1:],
        text + b"\0" + letter if stored.encoding else text + b"\v",
        text[:start] + text[start:].swapcase(),
        text[:start] + text[start:][::-1]])
    if chance.random() < 0.1:
        scheme = chance.choice(["CRYPT", "SHA", "PLAIN-MD5", "MD5", "PBKDF2",
                                "SCRAM-SHA-1", "OTP", "ARGON2ID", "SSHA",
                                "BLF-CRYPT", "MD5-CRYPT", "CRAM-MD5"])
        return stored._replace(scheme=scheme, text=text)
    return stored._replace(text=text)
