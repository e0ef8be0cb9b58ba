#!/usr/bin/python3
"""Damages objects of a zone, as disks and thieves do.

    damage.py packs ZONE/DATASET KIND     prints the packs of that kind (content, node), the one written last first
    damage.py flip FILE                   flips a bit in the middle
    damage.py spoil FILE                  flips a bit in every blob of a pack, and leaves its footer whole
    damage.py cut FILE                    cuts it to the half
    damage.py empty FILE                  cuts it to nothing
    damage.py gone FILE                   removes it
    damage.py swap FILE FILE              each gets the other's bytes
    damage.py replace FILE FILE           the first gets the bytes of the second
    damage.py impostor FILE               puts another pack in the place of a pack: well named, listing the same ids
"""

import hashlib
import os
import struct
import sys
from pathlib import Path

import cbor2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import reader  # noqa: E402


def packs(folder, kind):
    kind = {"content": reader.CONTENT, "node": reader.NODE}[kind]
    found = [p for p in Path(folder).glob("packs/??/*") if reader.read_pack(p)[0].kind == kind]
    for path in sorted(found, key=lambda p: -p.stat().st_mtime_ns):
        print(path.relative_to(Path(folder).parent))


def flip(path):
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(data)


def spoil(path):
    data = bytearray(Path(path).read_bytes())
    footer = int.from_bytes(data[-12:-8], "big")
    for at in range(8, len(data) - 12 - footer, 16):
        data[at] ^= 1
    Path(path).write_bytes(data)


def cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def empty(path):
    os.truncate(path, 0)


def gone(path):
    os.unlink(path)


def swap(one, other):
    data = Path(one).read_bytes()
    Path(one).write_bytes(Path(other).read_bytes())
    Path(other).write_bytes(data)


def replace(path, other):
    Path(path).write_bytes(Path(other).read_bytes())


def impostor(path):
    """Its blobs are noise of the same lengths; everything that can be seen without a key is as it should be."""
    path = Path(path)
    data = path.read_bytes()
    length = struct.unpack(">I", data[-12:-8])[0]
    version, _, kind, rows = cbor2.loads(data[-12 - length:-12])
    footer = cbor2.dumps([version, os.urandom(16), kind, rows], canonical=True)
    blobs = os.urandom(sum(row[4] for row in rows))
    data = b"NFPACK1\n" + blobs + footer + struct.pack(">I", len(footer)) + b"NFPKEND\n"
    name = hashlib.sha256(data).hexdigest()
    path.unlink()
    place = path.parent.parent / name[:2] / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
