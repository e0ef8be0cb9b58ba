"""What the end of many snapshots costs: bytes rewritten beside bytes freed, and time beside an unchanged night.

Small chunks make many of them out of few bytes. Every night some files are new and as many go, half of them the oldest
and half any: so old packs are dead in part.
"""

import random

import scratch
from measure import GIB, KIB, MIB, say
from sources import Messages
from tables import table
from tools import Nightfold, moment

SNAPSHOTS = 100
CHUNK = 16 * KIB
CHUNKS = 1 << 20  # at 1 GiB
NEW = 0.01        # of the data, a night


class Spool(Messages):
    """Messages in files of 256 KiB."""

    file_size = 256 * KIB

    def next_night(self, part=NEW):
        gone, files = max(1, int(self.size * part / 2 / self.file_size)), self.files()
        for path in files[:gone] + random.Random(self.night).sample(files[gone:], gone):
            path.unlink()
        self.night += 1
        self.generate("messages", self.folder, 2 * gone * self.file_size, self.night, self.file_size)


def packs(zone):
    """{path: size}"""
    return {path: path.stat().st_size for path in zone.glob("*/packs/*/*")}


def measured(options, _name):
    size = CHUNKS * CHUNK * options.size // GIB
    with scratch.folder(options, 4 * size) as folder:
        source = Spool(folder / "source", options.build, size)
        ours = Nightfold(folder / "nightfold", options.build, source, chunk="16 KiB", window="10 years")
        say(f"expiry: {SNAPSHOTS} nights")
        for night in range(SNAPSHOTS + 1):
            ours.night(night)
            source.next_night()
        ours.night(SNAPSHOTS + 1)
        unchanged = ours.night(SNAPSHOTS + 2)
        listing = ours.do("restore", "list")
        ours.keep("30 days")
        before, start = packs(ours.zones[0]), sum(packs(ours.zones[0]).values())
        ours.now = moment(SNAPSHOTS + 30, hours=1)
        say("expiry: prune")
        pruned = ours.do("agent", "prune")
        after = packs(ours.zones[0])
        ours.now = moment(SNAPSHOTS + 30, hours=2)
        again = ours.do("agent", "prune")
        ours.do("verify", "check", "--level", "data")
    gone = sum(size for path, size in before.items() if path not in after)
    new = sum(size for path, size in after.items() if path not in before)
    return {"bytes": size, "before": start, "after": sum(after.values()), "freed": gone - new, "rewritten": new,
            "unchanged": vars(unchanged), "listing": vars(listing), "prune": vars(pruned), "again": vars(again)}


def text(_name, result):
    names = {"prune": "prune that ends them", "again": "prune with nothing to do", "unchanged": "unchanged night",
             "listing": "list"}
    rows = [[name, f"{result[what]['seconds']:.2f} s", f"{result[what]['anon'] / MIB:.0f} MiB"]
            for what, name in names.items()]
    lines = [f"{SNAPSHOTS} snapshots of {result['bytes'] / GIB:.2f} GiB in chunks of {CHUNK // KIB} KiB "
             f"({result['bytes'] // CHUNK:,} live) end at once; {NEW:.0%} of the data was new each night.", ""]
    lines += table(["work", "time", "anonymous"], rows)
    lines += ["", f"Packs in a zone before: {result['before'] / MIB:.1f} MiB; after: {result['after'] / MIB:.1f} MiB; "
                  f"rewritten: {result['rewritten'] / MIB:.2f} MiB, of {result['freed'] / MIB:.1f} MiB freed."]
    return "\n".join(lines)


def values(_name, result):
    least = result["unchanged"]["seconds"] + result["listing"]["seconds"]
    return {("prune", "rewritten"): result["rewritten"] / max(1, result["freed"]),
            ("prune", "night and listing"): result["prune"]["seconds"] / least}
