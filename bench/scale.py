#!/usr/bin/python3
"""What very large datasets cost in metadata: time, memory, disk, objects and requests.

    bench/scale.py [RESULTS]

prints the tables of docs/SCALE.md from RESULTS (default: scale.json beside this file), which `make bench ONLY=scale
SAVE=1` measures: Nightfold's own programs run, linked so that content is left out and nothing else
(bench/scale/ghost.h), on a source of millions of files that is nowhere and zones that keep metadata alone and count
requests. All on one CPU: a ghost of a chunk takes a thread no time, so that on several most of it would be handing
over.
"""

import json
import os
import resource
import shutil
import sys
from datetime import date
from pathlib import Path

import scratch
from measure import GIB, KIB, MIB, measure, say
from tables import table
from tools import Nightfold, moment

HERE = Path(__file__).resolve().parent
FILES = 10_000_000           # at --size 1G
PARTS = (1000, 100, 10, 1)   # of that
# One of so many files is large, of so many chunks on average; the others have 1 to 12 KiB.
UNITS = {"messages": "chunks", "mails": "files"}  # by which costs grow
SHAPES = {"messages": (10, 99), "mails": (0, 9)}
AVERAGE = 512 * KIB
TIB = 1 << 40
CHANGING = 100               # one of so many folders of 1000 files has others every night
DISK = {"messages": 5000, "mails": 600}  # bytes a file on the scratch disk at most, everything together


class Shape:
    """Files that bench/scale/source.c makes up."""

    def __init__(self, folder, files, kind):
        self.folder, self.files, self.kind = folder, files, kind
        folder.mkdir(parents=True)
        self.night(0, 0)

    def night(self, number, changing):
        large, pieces = SHAPES[self.kind]
        (self.folder / "shape").write_text(f"{self.files} {large} {pieces} {AVERAGE} {number} {changing}\n")


class Simulated:
    """A dataset that grows night by night, and what each command cost."""

    def __init__(self, folder, build, files, kind):
        self.source = Shape(folder / "source", files, kind)
        self.ours = Nightfold(folder / "nightfold", build / "scale", self.source)
        self.cpu = str(min(os.sched_getaffinity(0)))
        self.state, self.out, self.results = folder / "nightfold/state/sms", folder / "out", {}

    def requests(self):
        """{operation: {class: [requests, bytes]}} of both zones together since the last time."""
        path = self.ours.home / "stored/requests"
        total = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            for operation, classes in json.loads(line).items():
                for name, (requests, size) in classes.items() if isinstance(classes, dict) else []:
                    if requests:
                        old = total.setdefault(operation, {}).get(name, [0, 0])
                        total[operation][name] = [old[0] + requests, old[1] + size]
        path.unlink(missing_ok=True)
        return total

    def disk(self):
        parts = {"catalogue": self.state / "catalog", "key cache": self.state / "keys-1"}
        return {name: sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
                for name, folder in parts.items() if folder.exists()}

    def do(self, what, *words):
        """Keeps what it cost; returns what the command printed."""
        self.requests()
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_majflt
        result = measure(["sh", "-c", 'exec "$@" >"$0"', self.out, *self.ours.command(*words)], env=self.ours.env(),
                         cores=self.cpu)
        faults = resource.getrusage(resource.RUSAGE_CHILDREN).ru_majflt - before
        self.results[what] = {**vars(result), "faults": faults, "requests": self.requests(), "disk": self.disk()}
        say(f"scale: {self.source.kind}, {self.source.files:,} files: {what}: {result.seconds:.1f} s, "
            f"{result.cpu:.1f} s CPU, {result.anon / MIB:.0f} MiB, mapped {result.mapped / MIB:.0f} MiB")
        return self.out.read_text()

    def night(self, what, number, changing=0):
        self.source.night(number, changing)
        self.ours.now = moment(number)
        return json.loads(self.do(what, "agent", "run", "--json"))[0]

    def works(self):
        first = self.night("first night", 0)
        self.night("unchanged night", 1)
        self.night("night with 1 % new", 2, CHANGING)
        self.do("ls of a folder", "restore", "ls", "sms@latest", "box-0000000")
        self.do("rebuild", "agent", "rebuild")
        self.do("check, list", "verify", "check", "--level", "list")
        self.ours.now = moment(31, hours=1)
        self.do("end of two snapshots", "agent", "prune")
        return {"files": first["files"], "chunks": first["new_chunks"], "packs": first["packs"], "works": self.results}


