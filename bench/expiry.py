"""What the end of many snapshots costs: bytes rewritten beside bytes freed, and time beside an unchanged night.

Small chunks make many of them out of few bytes. Every night some files are new and as many go. Of what came in every
second night nearly all goes at once, so that in the end there are packs that are wholly dead, packs that are dead but
for a twentieth, which are compacted, and packs that are dead in part.
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
    """Messages in files of 256 KiB. In even nights come those that the next night has no more, but one file in twenty.
    The others last until as much has come again: half of what goes is the oldest, half any."""

    file_size = 256 * KIB

    def next_night(self, part=NEW):
        count = max(2, int(self.size * part / self.file_size))
        if self.night % 2 == 0:
            brief = sorted((self.folder / str(self.night)).iterdir())
            gone = [path for number, path in enumerate(brief) if number % 20]
        else:
            lasting = [path for path in self.files() if int(path.parent.name) % 2]
            gone = lasting[:count // 2] + random.Random(self.night).sample(lasting[count // 2:], count - count // 2)
        for path in gone:
            path.unlink()
        self.night += 1
        self.generate("messages", self.folder, count * self.file_size, self.night, self.file_size)


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
        compacted = packs(ours.zones[0])
        ours.now = moment(SNAPSHOTS + 30, hours=2)
        deleted = ours.do("agent", "prune")
        after = packs(ours.zones[0])
        ours.now = moment(SNAPSHOTS + 30, hours=3)
        again = ours.do("agent", "prune")
        ours.do("verify", "check", "--level", "data")
    gone = sum(size for path, size in before.items() if path not in after)
    new = sum(size for path, size in after.items() if path not in before)
    return {"bytes": size, "before": start, "after": sum(after.values()), "freed": gone - new, "rewritten": new,
            "compacted": len(compacted.keys() - after.keys()), "made": len(after.keys() - before.keys()),
            "unchanged": vars(unchanged), "listing": vars(listing), "prune": vars(pruned), "deleted": vars(deleted),
            "again": vars(again)}


def text(_name, result):
    names = {"prune": "prune that ends them, and compacts", "deleted": "prune that deletes what was compacted",
             "again": "prune with nothing to do", "unchanged": "unchanged night", "listing": "list"}
    rows = [[name, f"{result[what]['seconds']:.2f} s", f"{result[what]['anon'] / MIB:.0f} MiB"]
            for what, name in names.items()]
    lines = [f"{SNAPSHOTS} snapshots of {result['bytes'] / GIB:.2f} GiB in chunks of {CHUNK // KIB} KiB "
             f"({result['bytes'] // CHUNK:,} live) end at once; {NEW:.0%} of the data was new each night.", ""]
    lines += table(["work", "time", "anonymous"], rows)
    lines += ["", f"Packs in a zone before: {result['before'] / MIB:.1f} MiB; after: {result['after'] / MIB:.1f} MiB; "
                  f"rewritten: {result['rewritten'] / MIB:.2f} MiB ({result['compacted']} packs into {result['made']}), "
                  f"of {result['freed'] / MIB:.1f} MiB freed."]
    return "\n".join(lines)


def values(_name, result):
    least = result["unchanged"]["seconds"] + result["listing"]["seconds"]
    return {("prune", "rewritten"): result["rewritten"] / max(1, result["freed"]),
            ("prune", "night and listing"): result["prune"]["seconds"] / least}
