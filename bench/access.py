"""What should be cheap however much else there is: one file's restore out of much, ls, list of many snapshots.

Each command is measured beside the cost of reading what it reads: strace says which ranges of which objects, and those
are read again, by a program that does nothing else. Added to that is what a program costs that only starts; for a
restore it is cp of the same files, since making a file may cost the file system more than all else.
"""

import tempfile
from pathlib import Path

from measure import GIB, KIB, MIB, measure, say
from sources import Mails, Messages, Tiny, remove
from tables import miss, table
from tools import Nightfold

LARGE = 20         # times the size
SNAPSHOTS = 1000   # at 1 GiB
REPEAT = 5         # the fastest counts: these take milliseconds
WANTED = 10        # times the cost of reading


class Large(Messages):
    """Messages and, in the same tree, mails: few large files and many small ones."""

    def first_night(self):
        super().first_night()
        self.mails = Mails(self.folder / "mail", self.build, self.size // LARGE * 5 // 8)


def fastest(action):
    return min((action() for _ in range(REPEAT)), key=lambda result: result.seconds)


def cost(ours, start, words, target=None):
    def once():
        result = ours.do("restore", *words)
        if target:
            remove(target)
        return result

    def copy():
        copied = measure(["cp", "-r", target, f"{target}.copy"])
        remove(f"{target}.copy")
        return copied

    result, counted = fastest(once), ours.reads("restore", *words)
    if target:
        start = fastest(copy).seconds
        remove(target)
    return {"seconds": result.seconds, "anon": result.anon, "opened": counted.opened, "listed": counted.listed,
            "bytes": counted.bytes(), "reading": min(counted.again() for _ in range(REPEAT)), "start": start}


def measured(options, _name):
    results = {}
    with tempfile.TemporaryDirectory(prefix="nightfold-bench.", dir=options.scratch) as folder:
        folder = Path(folder)
        say("access: a large snapshot")
        source = Large(folder / "source", options.build, options.size * LARGE)
        ours = Nightfold(folder / "large", options.build, source)
        ours.night(0)
        start = fastest(lambda: measure([options.build / "nightfold-restore", "--version"])).seconds
        files = [path.relative_to(source.folder) for path in source.files()]
        message = next(path for path in files[len(files) // 2:] + files if path.suffix == ".jsonl")
        mail = next(path for path in files[len(files) // 2:] + files if path.parts[0] == "mail")
        entries, size = len(files), source.bytes()
        target = folder / "target"
        for what, words in {"restore of one file of 8 MiB": [message], "restore of one mail": [mail],
                            "restore of one mailbox": [mail.parent]}.items():
            results[what] = cost(ours, start, ["restore", "sms@latest", *words, "--to", target], target)
        results["ls of one mailbox"] = cost(ours, start, ["ls", "sms@latest", mail.parent])
        results[f"ls of all {entries:,} files"] = cost(ours, start, ["ls", "sms@latest"])
        for each in (source.folder, ours.home):
            remove(each)

        snapshots = max(20, SNAPSHOTS * options.size // GIB)
        say(f"access: {snapshots} snapshots")
        source = Tiny(folder / "source", options.build, 10)
        ours = Nightfold(folder / "many", options.build, source, window="10 years")
        for night in range(snapshots):
            ours.night(night)
            source.next_night()
        results[f"list of {snapshots:,} snapshots"] = cost(ours, start, ["list"])
        results[f"ls of 10 files of the last of {snapshots:,}"] = cost(ours, start, ["ls", "sms@latest"])
    return {"bytes": size, "entries": entries, "steps": results}


def text(_name, result):
    rows, misses = [], []
    for what, step in result["steps"].items():
        least = step["start"] + step["reading"]
        times = step["seconds"] / least
        rows.append([what, f"{step['seconds'] * 1000:.1f} ms", step["opened"], step["listed"],
                     f"{step['bytes'] / KIB:,.0f} KiB", f"{least * 1000:.1f} ms", f"{times:.1f}",
                     f"{step['anon'] / MIB:.0f} MiB"])
        misses += miss(what, times < WANTED, f"{times:.1f} times the cost of reading", f"under {WANTED}")
    lines = [f"A snapshot of {result['bytes'] / GIB:.2f} GiB in {result['entries']:,} files, and one with many before.",
             "`least`: the time to start a program (of a restore: cp of its files) and to read the same bytes; under "
             f"{WANTED} times that is wanted.", ""]
    head = ["command", "time", "objects opened", "listings", "bytes read", "least", "x", "anonymous"]
    return "\n".join(lines + table(head, rows)), misses
