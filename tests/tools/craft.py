#!/usr/bin/python3
"""Writes a snapshot by docs/FORMAT.md that no Nightfold would write: well signed, well sealed, and hostile inside.

    craft.py --dataset NAME --key AGENT.key --recipient PUB --outside DIR CASE ZONE...

CASE is one of those below; each makes a dataset of one snapshot. Where it can, it leads to DIR, which nobody may touch.
"""

import argparse
import hashlib
import os
import struct
import sys
from pathlib import Path

import cbor2
import nacl.public
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import reader  # noqa: E402
import thief  # noqa: E402

CONTENT = b"written by a hostile snapshot\n"
TAKEN_AT, EXPIRES_AT = 1795226400, 1802988000  # 2026-11-21T02:00:00Z, 2027-02-18


def entry(path, kind, mode=0o644, **attributes):
    known = {"target": reader.TARGET, "link": reader.LINK}
    return [path, kind, mode, os.getuid(), os.getgid(), TAKEN_AT, 0, {known[k]: v for k, v in attributes.items()}]


def file(path, **attributes):
    row = entry(path, reader.FILE, **attributes)
    if "link" not in attributes:
        row[7].update({reader.SIZE: len(CONTENT), reader.CONTENT_OF: [1, 0, 1],
                       reader.FINGERPRINT: reader.sha256(reader.sha256(CONTENT))})
    else:
        row[7][reader.SIZE] = len(CONTENT)
    return row


def folder(path, mode=0o755):
    return entry(path, reader.FOLDER, mode)


def symlink(path, target):
    return entry(path, reader.SYMLINK, 0o777, target=target)


def cases(outside, marker):
    up = b"../" * 40 + outside.lstrip(b"/")
    return {
        "harmless": [file(b"file")],
        "dots": [file(b"../escaped")],
        "dots-inside": [folder(b"a"), file(b"a/../../escaped")],
        "dot": [file(b"./escaped")],
        "absolute": [file(outside + b"/escaped")],
        "empty-name": [folder(b"a"), file(b"a//escaped")],
        "slash-at-end": [file(b"escaped/")],
        "nul": [file(b"escaped\0txt")],
        "long-name": [file(b"n" * 256)],
        "deep": [folder(b"/".join([b"d"] * i)) for i in range(1, 900)],
        "too-deep": [folder(b"/".join([b"d"] * 4097))],
        "no-folder": [file(b"missing/escaped")],
        "through-link": [symlink(b"a", outside), file(b"a/escaped")],
        "through-relative-link": [symlink(b"a", up), file(b"a/escaped")],
        "folder-through-link": [symlink(b"a", outside), folder(b"a/escaped")],
        "link-then-folder": [symlink(b"a", outside), folder(b"a"), file(b"a/escaped")],
        "folder-then-link": [folder(b"a"), symlink(b"a", outside), file(b"a/escaped")],
        "hard-link-out": [file(b"z", link=b"../" * 40 + outside.lstrip(b"/") + b"/victim")],
        "hard-link-absolute": [file(b"z", link=outside + b"/victim")],
        "hard-link-through-link": [symlink(b"a", outside), file(b"z", link=b"a/victim")],
        "hard-link-to-link": [symlink(b"a", outside + b"/victim"), file(b"z", link=b"a")],
        "hard-link-to-folder": [folder(b"a"), file(b"z", link=b"a")],
        "hard-link-to-itself": [file(b"z", link=b"z")],
        "links": [symlink(b"a", outside), symlink(b"b", up + b"/victim"), symlink(b"c", b"b"), symlink(b"d", b".."),
                  file(b"file")],
        "marker": [symlink(marker, outside + b"/victim"), file(b"file")],
        "not-sorted": [file(b"b"), file(b"a")],
        "twice": [file(b"a"), file(b"a")],
        "second-root": [folder(b"", 0o777), file(b"a")],
    }


class Crafter(thief.Thief):
    def __init__(self, options):
        options.zone = options.zones[0]
        super().__init__(options)
        self.recipient = bytes.fromhex(Path(options.recipient).read_text().split()[3])
        self.folders = [Path(zone) / self.dataset for zone in options.zones]

    def write(self, name, data):
        for folder in self.folders:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def chunk(self, kind, plain):
        """Its id, key, and the bytes that store it."""
        key, nonce = os.urandom(32), os.urandom(12)
        identity = reader.blake2b(key, b"id")
        aad = b"NFBLOB1\n" + reader.sha256(self.dataset.encode()) + bytes([kind, reader.AES, 0])
        aad += struct.pack(">I", len(plain)) + identity
        return identity, key, nonce + AESGCM(key).encrypt(nonce, plain, aad)

    def pack(self, kind, identity, plain, stored, *children):
        row = [identity, reader.AES, 0, len(plain), len(stored), *children]
        footer = cbor2.dumps([1, os.urandom(16), kind, [row]], canonical=True)
        data = b"NFPACK1\n" + stored + footer + struct.pack(">I", len(footer)) + b"NFPKEND\n"
        name = hashlib.sha256(data)
        self.write(f"packs/{name.hexdigest()[:2]}/{name.hexdigest()}", data)
        return [name.digest(), reader.sha256(footer), len(data), len(footer), kind]

    def snapshot(self, identity, rows):
        content, content_key, stored = self.chunk(reader.CONTENT, CONTENT)
        packs = [self.pack(reader.CONTENT, content, CONTENT, stored)]
        plain = cbor2.dumps([reader.ENTRIES, 0, content, content_key, [len(CONTENT)], rows], canonical=True)
        root, root_key, stored = self.chunk(reader.NODE, plain)
        packs.append(self.pack(reader.NODE, root, plain, stored, content))

        index = self.signed("index", [self.dataset, 1, bytes(32), TAKEN_AT, False, packs, b"", b"", []])
        index_hash = reader.sha256(index)
        self.write(f"index/{self.id.hex()}/{1:016}-{index_hash.hex()}", index)

        binding = b"NFSEAL1\n" + reader.sha256(self.dataset.encode()) + identity + root + root_key
        sealed = nacl.public.SealedBox(nacl.public.PublicKey(self.recipient[32:])).encrypt(binding)
        recipient_id = hashlib.blake2b(self.recipient, digest_size=32).digest()[:16]
        seal = self.signed("seal", [self.dataset, identity, 1, [[recipient_id, sealed]]])
        self.write(f"seals/{identity.hex()}.1", seal)

        header = [self.dataset, "messaging", 1, identity, 1, bytes(32), TAKEN_AT, TAKEN_AT, EXPIRES_AT, reader.AES,
                  root, reader.sha256(seal), len(rows), 1, 0, len(CONTENT), 0, 0, 0, 0, "craft",
                  [[self.id, 1, index_hash]]]
        self.write(f"snapshots/2026-11-21T020000Z-{identity.hex()}", self.signed("header", header))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--dataset", "--key", "--recipient", "--outside"):
        parser.add_argument(name, required=True)
    parser.add_argument("case")
    parser.add_argument("zones", nargs="+")
    options = parser.parse_args()
    identity = os.urandom(16)
    known = cases(os.fsencode(options.outside), b".nightfold-restore." + identity.hex().encode())
    rows = known.get(options.case) or parser.error("CASE is one of " + ", ".join(known))
    Crafter(options).snapshot(identity, [folder(b"")] + rows)


if __name__ == "__main__":
    sys.exit(main())
