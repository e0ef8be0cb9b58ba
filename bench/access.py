"""What should be cheap however much else there is: one file's restore out of much, ls, list of many snapshots.

Each command is measured beside the cost of reading what it reads: strace says which ranges of which objects, and those
are read again, by a program that does nothing else. Added to that is what a program costs that only starts; for a
restore it is cp of the same files and sync of their file system, since making files and waiting until they are on the
disk may cost more than all else.
"""

import scratch
from measure import GIB, KIB, MIB, measure, say
from sources import Mails, Messages, Tiny
from tables import table
from tools import Nightfold

LARGE = 20         # times the size
SNAPSHOTS = 1000   # at 1 GiB
REPEAT = 5         # the fastest counts: these take milliseconds


class Large(Messages):
    """Messages and, in the same tree, mails: few large files and many small ones."""

    def first_night(self):
        super().first_night()
        self.mails = Mails(self.folder / "mail", self.build, self.size // LARGE * 5 // 8)


def fastest(action):
    return min((action() for _ in range(REPEAT)), key=lambda result: result.seconds)


def cost(ours, start, words, target=None):
    folder = ours.home.parent

    def once():
        result = ours.do("restore", *words)
        if target:
            scratch.discard(target, folder)
        return result

    def copy():
        copied = target.with_name("copy")
        result = measure(["sh", "-c", 'cp -r "$1" "$2" && sync --file-system "$2"', "cp", target, copied])
        scratch.discard(copied, folder)
        return result

    result, counted = fastest(once), ours.reads("restore", *words)
    if target:
        start = fastest(copy).seconds
        scratch.discard(target, folder)
    return {"seconds": result.seconds, "anon": result.anon, "opened": counted.opened, "listed": counted.listed,
            "bytes": counted.bytes(), "reading": min(counted.again() for _ in range(REPEAT)), "start": start}


def measured(options, _name):
    results = {}
    with scratch.folder(options, 2 * LARGE * options.size) as folder:
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
        results["ls of all files"] = cost(ours, start, ["ls", "sms@latest"])

    snapshots = max(20, SNAPSHOTS * options.size // GIB)
    say(f"access: {snapshots} snapshots")
    with scratch.folder(options, options.size) as folder:
        source = Tiny(folder / "source", options.build, 10)
        ours = Nightfold(folder / "many", options.build, source, window="10 years")
        ours.nights(snapshots)
        results["list of snapshots"] = cost(ours, start, ["list"])
        results["ls among many snapshots"] = cost(ours, start, ["ls", "sms@latest"])
    return {"bytes": size, "entries": entries, "snapshots": snapshots, "steps": results}


def least(step):
    return step["start"] + step["reading"]


def text(_name, result):
    rows = [[what, f"{step['seconds'] * 1000:.1f} ms", step["opened"], step["listed"],
             f"{step['bytes'] / KIB:,.0f} KiB", f"{least(step) * 1000:.1f} ms",
             f"{step['seconds'] / least(step):.1f}", f"{step['anon'] / MIB:.0f} MiB"]
            for what, step in result["steps"].items()]
    lines = [f"A snapshot of {result['bytes'] / GIB:.2f} GiB in {result['entries']:,} files, and "
             f"{result['snapshots']:,} snapshots of 10 small files.",
             "`least`: the time to start a program (of a restore: cp of its files, and sync) and to read the same "
             "bytes.", ""]
    head = ["command", "time", "objects opened", "listings", "bytes read", "least", "x", "anonymous"]
    return "\n".join(lines + table(head, rows))


def values(_name, result):
    return {(what, "reading"): step["seconds"] / least(step) for what, step in result["steps"].items()}
