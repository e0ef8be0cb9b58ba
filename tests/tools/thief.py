#!/usr/bin/python3
"""What a thief of a signing key does, by docs/FORMAT.md, to a dataset in one zone for which they have credentials too.

    thief.py --zone DIR --dataset NAME --key FILE ACTION...

intents      "this snapshot is being destroyed", signed, for every snapshot there is, as if its time were long over
withdraw     an index that withdraws every pack, in its place in the signer's chain
condemn      a mark on every pack, decades old
keep         a mark on every pack that begins at the end of time, so that its grace is never over
lease        a lease that is held by somebody else, has the highest number there is, and never ends
delete       every seal, header, index of others and every second pack
wipe         everything
"""

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

import cbor2
import nacl.signing

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import reader  # noqa: E402

LONG_AGO, NEVER = 946684800, 253402300799  # 2000-01-01, the last second of 9999


class Thief:
    def __init__(self, options):
        self.dataset, self.folder = options.dataset, Path(options.zone) / options.dataset
        words = Path(options.key).read_text().split()
        self.key = nacl.signing.SigningKey(bytes.fromhex(words[5])[:32])
        self.id = hashlib.blake2b(bytes.fromhex(words[3]), digest_size=32).digest()[:16]

    def signed(self, kind, body):
        body = cbor2.dumps(body, canonical=True)
        signature = self.key.sign(f"nightfold {kind} v1\0".encode() + body).signature
        return cbor2.dumps(["nightfold", kind, 1, self.id, body, signature], canonical=True)

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def packs(self):
        return sorted(self.folder.glob("packs/*/*"))

    def intents(self):
        for path in self.folder.glob("snapshots/*"):
            snapshot = path.name.rpartition("-")[2]
            body = [self.dataset, bytes.fromhex(snapshot), LONG_AGO, LONG_AGO, "retention window ended", path.read_bytes()]
            self.write(f"intents/{snapshot}", self.signed("intent", body))

    def withdraw(self):
        chain = sorted(self.folder.glob(f"index/{self.id.hex()}/*"))
        seq = int(chain[-1].name[:16]) + 1 if chain else 1
        previous = bytes.fromhex(chain[-1].name[17:]) if chain else bytes(32)
        data = self.signed("index", [self.dataset, seq, previous, LONG_AGO, False, [],
                                     b"".join(bytes.fromhex(pack.name) for pack in self.packs()), b"", []])
        self.write(f"index/{self.id.hex()}/{seq:016}-{hashlib.sha256(data).hexdigest()}", data)

    def condemn(self, since=LONG_AGO):
        for pack in self.packs():
            self.write(f"condemned/{pack.name}",
                       self.signed("condemned", [self.dataset, bytes.fromhex(pack.name), since]))

    def keep(self):
        self.condemn(NEVER)

    def lease(self):
        number = 9999999999999999
        self.write(f"lease/{number}",
                   self.signed("lease", [self.dataset, number, bytes(16), "elsewhere", LONG_AGO, NEVER]))

    def delete(self):
        mine = f"index/{self.id.hex()}/"
        for path in [*self.folder.glob("seals/*"), *self.folder.glob("snapshots/*"), *self.folder.glob("index/*/*"),
                     *self.packs()[::2]]:
            if mine not in str(path):
                path.unlink()

    def wipe(self):
        shutil.rmtree(self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--zone", "--dataset", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("action", nargs="+", choices=("intents", "withdraw", "condemn", "keep", "lease", "delete", "wipe"))
    options = parser.parse_args()
    thief = Thief(options)
    for action in options.action:
        getattr(thief, action)()


if __name__ == "__main__":
    main()
