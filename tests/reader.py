#!/usr/bin/python3
"""A second reader of Nightfold's format, written from docs/FORMAT.md alone. It shares no code with Nightfold.

    reader.py --zone DIR --dataset NAME --key FILE --signer PUB... [--snapshot ID] --to OUT
        restores a snapshot (the newest, or the one whose id begins with ID) into OUT, which must be empty or absent
    reader.py --zone DIR... --dataset NAME --key FILE... --all-reachable [--packs DIR...] [--exhaustive]
        opens every seal that a key opens, signed or not, follows every key that it leads to, and prints one JSON line
        for each blob id in the packs: {"id", "kind", "packs", "opens"}. --exhaustive: tries each key on each blob,
        whatever its id

--packs DIR: packs are taken from there (anything below it), for example from copies that were made before an expiry;
in restoring, from the zones as well. Exit status 1 when anything is not as the format says.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import stat
import struct
import sys
import time
from pathlib import Path

import cbor2
import nacl.bindings
import nacl.exceptions
import nacl.public
import nacl.pwhash.argon2id
import nacl.signing
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK_MAX, NODE_MAX = 16 << 20, 1 << 20
CHILDREN_MAX, ENTRIES_MAX, LEVEL_MAX, SIZE_MAX, HOLES_MAX = 8192, 4096, 16, 1 << 62, 1 << 36
PACK_MAX, FOOTER_MAX, BLOBS_MAX = 64 << 20, 16 << 20, 65536
SIGNED_MAX = {"header": 16 << 10, "index": 64 << 20, "seal": 64 << 10}
CONTENT, NODE = 1, 2
AES, XCHACHA = 1, 2
RAW, ZSTD, PADDED = 0, 1, 2
OVERHEAD = {AES: 12 + 16, XCHACHA: 24 + 16}
ENTRIES, LIST, BRANCH = 0, 1, 2
FILE, FOLDER, SYMLINK, FIFO, SOCKET, CHAR, BLOCK = range(7)
USER, GROUP, SIZE, CONTENT_OF, FINGERPRINT, EXTENTS, CHANGED, TARGET, LINK, DEVICE, XATTRS, SHA256 = range(12)


class Bad(Exception):
    """Something is not as the format says, or cannot be opened."""


def need(condition, message):
    if not condition:
        raise Bad(message)


def sha256(data):
    return hashlib.sha256(data).digest()


def blake2b(key, data):
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


# ---- CBOR ----


def decode(data, what):
    """One item in the one encoding that it may have: what encodes to other bytes was not that."""
    try:
        value = cbor2.loads(data)
        again = cbor2.dumps(value, canonical=True)
    except Exception as error:
        raise Bad(f"{what}: {error}") from None
    need(again == bytes(data), f"{what} is not in deterministic CBOR")
    return value


KINDS = {
    "uint": lambda v: type(v) is int and 0 <= v < 1 << 64,
    "int": lambda v: type(v) is int and -(1 << 63) <= v < 1 << 63,
    "text": lambda v: isinstance(v, str) and all(" " <= c <= "~" for c in v),
    "32s": lambda v: isinstance(v, bytes) and len(v) % 32 == 0,
    "bytes": lambda v: isinstance(v, bytes),
    "bool": lambda v: isinstance(v, bool),
    "list": lambda v: isinstance(v, list),
    "map": lambda v: isinstance(v, dict),
}


def fields(value, what, *kinds):
    """`value`, if it is an array of items of just these kinds; a number is a byte string of that length."""
    need(isinstance(value, list) and len(value) == len(kinds), f"{what} is no array of {len(kinds)}")
    for item, kind in zip(value, kinds):
        need(isinstance(item, bytes) and len(item) == kind if isinstance(kind, int) else KINDS[kind](item),
             f"{what}: an item is no {kind}")
    return value


def all_are(kind, value):
    return isinstance(value, list) and all(map(KINDS[kind], value))


# ---- keys ----


class Key:
    """A line of a key file."""

    def __init__(self, path, passphrase=None):
        self.path, line = path, Path(path).read_text("ascii").strip()
        words = line.split(" ")
        need(words[0] in ("nightfold-public-key", "nightfold-secret-key") and words[1] == "1", f"{path} is no key")
        self.role, public = words[2], bytes.fromhex(words[3])
        box = self.role in ("operator", "validator")
        need(len(public) == (64 if box else 32), f"{path}: wrong length")
        self.id = hashlib.blake2b(public, digest_size=32).digest()[:16]
        self.sign, self.box = nacl.signing.VerifyKey(public[:32]), None
        if words[0] == "nightfold-secret-key":
            secret = self.secret(words, line, passphrase)
            self.box = nacl.public.PrivateKey(secret[32:]) if box else None
            made = bytes(nacl.signing.SigningKey(secret[:32]).verify_key) + (bytes(self.box.public_key) if box else b"")
            need(made == public, f"{path}: its parts do not belong together")

    def secret(self, words, line, passphrase):
        if words[4] == "plain":
            return bytes.fromhex(words[5])
        need(words[4] == "argon2id", f"{self.path}: unknown protection")
        need(passphrase is not None, f"{self.path} is under a passphrase: give --passphrase-file")
        sealed = bytes.fromhex(words[7])
        key = nacl.pwhash.argon2id.kdf(32, passphrase, sealed[:16], opslimit=int(words[5]), memlimit=int(words[6]))
        try:
            return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[40:], line.rsplit(" ", 1)[0].encode(), sealed[16:40], key)
        except nacl.exceptions.CryptoError:
            raise Bad(f"{self.path}: wrong passphrase") from None


# ---- signed objects ----

ROLES = {"header": ("agent",), "index": ("agent", "pruner"), "seal": ("agent", "operator")}


def open_signed(kind, data, signers, what):
    """The decoded body, and who signed it. signers None: anybody."""
    need(len(data) <= SIGNED_MAX[kind], f"{what} is too large")
    magic, name, version, signer, body, signature = fields(
        decode(data, what), what, "text", "text", "uint", 16, "bytes", 64)
    need((magic, name, version) == ("nightfold", kind, 1), f"{what} is no {kind} of version 1")
    if signers is None:
        return decode(body, what), None
    key = next((key for key in signers if key.id == signer and key.role in ROLES[kind]), None)
    need(key, f"{what} is signed by nobody who may")
    try:
        key.sign.verify(f"nightfold {kind} v1\0".encode() + body, signature)
    except nacl.exceptions.BadSignatureError:
        raise Bad(f"{what}: its signature does not match") from None
    return decode(body, what), key


Header = collections.namedtuple(
    "Header", "dataset product kind id seq previous taken_at consistent_at expires_at suite root seal "
              "files folders others bytes new_bytes new_stored skipped changed tool heads")
HEADER = ["text", "text", "uint", 16, "uint", 32] + 4 * ["uint"] + [32, 32] + 8 * ["uint"] + ["text", "list"]


def warn(error):
    print(f"reader.py: {error}", file=sys.stderr)


def objects(zones, dataset, folder, pattern):
    """(match of the name, path) of the objects in a folder of all zones."""
    for zone in zones:
        for path in sorted((Path(zone) / dataset / folder).glob("**/*")):
            match = re.fullmatch(pattern, str(path.relative_to(Path(zone) / dataset / folder)))
            if match and path.is_file():
                yield match, path


def read_headers(zones, dataset, signers):
    """Headers by id. Intents are no concern of a reader: what was destroyed has no seal."""
    headers = {}
    for match, path in objects(zones, dataset, "snapshots", r"(\d{4}-\d\d-\d\dT\d{6}Z)-([0-9a-f]{32})"):
        try:
            body, _ = open_signed("header", path.read_bytes(), signers, str(path))
            header = Header(*fields(body, str(path), *HEADER))
            named = (dataset, time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(header.taken_at)), header.id.hex())
            need(named == (header.dataset, match[1], match[2]), f"{path} is another's header")
            headers[header.id.hex()] = header
        except Bad as error:
            warn(error)
    return headers


def read_index(zones, dataset, signers):
    """Names of the packs that count. A withdrawn one goes soon, but while it is there its blobs are as good."""
    packs = {}
    for match, path in objects(zones, dataset, "index", r"([0-9a-f]{32})/(\d{16})-([0-9a-f]{64})"):
        try:
            data = path.read_bytes()
            body, key = open_signed("index", data, signers, str(path))
            name, seq, _, _, _, added, _, _, _ = fields(
                body, str(path), "text", "uint", 32, "uint", "bool", "list", "32s", "32s", "list")
            need((name, f"{seq:016}", sha256(data).hex(), key.id.hex()) == (dataset, match[2], match[3], match[1]),
                 f"{path} is another's index")
            need(key.role == "agent" or not added, f"{path} adds packs, which its signer may not")
            for pack in added:
                pack = fields(pack, str(path), 32, 32, "uint", "uint", "uint")
                packs[pack[0]] = pack
        except Bad as error:
            warn(error)
    return packs


def open_seal(zones, dataset, header, signers, keys):
    """The root's key, from the highest generation of the snapshot's seal that is validly signed."""
    found = objects(zones, dataset, "seals", header.id.hex() + r"\.([1-9]\d*)")
    for generation, path in sorted(((int(match[1]), path) for match, path in found), reverse=True):
        try:
            data = path.read_bytes()
            body, signer = open_signed("seal", data, signers, str(path))
            name, snapshot, number, shares = fields(body, str(path), "text", 16, "uint", "list")
            need((name, snapshot, number) == (dataset, header.id, generation), f"{path} is another's seal")
            need(signer.role == ("agent" if generation == 1 else "operator"), f"{path} is signed by nobody who may")
            need(generation > 1 or sha256(data) == header.seal, f"{path} is not the seal that the header names")
        except Bad as error:
            warn(error)
            continue
        for key in keys:
            for share in shares:
                recipient, sealed = fields(share, str(path), 16, 168)
                if recipient == key.id and key.box:
                    payload = unseal(key, sealed)
                    need(payload, f"{path} does not open")
                    need(payload[8:88] == sha256(dataset.encode()) + header.id + header.root,
                         f"{path} holds another snapshot's key")
                    return payload[88:]
        raise Bad(f"{path} is not sealed to any of the keys")
    raise Bad(f"no valid seal of snapshot {header.id.hex()}")


def unseal(key, sealed):
    """The 120 bytes in a share, or None."""
    try:
        payload = nacl.public.SealedBox(key.box).decrypt(sealed)
    except nacl.exceptions.CryptoError:
        return None
    return payload if len(payload) == 120 and payload[:8] == b"NFSEAL1\n" else None


# ---- packs and blobs ----

Blob = collections.namedtuple("Blob", "path offset stored id kind suite compression plain children")


def padme(n):
    exponent = n.bit_length() - 1
    unit = 1 << max(exponent - exponent.bit_length(), 0)
    return -(-n // unit) * unit


def lengths_agree(compression, plain, packed):
    if compression == PADDED:
        return 0 < packed == padme(packed) <= padme(plain + plain // 256 + 64) and padme(plain) == plain
    return 0 < packed < plain if compression == ZSTD else packed == plain


def read_pack(path):
    """The blobs of a pack whose bytes make its name."""
    data = path.read_bytes()
    need(len(data) <= PACK_MAX and sha256(data).hex() == path.name, f"{path}: its bytes do not make its name")
    need(data[:8] == b"NFPACK1\n" and data[-8:] == b"NFPKEND\n", f"{path} is no pack")
    length = struct.unpack(">I", data[-12:-8])[0]
    need(0 < length <= FOOTER_MAX and length + 20 < len(data), f"{path}: its footer has a wrong length")
    version, _, kind, rows = fields(decode(data[-12 - length:-12], str(path)), str(path), "uint", 16, "uint", "list")
    need(version == 1 and kind in (CONTENT, NODE) and 0 < len(rows) <= BLOBS_MAX, f"{path}: unknown version or kind")
    blobs, offset = [], 8
    for row in rows:
        row = fields(row, str(path), 32, "uint", "uint", "uint", "uint", *(["32s"] if kind == NODE else []))
        identity, suite, compression, plain, stored = row[:5]
        need(suite in OVERHEAD and compression in (RAW, ZSTD, PADDED), f"{path}: unknown suite or compression")
        need(1 <= plain <= (NODE_MAX if kind == NODE else CHUNK_MAX), f"{path}: a plaintext of {plain} bytes")
        packed = stored - OVERHEAD[suite]
        need(lengths_agree(compression, plain, packed), f"{path}: {stored} bytes cannot hold {plain}")
        blobs.append(Blob(path, offset, stored, identity, kind, suite, compression, plain, *(row[5:] or [None])))
        offset += stored
    need(offset == len(data) - 12 - length, f"{path}: its blobs do not fill it")
    return blobs


def open_blob(blob, dataset, key):
    """The plaintext. Whether the key makes the id is the caller's to check."""
    with open(blob.path, "rb") as file:
        file.seek(blob.offset)
        stored = file.read(blob.stored)
    aad = b"NFBLOB1\n" + sha256(dataset.encode()) + bytes([blob.kind, blob.suite, blob.compression])
    aad += struct.pack(">I", blob.plain) + blob.id
    try:
        if blob.suite == AES:
            data = AESGCM(key).decrypt(stored[:12], stored[12:], aad)
        else:
            data = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(stored[24:], aad, stored[:24], key)
    except (InvalidTag, nacl.exceptions.CryptoError):
        raise Bad(f"chunk {blob.id.hex()} in {blob.path.name} fails its tag") from None
    if blob.compression:
        data = decompress(data, blob)
    length = padme(len(data)) if blob.compression == PADDED else len(data)
    need(length == blob.plain, f"chunk {blob.id.hex()} has another length than it should")
    return data


