#!/usr/bin/python3
"""Whether anything was sent twice: what a dataset's packs hold, by their footers (docs/FORMAT.md).

    uploads.py note DATASET FILE ZONE...     writes to FILE which packs all zones hold, and the chunks in those
    uploads.py again DATASET FILE ZONE...    prints each chunk of FILE in later packs; status 1 when there is one
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import reader  # noqa: E402


def held(zone, dataset):
    """The chunks of each pack, by its name. What a kill left half written has another name, and is none."""
    packs = [path for path in Path(zone, dataset).glob("packs/??/*") if len(path.name) == 64]
    return {path.name: [blob.id.hex() for blob in reader.read_pack(path)] for path in packs}


def main():
    what, dataset, file, *zones = sys.argv[1:]
    packs = [held(zone, dataset) for zone in zones]
    if what == "note":
        both = set.intersection(*(set(p) for p in packs))
        chunks = {chunk for name in both for chunk in packs[0][name]}
        Path(file).write_text(json.dumps({"packs": sorted(set().union(*packs)), "chunks": sorted(chunks)}))
        return 0
    before = json.loads(Path(file).read_text())
    known, old, again = set(before["chunks"]), set(before["packs"]), set()
    for zone in packs:
        for name in set(zone) - old:
            again |= {(chunk, name) for chunk in zone[name] if chunk in known}
    for chunk, name in sorted(again):
        print(f"chunk {chunk[:16]} is in pack {name[:16]}, although all zones held it already")
    return 1 if again else 0


if __name__ == "__main__":
    sys.exit(main())
