"""Time and memory of every work as the bytes, the files and the snapshots grow, each alone."""

import tempfile
from pathlib import Path

from measure import GIB, MIB, Result, say
from nights import restored
from sources import Messages, Tiny
from tables import miss, table
from tools import Nightfold, moment

WORKS = ["first night", "unchanged night", "restore", "check, fingerprints", "check, data", "prune"]
MEMORY = 128 * MIB  # anonymous, at most
TITLES = {"bytes": "bytes of messages", "files": "files of one line", "snapshots": "snapshots of 10 small files"}


def up_to(last, first, factor):
    """first, first * factor, ... and last."""
    points = [first]
    while points[-1] * factor < last:
        points.append(points[-1] * factor)
    return [*points, last] if last > points[-1] else points


def works(ours, source, folder, night):
    """One of each, after which only the newest snapshot is left."""
    results = {"unchanged night": ours.night(night), "restore": restored(ours, source, folder),
               "check, fingerprints": ours.check("fingerprint"), "check, data": ours.check("data")}
    ours.keep("1 day")
    ours.now = moment(night, hours=23)
    results["prune"] = ours.do("agent", "prune")
    return results


def with_source(options, kind, size):
    with tempfile.TemporaryDirectory(prefix="nightfold-bench.", dir=options.scratch) as folder:
        folder = Path(folder)
        source = kind(folder / "source", options.build, size)
        ours = Nightfold(folder / "nightfold", options.build, source)
        return {"first night": ours.night(0), **works(ours, source, folder, 1)}


def with_snapshots(options, count):
    """`first night`: what the nights that made them took together."""
    with tempfile.TemporaryDirectory(prefix="nightfold-bench.", dir=options.scratch) as folder:
        folder = Path(folder)
        source = Tiny(folder / "source", options.build, 10)
        ours = Nightfold(folder / "nightfold", options.build, source, window="10 years")
        nights = Result()
        for night in range(count):
            last = ours.night(night)
            nights += last
            source.next_night()
        return {"first night": last, "all nights": nights, **works(ours, source, folder, count)}


def measured(options, _name):
    part = options.size / GIB
    series = {"bytes": (up_to(int(4 * GIB * part), int(64 * MIB * part), 4),
                        lambda x: with_source(options, Messages, x)),
              "files": (up_to(max(10, int(1e6 * part)), 10, 10), lambda x: with_source(options, Tiny, x)),
              "snapshots": (up_to(max(1, int(1000 * part)), 1, 10), lambda x: with_snapshots(options, x))}
    curves = {}
    for what, (points, measured_at) in series.items():
        curves[what] = []
        for x in points:
            say(f"growth: {x:,} {what}")
            curves[what].append({"x": x, **{work: vars(result) for work, result in measured_at(x).items()}})
    return {"curves": curves}


def shown(result):
    return f"{result['seconds']:.2f} s, {result['anon'] / MIB:.0f} + {result['mapped'] / MIB:.0f}"


def text(_name, result):
    lines, misses = ["Each alone; `bench/plot` draws it."], []
    for what, points in result["curves"].items():
        rows = [[f"{point['x'] / MIB:,.0f} MiB" if what == "bytes" else f"{point['x']:,}",
                 *(shown(point[work]) for work in WORKS)] for point in points]
        lines += ["", f"{TITLES[what][0].upper()}{TITLES[what][1:]}: time, anonymous + mapped MiB.", ""]
        lines += table([what, *(WORKS if what != "snapshots" else ["last night with a change", *WORKS[1:]])], rows)
        most = max(point[work]["anon"] for point in points for work in WORKS)
        misses += miss(f"growth, {what}", most <= MEMORY, f"{most / MIB:.0f} MiB anonymous", "at most 128")
    return "\n".join(lines), misses