def decompress(data, blob):
    frame, out, at = zstandard.ZstdDecompressor().decompressobj(), bytearray(), 0
    try:
        for at in range(0, len(data), 1024):  # so that no frame can make more than it should by much
            out += frame.decompress(data[at:at + 1024])
            need(len(out) <= blob.plain, f"chunk {blob.id.hex()} is longer than it should be")
            if frame.eof:
                break
    except zstandard.ZstdError as error:
        raise Bad(f"chunk {blob.id.hex()}: {error}") from None
    rest = frame.unused_data + data[at + 1024:]
    end = padme(len(data) - len(rest)) if blob.compression == PADDED else len(data) - len(rest)
    need(frame.eof and end == len(data) and not any(rest) and data[:4] == b"\x28\xb5\x2f\xfd",
         f"chunk {blob.id.hex()} is not one frame")
    return bytes(out)


def attempt(*arguments):
    try:
        return bool(open_blob(*arguments))
    except Bad:
        return False


class Store:
    """Blobs by id, wherever they are."""

    def __init__(self, dataset, paths):
        self.dataset, self.blobs = dataset, collections.defaultdict(list)
        for path in paths:
            try:
                for blob in read_pack(path):
                    self.blobs[blob.id].append(blob)
            except Bad as error:
                warn(error)

    def get(self, kind, identity, key):
        """(plaintext, blob) from the first sound copy."""
        need(blake2b(key, b"id") == identity, f"chunk {identity.hex()}: the key does not make the id")
        problem = Bad(f"chunk {identity.hex()} is in no pack")
        for blob in self.blobs.get(identity, []):
            try:
                need(blob.kind == kind, f"chunk {identity.hex()} is of another kind")
                return open_blob(blob, self.dataset, key), blob
            except Bad as error:
                problem = error
        raise problem

    def node(self, identity, key):
        plain, blob = self.get(NODE, identity, key)
        node = Node(plain)
        need(blob.children == node.ids, f"node {identity.hex()}: its clear children are others")
        return node


