"""What is promised: each target, whether it was reached, and why not.

A part's values() gives {(step, kind): number, or (number, words)}. The reason for a miss is written by hand, in
bench/reasons.md under the target's name, and shown while it is missed.
"""

import operator
import re
from collections import namedtuple
from pathlib import Path

from measure import GIB, MIB
from tables import table

REASONS = Path(__file__).resolve().parent / "reasons.md"


Kind = namedtuple("Kind", "holds wanted reached")  # compares, and words for what is wanted and for what there is
KINDS = {
    "limit": Kind(operator.ge, "{:.0%} of the limit's speed", "{:.0%}"),
    "restic": Kind(operator.ge, "{} times as fast as restic", "{:.1f} times"),
    "borg": Kind(operator.ge, "{} times as fast as borg", "{:.1f} times"),
    "restic's bytes": Kind(operator.le, "at most {} of restic's bytes", "{:.3f}"),
    "borg's bytes": Kind(operator.le, "at most {} of borg's bytes", "{:.3f}"),
    "reading": Kind(operator.lt, "under {} times the cost of reading what it needs", "{:.1f} times"),
    "rewritten": Kind(operator.le, "bytes rewritten: at most {:.0%} of those freed", "{:.1%}"),
    "night and listing": Kind(operator.le, "time: at most {} of an unchanged night and a listing", "{:.2f}"),
    "memory": Kind(operator.le, "at most {} MiB anonymous", "{:.0f} MiB"),
    "flat": Kind(operator.le, "flat over the last tenfold: at most {} MiB more", "{:+.1f} MiB"),
}


class Target(namedtuple("Target", "work part step kind number")):
    @property
    def name(self):
        return f"{self.part}, {self.step}, {self.kind}"

    @property
    def wanted(self):
        return KINDS[self.kind].wanted.format(self.number)

    def reached(self, values):
        """Words, and whether it holds; None when it was not measured."""
        value = values.get(self.part, {}).get((self.step, self.kind))
        if value is None:
            return None
        number, words = value if isinstance(value, tuple) else (value, "")
        kind = KINDS[self.kind]
        return kind.reached.format(number) + (f" ({words})" if words else ""), kind.holds(number, self.number)


def rows(work, part, step, wanted):
    return [Target(work, part, step, kind, number) for kind, number in wanted.items()]


TARGETS = [
    *rows("first night, messages, two zones", "messages", "first night",
          {"limit": 0.85, "restic": 5, "restic's bytes": 1}),
    *rows("unchanged night, messages", "messages", "unchanged night", {"restic": 5, "borg": 5}),
    *rows("rewritten-but-equal night", "messages", "rewritten, equal night", {"limit": 0.70, "restic": 2}),
    *rows("second night, 6 % new", "messages", "night with new data", {"limit": 0.85}),
    *rows("restore, messages", "messages", "restore", {"restic": 2.5, "limit": 0.80}),
    *rows("the same, written to memory", "messages", "restore to memory", {"restic": 2.5, "limit": 0.80}),
    *rows("check by fingerprint, both zones", "messages", "check, fingerprints", {"limit": 0.80}),
    *rows("check of data, both zones", "messages", "check, data", {"restic": 2}),
    *rows("mails, first night", "mails", "first night", {"restic": 4, "restic's bytes": 1}),
    *rows("mails, unchanged night", "mails", "unchanged night", {"restic": 15}),
    *rows("mails, restore", "mails", "restore", {"restic": 2.5}),
    *rows("the same, written to memory", "mails", "restore to memory", {"restic": 2.5}),
    *rows("one file's restore out of 20 GiB", "access", "restore of one file of 8 MiB", {"reading": 10}),
    *rows("one mail's restore out of 20 GiB", "access", "restore of one mail", {"reading": 10}),
    *rows("one mailbox's restore out of 20 GiB", "access", "restore of one mailbox", {"reading": 10}),
    *rows("`ls` of one mailbox of 20 GiB", "access", "ls of one mailbox", {"reading": 10}),
    *rows("`ls` of all of 20 GiB", "access", "ls of all files", {"reading": 10}),
    *rows("`list` of 1,000 snapshots", "access", "list of snapshots", {"reading": 10}),
    *rows("`ls` of the last of 1,000 snapshots", "access", "ls among many snapshots", {"reading": 10}),
    *rows("expiry of 100 snapshots of 1,000,000 chunks", "expiry", "prune", {"rewritten": 0.1, "night and listing": 1}),
    *rows("memory, up to 20 GiB", "growth", "bytes", {"memory": 128, "flat": 8}),
    *rows("memory, up to 1,000,000 files", "growth", "files", {"memory": 128, "flat": 8}),
    *rows("memory, up to 1,000 snapshots", "growth", "snapshots", {"memory": 128, "flat": 8}),
    *rows("memory, messages", "messages", "all works", {"memory": 128}),
    *rows("memory, mails", "mails", "all works", {"memory": 128}),
    *rows("memory, one file of 4 GiB", "large", "all works", {"memory": 128}),
    *rows("memory, metadata of 10,000,000 files, 100,000,000 chunks", "scale", "all works", {"memory": 128}),
    *rows("first night on one core", "messages", "first night, one core", {"limit": 0.90}),
    *rows("ten nights of messages, stored", "dedup", "messages", {"restic's bytes": 1, "borg's bytes": 1}),
    *rows("ten nights of mails, stored", "dedup", "mails", {"restic's bytes": 1, "borg's bytes": 1}),
    *rows("ten nights of a dump with shifted rows, stored", "dedup", "large", {"restic's bytes": 1, "borg's bytes": 1}),
    *rows("ten nights of real data, stored", "dedup", "real", {"restic's bytes": 1, "borg's bytes": 1}),
]


def reasons(text):
    """{a target's name: what was written about it}. A name that no target has is an error, or it would be lost."""
    written = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, _, words = section.partition("\n")
        if name.strip() not in {target.name for target in TARGETS}:
            raise SystemExit(f"bench: {REASONS.name}: no target '{name.strip()}': there are\n" +
                             "\n".join(target.name for target in TARGETS))
        written[name.strip()] = words.strip()
    return written


def text(values, sizes, only_measured=False):
    """The table of all targets and, beneath, why some are missed. A part smaller than meant is told as such."""
    written = reasons(REASONS.read_text())
    lines, misses = [], []
    for target in TARGETS:
        reached = target.reached(values)
        if not reached:
            if not only_measured:
                lines.append([target.work, target.wanted, "", "not measured"])
            continue
        words, holds = reached
        small = f", at SIZE={sizes[target.part] // MIB}M" if sizes[target.part] != GIB else ""
        lines.append([target.work, target.wanted, words + small, "met" if holds else "**missed**"])
        if not holds:
            misses += [f"- **{target.name}**: {words}{small}; wanted: {target.wanted}. "
                       f"{written.get(target.name, 'No reason is written yet.')}"]
    if not lines:
        return ""
    shown = table(["work", "target", "reached", ""], lines, texts=4)
    if misses:
        shown += ["", "Missed, why, as measured, and what would be needed:", "", *misses]
    return "\n".join(shown)
