"""Time and memory of every work as the bytes, the files and the snapshots grow, each alone."""

import scratch
from measure import GIB, MIB, say, warm
from sources import Messages, Tiny
from tables import table
from tools import Nightfold, moment

WORKS = ["first night", "unchanged night", "restore", "check, fingerprints", "check, data", "prune"]
PROGRAMS = {"agent": WORKS[:2], "restore": WORKS[2:3], "check": WORKS[3:5], "prune": WORKS[5:]}
TITLES = {"bytes": "bytes of messages", "files": "files of one line", "snapshots": "snapshots of 10 small files"}
TENFOLD = 8  # at least: two points whose memory is compared


def up_to(last, first, factor):
    """first, first * factor, ... and last; none that is near last."""
    points = [first]
    while points[-1] * factor * 2 <= last:
        points.append(points[-1] * factor)
    return [*points, last] if last > points[-1] else points


def works(ours, source, folder, night):
    """One of each, after which only the newest snapshot is left."""
    target, results = folder / "target", {}

    def work(name, action):
        warm(ours.home)
        results[name] = action()

    warm(source.folder)
    work("unchanged night", lambda: ours.night(night))
    work("restore", lambda: ours.restore(target))
    scratch.discard(target, folder)
    work("check, fingerprints", lambda: ours.check("fingerprint"))
    work("check, data", lambda: ours.check("data"))
    ours.keep("1 day")
    ours.now = moment(night, hours=23)
    work("prune", lambda: ours.do("agent", "prune"))
    return results


def with_source(options, kind, size, room):
    with scratch.folder(options, room) as folder:
        source = kind(folder / "source", options.build, size)
        ours = Nightfold(folder / "nightfold", options.build, source)
        warm(source.folder)
        return {"first night": ours.night(0), **works(ours, source, folder, 1)}


def with_snapshots(options, count):
    """`first night`: the last of those that made them."""
    with scratch.folder(options, GIB) as folder:
        source = Tiny(folder / "source", options.build, 10)
        ours = Nightfold(folder / "nightfold", options.build, source, window="10 years")
        ours.nights(count - 1)
        return {"first night": ours.night(count - 1), **works(ours, source, folder, count)}


def measured(options, _name):
    part = options.size / GIB
    series = {"bytes": (up_to(int(20 * GIB * part), int(64 * MIB * part), 4),
                        lambda x: with_source(options, Messages, x, 3 * x)),
              "files": (up_to(max(10, int(1e6 * part)), 10, 10), lambda x: with_source(options, Tiny, x, x << 14)),
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
    lines = ["Each alone; `bench/plot` draws it."]
    for what, points in result["curves"].items():
        rows = [[f"{point['x'] / MIB:,.0f} MiB" if what == "bytes" else f"{point['x']:,}",
                 *(shown(point[work]) for work in WORKS)] for point in points]
        lines += ["", f"{TITLES[what][0].upper()}{TITLES[what][1:]}: time, anonymous + mapped MiB.", ""]
        lines += table([what, *(WORKS if what != "snapshots" else ["last night with a change", *WORKS[1:]])], rows)
    return "\n".join(lines)


def values(_name, result):
    """The most of each program; and by how much the one grew that grew most, over about the last tenfold."""
    values = {}
    for what, points in result["curves"].items():
        def anon(program, point):
            return max(point[work]["anon"] for work in PROGRAMS[program]) / MIB

        most = {program: max(anon(program, point) for point in points) for program in PROGRAMS}
        values[what, "memory"] = max(most.values()), ", ".join(f"{name} {each:.0f}" for name, each in most.items())
        before = [point for point in points if point["x"] * TENFOLD <= points[-1]["x"]]
        if before:
            values[what, "flat"] = max((anon(program, points[-1]) - anon(program, before[-1]), program)
                                       for program in PROGRAMS)
    return values