def pack_paths(folders):
    for folder in folders:
        yield from sorted(p for p in Path(folder).glob("**/*") if re.fullmatch("[0-9a-f]{64}", p.name) and p.is_file()
                          and p.parent.name == p.name[:2])


# ---- tree ----

Child = collections.namedtuple("Child", "id key size")


class Node:
    def __init__(self, plain):
        self.type, self.level, self.ids, keys, sizes, self.body = fields(
            decode(plain, "node"), "node", "uint", "uint", "32s", "32s", "list", "list")
        count = len(sizes)
        need(self.type <= BRANCH and (self.level == 0 if self.type == ENTRIES else 1 <= self.level <= LEVEL_MAX),
             "node: its type")
        need(len(self.ids) == len(keys) == 32 * count and count <= CHILDREN_MAX, "node: its lists of children differ")
        need(all_are("uint", sizes) and (all(sizes) or self.type == BRANCH) and sum(sizes) <= SIZE_MAX,
             "node: sizes of its children")
        self.children = [Child(self.ids[32 * i:32 * i + 32], keys[32 * i:32 * i + 32], sizes[i]) for i in range(count)]
        self.bytes = sum(sizes)
        need(len(self.body) == {ENTRIES: len(self.body), LIST: 0, BRANCH: count}[self.type], "node: its body")
        need(0 < len(self.body) <= ENTRIES_MAX if self.type == ENTRIES else count > 0, "node: empty")


