"""Four nights of a workload, then restore, check and prune, beside restic, borg and the limits of the machine.

The nights: the first, an unchanged one, one on which every file was rewritten with the same content, and one with 6 %
new data and the oldest 6 % gone (of a dump: rows new, gone and changed). The tools take turns within each step of each
round, and another one begins each round. What a step reads is in the page cache before each tool, and memory for what
it writes is there. Medians of the rounds count.

A restore is done twice: onto the disk, and into memory (tmpfs), where the disk does not hide the rest.
"""

import itertools
import shutil
import statistics
import tempfile
from pathlib import Path

import scratch
import sources
from measure import GIB, MIB, available, folder_size, limit, median, say, touch, warm
from tables import table
from tools import Nightfold

# In the order in which a round goes through them.
FIRST, UNCHANGED, REWRITTEN, NEW, RESTORE, TO_MEMORY, FINGERPRINTS, DATA, PRUNE, ONE_CORE = STEPS = [
    "first night", "unchanged night", "rewritten, equal night", "night with new data", "restore", "restore to memory",
    "check, fingerprints", "check, data", "prune", "first night, one core"]
WORKLOADS = {"messages": (sources.Messages, 1), "mails": (sources.Mails, 0.625), "large": (sources.Dump, 4)}
ONE_ROUND = {"large"}  # no target compares its times, and it takes four times as long
ROOM = 10  # times the source: what a round leaves on the disk, since nothing is deleted
MEMORY = Path("/dev/shm")


def has_room(size):
    """For a restore into memory, beside the zones in the page cache."""
    return MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, available() / 2) > size * 1.2


class Round:
    """`results`: {step: {tool: Result}}; `limits`: {step: the limit}; `stored`: {tool: {step: bytes in zone 1}}."""

    def __init__(self, folder, build, kind, size, kinds, first):
        self.folder, self.build = folder, build
        self.source = kind(folder / "source", build, size)
        self.tools = [each(folder / each.name, build, self.source) for each in kinds]
        self.turns = self.tools[first:] + self.tools[:first]
        self.ours = self.tools[0]
        self.results, self.limits, self.with_io = {}, {}, {}
        self.stored = {tool.name: {} for tool in self.tools}
        self.targets = (folder / f"target{number}" for number in itertools.count())

    def step(self, name, action, source=False, writes=False):
        """`source`: whether it is read, too. `writes`: whether as much as the source is written."""
        say(name)
        self.results[name] = {}
        for tool in self.turns:
            warm(tool.home, *([self.source.folder] if source else []))
            if writes:
                touch(2 * self.source.size)
            self.results[name][tool.name] = action(tool)
            self.stored[tool.name][name] = folder_size(tool.zones[0])

    def limit(self, work, *paths, cores=None):
        warm(*paths)
        return limit(self.build, work, *paths, cores=cores)

    def night_limit(self, cores=None):
        """Reading and two zones included."""
        warm(self.source.folder)
        zones = [next(self.targets), next(self.targets)]
        for zone in zones:
            zone.mkdir()
        touch(2 * self.source.size)
        result = limit(self.build, "night", *zones, self.source.folder, cores=cores)
        for zone in zones:
            scratch.discard(zone, self.folder)
        return result

    def restored(self, tool, target):
        """One that lost something is no result. borg and restic restore below the target as Nightfold does."""
        result = tool.restore(target)
        differences = sources.same_content(self.source.folder, target)
        if differences:
            raise SystemExit(f"bench: what {tool.name} restored differs:\n{differences}")
        return result

    def restored_here(self, tool):
        target = next(self.targets)
        result = self.restored(tool, target)
        scratch.discard(target, self.folder)
        return result

    def restore_limit(self, target):
        target.mkdir()
        warm(self.source.folder)
        touch(2 * self.source.size)
        return limit(self.build, "restore", target, self.source.folder)

    def restores(self):
        self.step(RESTORE, self.restored_here, writes=True)
        target = next(self.targets)
        self.limits[RESTORE] = self.restore_limit(target)
        scratch.discard(target, self.folder)
        if not has_room(self.source.size):
            say("no memory to restore into")
            return
        with tempfile.TemporaryDirectory(prefix="nightfold-bench.", dir=MEMORY) as memory:
            target = Path(memory) / "target"

            def once(tool):
                result = self.restored(tool, target)
                scratch.remove(target)
                return result

            self.step(TO_MEMORY, once, writes=True)
            self.limits[TO_MEMORY] = self.restore_limit(target)

    def one_core(self):
        warm(self.source.folder)
        touch(2 * self.source.size)
        alone = Nightfold(self.folder / "one-core", self.build, self.source, cores="0")
        self.results[ONE_CORE] = {"nightfold": alone.night(0)}
        scratch.discard(alone.home, self.folder)
        self.limits[ONE_CORE] = self.limit("store", self.source.folder, cores="0")
        self.with_io[ONE_CORE] = self.night_limit(cores="0")

    def new_data_limit(self, first):
        """That of the changed bytes, and an unchanged night."""
        unchanged = self.results[UNCHANGED]["nightfold"]
        return {what: first[what] * self.source.new_data + getattr(unchanged, what) for what in ("seconds", "cpu")}

    def run(self):
        self.step(FIRST, lambda tool: tool.night(0), source=True, writes=True)
        self.limits[FIRST] = self.limit("store", self.source.folder)
        self.with_io[FIRST] = self.night_limit()
        self.one_core()
        self.step(UNCHANGED, lambda tool: tool.night(1), source=True)
        self.source.rewrite()
        self.step(REWRITTEN, lambda tool: tool.night(2), source=True)
        self.limits[REWRITTEN] = self.limit("scan", self.source.folder)
        self.source.next_night()
        self.step(NEW, lambda tool: tool.night(3), source=True)
        if self.source.new_data:
            self.limits[NEW] = self.new_data_limit(self.limits[FIRST])
            self.with_io[NEW] = self.new_data_limit(self.with_io[FIRST])
        self.restores()
        self.step(FINGERPRINTS, lambda tool: tool.check("fingerprint"))
        self.limits[FINGERPRINTS] = self.limit("sha256", *self.ours.zones)
        self.with_io[FINGERPRINTS] = self.limit("check", *self.ours.zones)
        self.step(DATA, lambda tool: tool.check("data"))
        self.step(PRUNE, lambda tool: tool.prune())
        return self


