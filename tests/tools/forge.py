#!/usr/bin/python3
"""Puts forged objects into a zone, by docs/FORMAT.md: signed with whatever key there is, or not at all.

    forge.py --zone DIR --dataset NAME --key FILE [--as PUB] ACTION

header     a snapshot of now, made of the newest one
future     the same, of the year 2090
second     another header of the newest snapshot, which says that its time is over, and an intent that embeds it
emptied    another header of the newest snapshot, with the content of the oldest
unsigned   the same as header, without a signature
index      an index that adds a pack of noise, and that pack
withdraw   an index that withdraws every pack
lease      a lease of somebody else, from the test's time on

--key signs; --as FILE: the public key of who is said to have signed, and in whose chain an index goes. Prints the name
of the object.
"""

import argparse
import calendar
import hashlib
import os
import struct
import sys
import time
from pathlib import Path

import cbor2

import thief

KINDS = ("header", "future", "second", "emptied", "unsigned", "index", "withdraw", "lease")
TAKEN_AT, CONSISTENT_AT, EXPIRES_AT, ROOT = 6, 7, 8, 10


class Forger(thief.Thief):
    def __init__(self, options):
        super().__init__(options)
        if options.pretended:
            public = bytes.fromhex(Path(options.pretended).read_text().split()[3])
            self.id = hashlib.blake2b(public, digest_size=32).digest()[:16]

    def put(self, name, data):
        self.write(name, data)
        print(f"{self.dataset}/{name}")

    def header(self, taken_at=None, sign=True):
        newest = sorted(self.folder.glob("snapshots/*"))[-1].read_bytes()
        body = cbor2.loads(cbor2.loads(newest)[4])
        taken_at = taken_at or body[TAKEN_AT] + 60
        body[3], body[4], body[5] = os.urandom(16), body[4] + 1, hashlib.sha256(newest).digest()
        body[TAKEN_AT] = body[CONSISTENT_AT] = taken_at
        body[EXPIRES_AT] = taken_at + 90 * 86400
        data = self.signed("header", body)
        if not sign:
            data = data[:-64] + bytes(64)
        moment = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(taken_at))
        self.put(f"snapshots/{moment}-{body[3].hex()}", data)

    def future(self):
        self.header(calendar.timegm((2090, 1, 1, 0, 0, 0)))

    def unsigned(self):
        self.header(sign=False)

    def bodies(self):
        """Of the oldest and of the newest header, and the path of the newest."""
        paths = sorted(self.folder.glob("snapshots/*"))
        bodies = [cbor2.loads(cbor2.loads(path.read_bytes())[4]) for path in (paths[0], paths[-1])]
        return *bodies, paths[-1]

    def second(self):
        _, body, path = self.bodies()
        body[EXPIRES_AT] = body[TAKEN_AT] + 1
        header = self.signed("header", body)
        self.put(f"snapshots/{path.name}", header)
        intent = [self.dataset, body[3], body[EXPIRES_AT], body[EXPIRES_AT], "retention window ended", header]
        self.put(f"intents/{body[3].hex()}", self.signed("intent", intent))

    def emptied(self):
        oldest, body, path = self.bodies()
        body[ROOT] = oldest[ROOT]
        self.put(f"snapshots/{path.name}", self.signed("header", body))

    def next_index(self, packs, withdrawn):
        chain = sorted(self.folder.glob(f"index/{self.id.hex()}/*"))
        seq = int(chain[-1].name[:16]) + 1 if chain else 1
        previous = bytes.fromhex(chain[-1].name[17:]) if chain else bytes(32)
        data = self.signed("index", [self.dataset, seq, previous, int(time.time()), False, packs, withdrawn, b"", []])
        self.put(f"index/{self.id.hex()}/{seq:016}-{hashlib.sha256(data).hexdigest()}", data)

    def index(self):
        footer = cbor2.dumps([1, os.urandom(16), 1, [[os.urandom(32), 1, 0, 1000, 1028]]], canonical=True)
        data = b"NFPACK1\n" + os.urandom(1028) + footer + struct.pack(">I", len(footer)) + b"NFPKEND\n"
        name = hashlib.sha256(data)
        self.write(f"packs/{name.hexdigest()[:2]}/{name.hexdigest()}", data)
        self.next_index([[name.digest(), hashlib.sha256(footer).digest(), len(data), len(footer), 1]], b"")

    def withdraw(self):
        self.next_index([], b"".join(bytes.fromhex(pack.name) for pack in self.packs()))


    def lease(self):
        since = calendar.timegm(time.strptime(os.environ["NIGHTFOLD_TEST_NOW"], "%Y-%m-%dT%H:%M:%SZ"))
        taken = [int(path.name) for path in self.folder.glob("lease/*")]
        number = max(taken, default=0) + 1
        self.put(f"lease/{number:016}",
                 self.signed("lease", [self.dataset, number, os.urandom(16), "elsewhere", since, since + 600]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--zone", "--dataset", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--as", dest="pretended")
    parser.add_argument("action", choices=KINDS)
    options = parser.parse_args()
    getattr(Forger(options), options.action)()


if __name__ == "__main__":
    sys.exit(main())