def check_path(path):
    names = path.split(b"/") if path else []
    need(all(is_name(n, 255) and n not in (b".", b"..") for n in names) and len(path) <= 65535 and len(names) <= 4096,
         f"path {path} is not allowed")
    return path


def path_rank(path):
    """Compares as paths do: '/' below every other byte."""
    return path.replace(b"/", b"\0")


def is_name(value, most):
    return isinstance(value, bytes) and 0 < len(value) <= most and b"\0" not in value


def ascend(values):
    return all(a < b for a, b in zip(values, values[1:]))


ATTRIBUTES = {
    USER: lambda v: isinstance(v, bytes) and 0 < len(v) <= 255,
    GROUP: lambda v: isinstance(v, bytes) and 0 < len(v) <= 255,
    SIZE: lambda v: type(v) is int and 0 < v <= SIZE_MAX,
    CONTENT_OF: lambda v: all_are("uint", v) and (v[:1], len(v)) in (([1], 3), ([2], 4), ([3], 2)),
    FINGERPRINT: lambda v: isinstance(v, bytes) and len(v) == 32,
    EXTENTS: lambda v: all_are("uint", v) and len(v) % 2 == 0 and len(v) <= 2 * 8192 and all(v[1::2]) and ascend(v[::2])
    and all(offset + length <= after for offset, length, after in zip(v[::2], v[1::2], v[2::2])),
    CHANGED: lambda v: v is True,
    TARGET: lambda v: is_name(v, 65535),
    LINK: lambda v: isinstance(v, bytes) and check_path(v),
    DEVICE: lambda v: all_are("uint", v) and len(v) == 2 and max(v) < 1 << 32,
    XATTRS: lambda v: all_are("bytes", v) and len(v) % 2 == 0 and 0 < len(v) <= 2 * 1024 and ascend(v[::2])
    and all(is_name(name, 255) for name in v[::2]) and all(len(value) <= 65536 for value in v[1::2]),
    SHA256: lambda v: isinstance(v, bytes) and len(v) == 32,
}
ALLOWED = {FILE: {SIZE, CONTENT_OF, FINGERPRINT, EXTENTS, CHANGED, SHA256}, SYMLINK: {TARGET}, CHAR: {DEVICE}, BLOCK: {DEVICE}}
REQUIRED = {FILE: {FINGERPRINT}, SYMLINK: {TARGET}, CHAR: {DEVICE}, BLOCK: {DEVICE}}