def medians(limits):
    """Of what each round gives, {step: ...}."""
    return {step: {what: statistics.median(each[step][what] for each in limits) for what in ("seconds", "cpu")}
            for step in limits[0] if all(step in each for each in limits)}


def measured(options, name):
    kind, scale = WORKLOADS[name]
    kinds, size = [Nightfold, *options.others], int(options.size * scale)
    rounds, count = [], 1 if name in ONE_ROUND else options.rounds
    for number in range(count):
        say(f"{name}, round {number + 1} of {count}")
        with scratch.folder(options, ROOM * size) as folder:
            rounds.append(Round(folder, options.build, kind, size, kinds, number % len(kinds)).run())
    steps = {step: {tool: vars(median([each.results[step][tool] for each in rounds]))
                    for tool in rounds[0].results[step]}
             for step in STEPS if all(step in each.results for each in rounds)}
    return {"title": kind.title, "bytes": rounds[0].limits[FIRST]["bytes"], "rounds": count, "steps": steps,
            "limits": medians([each.limits for each in rounds]),
            "with_io": medians([each.with_io for each in rounds]), "stored": rounds[0].stored}


# How it is shown ------------------------------------------------------------------------------------------------------


def share(limits, step, ours):
    return f"{limits[step]['seconds'] / ours['seconds']:.0%}" if step in limits else ""


def row(name, result, step):
    tools = result["steps"][step]
    ours = tools["nightfold"]
    moves = {FIRST: 1, REWRITTEN: 1, NEW: WORKLOADS[name][0].new_data, RESTORE: 1, TO_MEMORY: 1, DATA: 1,
             ONE_CORE: 1}.get(step)
    speed = (moves or 0) * result["bytes"] / ours["seconds"] / 1e6
    cells = [step, f"{ours['seconds']:.2f} s", f"{speed:.0f}" if moves else "",
             f"{ours['anon'] / MIB:.0f} MiB", f"{ours['mapped'] / MIB:.0f} MiB",
             f"{result['limits'][step]['cpu'] / max(ours['cpu'], 0.001):.0%}" if step in result["limits"] else "",
             share(result["limits"], step, ours), share(result.get("with_io", {}), step, ours)]
    for tool in ("restic", "borg"):
        cells += [f"{tools[tool]['seconds']:.2f} s", f"{tools[tool]['seconds'] / ours['seconds']:.1f}",
                  f"{tools[tool]['anon'] / MIB:.0f} MiB"] if tool in tools else [""] * 3
    return cells


def text(name, result):
    rounds = f"medians of {result['rounds']} rounds" if result["rounds"] > 1 else "one round"
    lines = [f"{result['bytes'] / GIB:.2f} GiB of {result['title']}, {rounds}.", ""]
    head = ["step", "nightfold", "MB/s", "anonymous", "mapped", "CPU of the limit", "of the limit", "with I/O"]
    head += [word for tool in ("restic", "borg") for word in (tool, "x", "memory")]
    lines += table(head, [row(name, result, step) for step in STEPS if step in result["steps"]])
    lines += ["", "Stored in a zone after the first night, after the fourth and after pruning: " + "; ".join(
        f"{tool} " + ", ".join(f"{sizes[step] / MIB:.1f} MiB" for step in (FIRST, NEW, PRUNE))
        for tool, sizes in result["stored"].items()) + "."]
    return "\n".join(lines)


def values(_name, result):
    values = {}
    for step, tools in result["steps"].items():
        ours = tools["nightfold"]["seconds"]
        values |= {(step, tool): each["seconds"] / ours for tool, each in tools.items() if tool != "nightfold"}
        if step in result["limits"]:
            values[step, "limit"] = result["limits"][step]["seconds"] / ours
    ours = result["stored"]["nightfold"][FIRST]
    values |= {(FIRST, f"{tool}'s bytes"): ours / sizes[FIRST] for tool, sizes in result["stored"].items()}
    most = max(result["steps"], key=lambda step: result["steps"][step]["nightfold"]["anon"])
    values["all works", "memory"] = result["steps"][most]["nightfold"]["anon"] / MIB, most
    return values
