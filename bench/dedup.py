"""How much is stored: ten nights of the same data with Nightfold, restic and borg, and what each night adds."""

import os
import subprocess
from pathlib import Path

import scratch
from measure import MIB, folder_size, say
from sources import Dump, Mails, Messages, Source
from tables import table
from tools import Nightfold

NIGHTS = 10
REAL = Path(os.environ.get("NIGHTFOLD_TESTDATA", Path(__file__).resolve().parent.parent.parent / "shared/data"))


class Real(Source):
    """Real data as it would have come in: each night a tenth more lines of the logs, and a tenth more of the files."""

    name, title = "real", "real data (texts, call records, chat, mail, database dumps), a tenth more each night"
    night = 0

    def first_night(self):
        self.all = self.folder.parent / "all"
        self.all.mkdir()
        for archive in ("irc", "mail"):
            subprocess.run(["tar", "--zstd", "--no-same-owner", "-xf", REAL / f"{archive}.tar.zst", "-C", self.all],
                           check=True)
        folders = [REAL / name for name in ("sms", "cdr", "databases")]
        subprocess.run(["cp", "-r", "--no-preserve=mode", *folders, self.all], check=True)
        self.paths = [path.relative_to(self.all) for path in sorted(self.all.rglob("*")) if path.is_file()]
        self.come()

    def come(self):
        for number, path in enumerate(self.paths):
            target = self.folder / path
            grows = path.parts[0] in ("sms", "cdr")
            if grows or (number % NIGHTS <= self.night and not target.exists()):
                content = (self.all / path).read_bytes()
                if grows:
                    lines = content.splitlines(keepends=True)
                    content = b"".join(lines[:len(lines) * (self.night + 1) // NIGHTS])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def next_night(self, _part=None):
        self.night += 1
        self.come()


SETS = [(Messages, 1), (Mails, 0.5), (Dump, 1), (Real, 0)]


def stored_bytes(zone):
    """Without the 256 KiB that Nightfold keeps in a zone for a full disk, whatever is stored."""
    return folder_size(zone) - folder_size(zone / ".reserve")


def nights(options, folder, kind, size):
    """{tool: bytes in a zone after each night}"""
    source = kind(folder / "source", options.build, size)
    tools = [each(folder / each.name, options.build, source) for each in [Nightfold, *options.others]]
    stored = {tool.name: [] for tool in tools}
    for night in range(NIGHTS):
        if night:
            source.next_night()
        for tool in tools:
            tool.night(night, zones=1)
            stored[tool.name].append(stored_bytes(tool.zones[0]))
    return stored


def measured(options, _name):
    sets = {}
    for kind, scale in SETS:
        if kind is Real and not REAL.is_dir():
            say(f"dedup: no real data at {REAL}")
            continue
        say(f"dedup: {NIGHTS} nights of {kind.name}")
        with scratch.folder(options, 5 * options.size) as folder:
            sets[kind.name] = {"title": kind.title, "stored": nights(options, folder, kind, int(options.size * scale))}
    return {"sets": sets}


def text(_name, result):
    lines = ["MiB in one zone: after the first night, and what each night adds. Of Nightfold's without the 256 KiB that a "
             "zone keeps back for a full disk."]
    for each in result["sets"].values():
        rows = []
        for tool, sizes in each["stored"].items():
            added = [sizes[0]] + [after - before for before, after in zip(sizes, sizes[1:])]
            rows.append([tool, *(f"{size / MIB:.2f}" for size in added), f"{sizes[-1] / MIB:.2f}"])
        lines += ["", f"{each['title'][0].upper()}{each['title'][1:]}.", ""]
        lines += table(["tool", *(f"night {night + 1}" for night in range(NIGHTS)), "all"], rows)
    return "\n".join(lines)


def values(_name, result):
    """After the night where it is worst."""
    return {(name, f"{tool}'s bytes"): max(ours / theirs for ours, theirs in zip(each["stored"]["nightfold"], sizes))
            for name, each in result["sets"].items() for tool, sizes in each["stored"].items()}