class Entry:
    def __init__(self, row, children):
        self.path, self.type, self.mode, self.uid, self.gid, self.mtime, self.ns, a = fields(
            row, "entry", "bytes", "uint", "uint", "uint", "uint", "int", "uint", "map")
        what = f"entry {check_path(self.path)}"
        need(self.type <= BLOCK and self.mode <= 0o7777 and self.ns < 10 ** 9, f"{what}: type, mode or time")
        need(max(self.uid, self.gid) < 1 << 32 and (self.path or self.type == FOLDER), f"{what}: owner or type")
        allowed, required = ALLOWED.get(self.type, set()) | {XATTRS}, REQUIRED.get(self.type, set())
        if LINK in a:
            need(self.type != FOLDER and a[LINK] and path_rank(a[LINK]) < path_rank(self.path), f"{what}: its link")
            allowed, required = {LINK} | ({SIZE} if self.type == FILE else set()), set()
        need(required <= set(a) <= allowed | {USER, GROUP}, f"{what}: attributes that it may not have, or lacks")
        for key, value in a.items():
            need(ATTRIBUTES[key](value), f"{what}: attribute {key} is not as it should be")
        self.link, self.target, self.device = a.get(LINK), a.get(TARGET), a.get(DEVICE)
        self.sha256 = a.get(SHA256)
        self.size, self.fingerprint, flat = a.get(SIZE, 0), a.get(FINGERPRINT), a.get(XATTRS, [])
        self.xattrs = list(zip(flat[::2], flat[1::2]))
        if self.type == FILE and not self.link:
            flat = a.get(EXTENTS, [0, self.size] if self.size else [])
            need(not flat or flat[-2] + flat[-1] <= self.size, f"{what}: its extents")
            need(not self.sha256 or self.size - sum(flat[1::2]) <= HOLES_MAX, f"{what}: too many holes for a SHA-256")
            self.extents = list(zip(flat[::2], flat[1::2]))
            self.form, first, *rest = a.get(CONTENT_OF, [0, 0])
            count = (0, rest and rest[0], 1, 1)[self.form]
            self.content, self.slice = children[first:first + count], rest
            need(len(self.content) == count, f"{what}: content lies outside of its node")
            gives = sum(child.size for child in self.content)
            need(self.form != 2 or sum(rest) <= gives, f"{what}: content outside of its child")
            length = sum(flat[1::2])
            need(length == (rest[1] if self.form == 2 else gives) and (length == 0) == (self.form == 0),
                 f"{what}: content has another length than the file")


