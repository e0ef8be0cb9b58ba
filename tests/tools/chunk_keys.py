#!/usr/bin/python3
"""What keys of chunks can be had from where. Built on tests/reader.py and, for the agent's key cache, on the layout in
lib/catalog/key_cache.h.

    chunk_keys.py reached --zone DIR --dataset NAME --key FILE --snapshot ID
        the operator's side: a line "id key kind" for every chunk that the snapshot's seal leads to
    chunk_keys.py guessable --zone DIR --dataset NAME --key FILE --dataset-key FILE
        the same for all snapshots, but only chunks that who has the dataset key can confirm a guess of: content and nodes
        without children whose id follows from their plaintext
    chunk_keys.py cached FOLDER
        the agent's side: a line "id key" for every key in the shards of a key cache that any key in it opens
    chunk_keys.py shards FOLDER
        the keys of the shards themselves, in the same form, from the files of keys in that folder
    chunk_keys.py search KEYS FOLDER...
        looks for the chunks in the file KEYS (lines "id key ...") in every file below the folders: no 32 bytes, at any
        offset, as they are or written in hexadecimal, may make one of the ids. Says where they do; exit status 1 then
    chunk_keys.py opens KEYS --packs DIR... --dataset NAME
        tries each key on each blob, and prints the ids of the blobs that open
"""

import argparse
import hashlib
import hmac
import re
import struct
import sys
from pathlib import Path

import nacl.bindings
import nacl.exceptions

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import reader  # noqa: E402  (beside this folder, and no package)

SHARD = struct.Struct(">8s32s32s32s")  # file, key, node, fingerprint of what the file system said
PRINT_SIZE = 28


def chunk_id(key):
    return hashlib.blake2b(b"id", key=key, digest_size=32).digest()


# ---- the operator's side ----


def find_reached(options, prefix=""):
    store = reader.Store(options.dataset, reader.pack_paths([Path(options.zone) / options.dataset / "packs"]))
    key, found = reader.Key(options.key), {}
    for match, path in reader.objects([options.zone], options.dataset, "seals", r"([0-9a-f]{32})\.\d+"):
        if match[1].startswith(prefix):
            body, _ = reader.open_signed("seal", path.read_bytes(), None, str(path))
            for payload in filter(None, (reader.unseal(key, sealed) for _, sealed in body[3])):
                reader.reach(store, payload[88:], found)
    reader.need(found, f"no seal of {prefix or options.dataset} opens")
    return store, sorted(found.items())


def show(store, identity, secret):
    print(identity.hex(), secret.hex(), "node" if store.blobs[identity][0].kind == reader.NODE else "content")


def reached(options):
    store, found = find_reached(options, options.snapshot)
    for identity, secret in found:
        show(store, identity, secret)


def guessable(options):
    dataset_key = bytes.fromhex(Path(options.dataset_key).read_text().split()[-1])
    store, found = find_reached(options)
    for identity, secret in found:
        plain, blob = store.get(store.blobs[identity][0].kind, identity, secret)
        root = hmac.digest(dataset_key, bytes([1, blob.kind, blob.suite]) + reader.sha256(plain), "sha256")
        if not blob.children and chunk_id(reader.blake2b(root, b"key")) == identity:
            show(store, identity, secret)


# ---- the agent's side ----


def shard_rows(folder):
    """Of every file of keys: what is left over must not help either."""
    rows = []
    for path in sorted(Path(folder).iterdir()):
        data = path.read_bytes()
        if data[:8] == b"NFKEYS1\n":
            rows += SHARD.iter_unpack(data[8:len(data) - (len(data) - 8) % SHARD.size])
    return rows


def shards(options):
    for _, key, _, _ in shard_rows(options.folder):
        print(chunk_id(key).hex(), key.hex())


def shard_plaintexts(folder):
    """Of every shard, whoever names it, and every key in every file."""
    rows = shard_rows(folder)
    for path in sorted(Path(folder).glob("*.shard")):
        sealed = path.read_bytes()
        for file, key, node, _ in rows:
            try:
                yield nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                    sealed[24:], b"nightfold key cache shard v1\0" + bytes.fromhex(path.stem) + node, sealed[:24], key)
                break
            except nacl.exceptions.CryptoError:
                pass


def cached(options):
    for plain in shard_plaintexts(options.folder):
        count = struct.unpack(">I", plain[40:44])[0]
        node = reader.Node(plain[44 + count * PRINT_SIZE:])
        for key in [plain[:32]] + [child.key for child in node.children]:
            print(chunk_id(key).hex(), key.hex())


# ---- searching and trying ----


def read_keys(path):
    """{id: key}"""
    rows = (line.split() for line in Path(path).read_text().splitlines())
    return {bytes.fromhex(row[0]): bytes.fromhex(row[1]) for row in rows}


def candidates(data):
    """Every 32 bytes in it, raw and behind hexadecimal digits of any case."""
    yield from (data[at:at + 32] for at in range(len(data) - 31))
    for match in re.finditer(rb"[0-9a-fA-F]{64,}", data):
        digits = match[0].decode()
        yield from (bytes.fromhex(digits[at:at + 64]) for at in range(len(digits) - 63))


def search(options):
    wanted, found, searched = read_keys(options.keys), 0, 0
    for path in sorted(p for folder in options.folder for p in Path(folder).rglob("*") if p.is_file()):
        data = path.read_bytes()
        searched += len(data)
        for key in set(candidates(data)):
            if chunk_id(key) in wanted:
                print(f"{path}: a key of chunk {chunk_id(key).hex()}")
                found += 1
    print(f"searched {searched} bytes for {len(wanted)} keys: {found} found")
    sys.exit(1 if found or not wanted or not searched else 0)


def opens(options):
    store, keys = reader.Store(options.dataset, reader.pack_paths(options.packs)), read_keys(options.keys).values()
    for identity, blobs in sorted(store.blobs.items()):
        if any(reader.attempt(blob, options.dataset, key) for blob in blobs for key in keys):
            print(identity.hex())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("reached")
    for name in ("--zone", "--dataset", "--key", "--snapshot"):
        command.add_argument(name, required=True)
    command = commands.add_parser("guessable")
    for name in ("--zone", "--dataset", "--key", "--dataset-key"):
        command.add_argument(name, required=True)
    commands.add_parser("cached").add_argument("folder")
    commands.add_parser("shards").add_argument("folder")
    command = commands.add_parser("search")
    command.add_argument("keys")
    command.add_argument("folder", nargs="+")
    command = commands.add_parser("opens")
    command.add_argument("keys")
    command.add_argument("--packs", action="append", required=True)
    command.add_argument("--dataset", required=True)
    options = parser.parse_args()
    {"reached": reached, "guessable": guessable, "cached": cached, "shards": shards, "search": search,
     "opens": opens}[options.command](options)


if __name__ == "__main__":
    try:
        main()
    except reader.Bad as error:
        sys.exit(f"chunk_keys.py: {error}")