def simulate(options, files, kind):
    need = files * DISK[kind]
    with scratch.folder(options, need) as folder:
        free = shutil.disk_usage(folder).free
        if free > need:
            return Simulated(folder, options.build, files, kind).works()
        say(f"scale: {kind}, {files:,} files: left out: {need / GIB:.0f} GiB of disk are needed, "
            f"{free / GIB:.0f} are free")
        return None


def measured(options, _name):
    """Each as it comes is kept, since the next may take an hour."""
    saved = HERE / "scale.json"
    runs = json.loads(saved.read_text())["runs"] if options.save and saved.exists() else {}
    for kind in SHAPES:
        for part in PARTS:
            files = max(1000, FILES * options.size // GIB // part)
            run = simulate(options, files, kind)
            if run is None:
                continue
            runs[f"{kind} {files}"] = {"kind": kind, "date": str(date.today()), "load": os.getloadavg()[0], **run}
            if options.save:
                saved.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    return {"runs": runs}


def text(_name, result):
    return "\n".join([*costs(result["runs"]), *disk(result["runs"])])


def values(_name, result):
    """What is promised is of the largest run: without it nothing is said."""
    if max((run["chunks"] for run in result["runs"].values()), default=0) < FILES * 9:
        return {}
    most, works = max(((cost["anon"], f"{run['kind']}, {run['files']:,} files, {work}")
                       for run in result["runs"].values() for work, cost in run["works"].items()))
    return {("all works", "memory"): (most / MIB, works)}


# ---- the tables of docs/SCALE.md ----

def requests_of(cost, operation):
    return sum(requests for requests, _ in cost["requests"].get(operation, {}).values())


def costs(runs):
    """CPU and memory as it grows, and what the largest asked of the zones."""
    lines = []
    for kind, unit in UNITS.items():
        of_kind = sorted((run for run in runs.values() if run["kind"] == kind), key=lambda run: run["files"])
        if not of_kind:
            continue
        most = of_kind[-1]
        head = [f"{kind}: CPU, a {unit[:-1]}, anonymous memory",
                *(f"{run['files']:,} files, {run['chunks']:,} chunks" for run in of_kind)]
        lines += table(head, [[work, *(f"{cost['cpu']:.1f} s, {cost['cpu'] / run[unit] * 1e6:.1f} µs, "
                                       f"{cost['anon'] / MIB:.0f} MiB"
                                       for run in of_kind for cost in [run["works"][work]])]
                              for work in most["works"]])
        head = [f"{kind}: {most['files']:,} files", "mapped", "PUT", "GET", "LIST", "DELETE"]
        lines += ["", *table(head, [[work, f"{cost['mapped'] / MIB:,.0f} MiB",
                                     *(f"{requests_of(cost, what):,}" for what in ("put", "get", "list", "delete"))]
                                    for work, cost in most["works"].items()]), ""]
    return lines


def largest(runs, kind):
    return max((run for run in runs.values() if run["kind"] == kind), key=lambda run: run["files"])


def disk(runs):
    rows = []
    for kind in SHAPES:
        for run in (run for run in runs.values() if run["kind"] == kind):
            first = run["works"]["first night"]
            put = {name: size / 2 for name, (_, size) in first["requests"]["put"].items()}
            rows.append([f"{kind}, {run['files']:,} files",
                         *(f"{value / run['chunks']:,.0f}" for value in
                           (first["disk"]["catalogue"], first["disk"]["key cache"], put["nodes"])),
                         f"{first['disk']['key cache'] / run['files']:,.0f}", f"{run['packs']:,}",
                         f"{put['index'] / run['packs']:.0f}"])
    return table(["bytes of", "catalogue a chunk", "key cache a chunk", "nodes a chunk, a zone", "key cache a file",
                  "packs", "index a pack"], rows)


# ---- what much more would cost: measured costs times how much there is ----

KINDS = {"messages": {"file": 8 * MIB, "chunk": AVERAGE, "ratio": 3.4},
         "mails": {"file": 6.5 * KIB, "chunk": 64 * KIB, "ratio": 1.8}}
SIZES = {"1 TiB": TIB, "100 TiB": 100 * TIB, "1 PiB": 1024 * TIB}
PACK, INDEX_ROW = 16 * MIB, 80
LOADS = 3        # listings of all packs in a night: at its start, before the header, before collecting
PAGE = 1000      # names of a listing
# List prices of S3 Standard in us-east-1 as remembered in 2025, in dollars; the first step of each.
PUT, GET, MONTH, EGRESS = 0.005 / 1000, 0.0004 / 1000, 0.023 / 1e9, 0.09 / 1e9


def content_cpu(results, kind, step):
    """Seconds on CPUs for a byte of the source, as bench/run measured it."""
    result = results.get(kind, results["messages"])
    return result["steps"][step]["nightfold"]["cpu"] / result["bytes"]


def rough(number):
    """What is extrapolated has two digits that mean something."""
    digits = 10 ** max(0, len(str(int(number))) - 2)
    return f"{round(number / digits) * digits:,.0f}"


def span(seconds):
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{rough(seconds / size) if seconds >= 10 * size else f'{seconds / size:.1f}'} {unit}"
    return f"{seconds:.0f} s"


def amount(size):
    for unit, each in (("PiB", 1024 * TIB), ("TiB", TIB), ("GiB", GIB), ("MiB", MIB)):
        if size >= each:
            return f"{rough(size / each) if size >= 10 * each else f'{size / each:.1f}'} {unit}"
    return f"{size / KIB:,.0f} KiB"


def money(dollars):
    return f"${rough(dollars)}" if dollars >= 10 else f"${dollars:.2f}"


def projected(runs, results, kind, size):
    shape, run = KINDS[kind], largest(runs, kind)
    works, chunks, files = run["works"], size / shape["chunk"], size / shape["file"]
    # Of the messages' files most are small ones here, and none in earnest: their chunks carry the costs.
    scale = chunks / run["chunks"] if kind == "messages" else files / run["files"]
    cpu = {work: cost["cpu"] * scale for work, cost in works.items()}
    put = {name: each / 2 * scale for name, (_, each) in works["first night"]["requests"]["put"].items()}
    stored = size / shape["ratio"]
    packs = stored / PACK + put["nodes"] / (4 * MIB)
    first = content_cpu(results, kind, "first night") * size
    lists = LOADS * packs / PAGE
    new = 2 * (0.01 * packs + 4)
    return {
        "files": rough(files), "chunks": rough(chunks), "stored in each zone": amount(stored),
        "packs in each zone": rough(packs), "nodes in each zone": amount(put["nodes"]),
        "datasets, at 8 TiB stored each": f"{max(1, -(-stored // (8 * TIB))):,.0f}",
        "first night: content, on CPUs": span(first), "first night: metadata, on CPUs": span(cpu["first night"]),
        "unchanged night, metadata": span(cpu["unchanged night"]),
        "night with 1 % new: content": span(first / 100), "and metadata": span(cpu["night with 1 % new"]),
        "restore of everything, on CPUs": span(content_cpu(results, kind, "restore") * size),
        "check by fingerprint, on CPUs": span(content_cpu(results, kind, "check, fingerprints") * size),
        "check of the list": span(cpu["check, list"]), "rebuild": span(cpu["rebuild"]),
        "catalogue": amount(works["first night"]["disk"]["catalogue"] * scale),
        "key cache": amount(works["first night"]["disk"]["key cache"] * scale),
        "checkpoint of the index (64 MiB at most)": amount(packs * INDEX_ROW),
        "PUT, first night": rough(2 * packs), "PUT, night with 1 % new": rough(new),
        "LIST, any night": rough(2 * lists), "GET of 1 MiB each, check by fingerprint": rough(2 * stored / MIB),
        "money: first night's requests": money((2 * packs + 2 * lists) * PUT),
        "money: a month of storage": money(2 * stored * MONTH),
        "money: requests of 30 nights with 1 % new": money(30 * (new + 2 * lists) * PUT),
        "money: 30 days of pruning every hour": money(30 * 24 * 2 * 2 * packs / PAGE * PUT),
        "money: restore of everything to elsewhere": money(packs * GET + stored * EGRESS),
    }


def projection(runs, results):
    lines = []
    for kind in (kind for kind in SHAPES if any(run["kind"] == kind for run in runs.values())):
        columns = [projected(runs, results, kind, size) for size in SIZES.values()]
        lines += [f"{kind}:", "", *table([kind, *SIZES], [[name, *(column[name] for column in columns)]
                                                        for name in columns[0]]), ""]
    return lines


if __name__ == "__main__":
    saved = json.loads((Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "scale.json").read_text())["runs"]
    print("\n".join([*costs(saved), *disk(saved), "",
                     *projection(saved, json.loads((HERE / "results.json").read_text()))]))