class Snapshot:
    """Entries in path order, and content."""

    def __init__(self, store, root, key):
        self.store, self.root, self.key, self.last, self.seen = store, root, key, None, {b"": FOLDER}

    def entries(self):
        yield from self.walk(self.store.node(self.root, self.key))

    def walk(self, node):
        need(node.type != LIST, "a list where entries should be")
        if node.type == ENTRIES:
            for row in node.body:
                yield self.check(Entry(row, node.children))
            return
        for child, first in zip(node.children, node.body):
            below = self.store.node(child.id, child.key)
            path = below.body[0][0] if below.type == ENTRIES else below.type == BRANCH and below.body[0]
            need((below.level, below.bytes, path) == (node.level - 1, child.size, first), "a branch's child is another")
            yield from self.walk(below)

    def check(self, entry):
        need(not entry.path if self.last is None else path_rank(self.last) < path_rank(entry.path),
             f"entry {entry.path} is not in path order")
        need(self.seen.get(entry.path.rpartition(b"/")[0]) == FOLDER, f"entry {entry.path}: its folder is none")
        need(not entry.link or self.seen.get(entry.link) == (entry.type, None), f"entry {entry.path}: its link is none")
        self.last = entry.path
        self.seen[entry.path] = FOLDER if entry.type == FOLDER else (entry.type, entry.link)
        return entry

    def leaves(self, child, level=None):
        """Content chunks of a list, in order."""
        node = self.store.node(child.id, child.key)
        need(node.type == LIST and level in (None, node.level) and node.bytes == child.size, "a list is another")
        for below in node.children:
            if node.level > 1:
                yield from self.leaves(below, node.level - 1)
            else:
                yield below

    def pieces(self, entry):
        """The file's pieces; its fingerprint and its SHA-256, if there is one, are checked at the end."""
        digests, plain, at, room, left = hashlib.sha256(), hashlib.sha256(), 0, iter(entry.extents), 0
        for child in self.leaves(entry.content[0]) if entry.form == 3 else entry.content:
            data, _ = self.store.get(CONTENT, child.id, child.key)
            need(len(data) == child.size, f"chunk {child.id.hex()} has another length than its node says")
            if entry.form == 2:
                data = data[entry.slice[0]:sum(entry.slice)]
            digests.update(sha256(data))
            yield data
            while entry.sha256 and data:
                if not left:
                    offset, left = next(room)
                    zeros(plain, offset - at)
                    at = offset + left
                plain.update(data[:left])
                data, left = data[left:], left - min(left, len(data))
        zeros(plain, entry.size - at if entry.sha256 else 0)
        need(entry.sha256 in (None, plain.digest()), f"entry {entry.path}: its SHA-256 does not match")
        need(digests.digest() == entry.fingerprint, f"entry {entry.path}: its fingerprint does not match")


def zeros(digest, count):
    while count:
        digest.update(bytes(min(count, 1 << 20)))
        count -= min(count, 1 << 20)


# ---- restoring ----


def open_folder(root, path):
    """A descriptor of a folder beneath `root`, by one component after the other, none a link. Any length of path."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for name in path.split(b"/") if path else []:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        os.close(fd)
        fd = below
    return fd


def write_content(snapshot, entry, fd):
    """Content goes into the extents, one behind the other; what is between them stays a hole."""
    os.ftruncate(fd, entry.size)
    room = iter(entry.extents)
    offset = left = 0
    for data in snapshot.pieces(entry):
        while data:
            if not left:
                offset, left = next(room)
            part = os.pwrite(fd, data[:left], offset)
            data, offset, left = data[part:], offset + part, left - part


def set_attributes(entry, name, fd):
    """Owner first, since that clears set-uid and capabilities; times last."""
    if os.geteuid() == 0:
        os.chown(name, entry.uid, entry.gid, dir_fd=fd, follow_symlinks=False)
    if entry.type != SYMLINK:
        os.chmod(name, entry.mode, dir_fd=fd)
    for key, value in entry.xattrs:
        os.setxattr(b"/proc/self/fd/%d/%s" % (fd, name), key, value, follow_symlinks=False)
    when = entry.mtime * 10 ** 9 + entry.ns
    os.utime(name, ns=(when, when), dir_fd=fd, follow_symlinks=False)


def create(snapshot, entry, name, fd, root):
    if entry.link:
        folder, _, target = entry.link.rpartition(b"/")
        source = open_folder(root, folder)
        os.link(target, name, src_dir_fd=source, dst_dir_fd=fd, follow_symlinks=False)
        os.close(source)
    elif entry.type == FILE:
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=fd)
        write_content(snapshot, entry, file)
        os.close(file)
    elif entry.type == FOLDER:
        os.mkdir(name, 0o700, dir_fd=fd)
    elif entry.type == SYMLINK:
        os.symlink(entry.target, name, dir_fd=fd)
    elif entry.type == FIFO:
        os.mkfifo(name, 0o600, dir_fd=fd)
    else:
        kind = stat.S_IFCHR if entry.type == CHAR else stat.S_IFBLK
        os.mknod(name, kind | 0o600, os.makedev(*entry.device), dir_fd=fd)


def restore(snapshot, root):
    root, folders = os.fsencode(root), []
    os.makedirs(root, exist_ok=True)
    need(not os.listdir(root), "the target is not empty")
    for entry in snapshot.entries():
        if entry.type == FOLDER:
            folders.append(entry)
        if not entry.path:
            continue
        folder, _, name = entry.path.rpartition(b"/")
        fd = open_folder(root, folder)
        try:
            if entry.type == SOCKET:
                warn(f"socket {entry.path} is not restored: a program makes it")
                continue
            create(snapshot, entry, name, fd, root)
            if entry.type != FOLDER and not entry.link:
                set_attributes(entry, name, fd)
        except PermissionError as error:
            warn(f"{entry.path}: {error}")
        finally:
            os.close(fd)
    for entry in reversed(folders):  # deepest first, so that neither modes nor times are disturbed
        folder, _, name = entry.path.rpartition(b"/")
        fd = open_folder(root, folder)
        set_attributes(entry, name or b".", fd)
        os.close(fd)


# ---- which blobs open ----


def all_reachable(options, keys):
    zone_packs = [Path(zone) / options.dataset / "packs" for zone in options.zone]
    store = Store(options.dataset, pack_paths(options.packs or zone_packs))
    found = {}  # key by id of all that a seal leads to
    for _, path in objects(options.zone, options.dataset, "seals", ".*"):
        try:
            body, _ = open_signed("seal", path.read_bytes(), None, str(path))
            payloads = [unseal(key, share[1]) for share in body[3] for key in keys if key.box]
        except (Bad, TypeError, IndexError, ValueError) as error:
            warn(f"{path}: {error}")
            continue
        for payload in filter(None, payloads):
            reach(store, payload[88:], found)
    for identity, blobs in sorted(store.blobs.items()):
        tried = list(found.values()) if options.exhaustive else filter(None, [found.get(identity)])
        print(json.dumps({"id": identity.hex(), "kind": "node" if blobs[0].kind == NODE else "content",
                          "packs": sorted({blob.path.name for blob in blobs}),
                          "opens": any(attempt(blob, options.dataset, key) for key in tried for blob in blobs)}))


def reach(store, key, found):
    """Every key below a node's, whether or not the chunk itself is there."""
    todo = [key]
    while todo:
        key = todo.pop()
        identity = blake2b(key, b"id")
        if identity in found:
            continue
        found[identity] = key
        if any(blob.kind == NODE for blob in store.blobs.get(identity, [])):
            try:
                todo += [child.key for child in store.node(identity, key).children]
            except Bad as error:
                warn(error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zone", action="append", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--passphrase-file")
    parser.add_argument("--signer", action="append", default=[])
    parser.add_argument("--packs", action="append", default=[])
    parser.add_argument("--snapshot", default="")
    parser.add_argument("--to")
    parser.add_argument("--all-reachable", action="store_true")
    parser.add_argument("--exhaustive", action="store_true")
    options = parser.parse_args()

    passphrase = Path(options.passphrase_file).read_bytes().split(b"\n")[0] if options.passphrase_file else None
    keys = [Key(path, passphrase) for path in options.key]
    if options.all_reachable:
        return all_reachable(options, keys)
    need(options.to and options.signer, "restoring needs --to and --signer")
    signers = [Key(path) for path in options.signer]
    headers = read_headers(options.zone, options.dataset, signers).values()
    headers = [header for header in headers if header.id.hex().startswith(options.snapshot)]
    need(headers, "no such snapshot")
    need(len(headers) == 1 or not options.snapshot, "the id begins several snapshots")
    header = max(headers, key=lambda h: (h.taken_at, h.seq))
    root_key = open_seal(options.zone, options.dataset, header, signers, keys)
    indexed = read_index(options.zone, options.dataset, signers)
    folders = [Path(zone) / options.dataset / "packs" for zone in options.zone] + options.packs
    store = Store(options.dataset, (p for p in pack_paths(folders) if bytes.fromhex(p.name) in indexed))
    restore(Snapshot(store, header.root, root_key), options.to)
    return None


if __name__ == "__main__":
    try:
        main()
    except Bad as error:
        sys.exit(f"reader.py: {error}")
