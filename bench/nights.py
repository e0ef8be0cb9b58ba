"""Four nights of a workload, then restore, check and prune, beside restic, borg and the limits of the machine.

The nights: the first, an unchanged one, one on which every file was rewritten with the same content, and one with 6 %
new data and the oldest 6 % gone (of a dump: rows new, gone and changed). The tools take turns within each step of each
round; medians of the rounds count.
"""

import statistics
import tempfile
from pathlib import Path

import sources
from measure import GIB, MIB, folder_size, limit, median, say
from tables import miss, table
from tools import Borg, Nightfold, Restic

# In the order in which a round goes through them.
FIRST, UNCHANGED, REWRITTEN, NEW, RESTORE, FINGERPRINTS, DATA, PRUNE, ONE_CORE = STEPS = [
    "first night", "unchanged night", "rewritten, equal night", "night with new data", "restore", "check, fingerprints",
    "check, data", "prune", "first night, one core"]

# The least that is wanted: of the limit's speed, and times faster than another tool.
WANTED = {
    "messages": {FIRST: {"limit": 0.85, "restic": 5}, UNCHANGED: {"restic": 5, "borg": 5},
                 REWRITTEN: {"limit": 0.70, "restic": 2}, NEW: {"limit": 0.85}, RESTORE: {"limit": 0.80, "restic": 2.5},
                 FINGERPRINTS: {"limit": 0.80}, DATA: {"restic": 2}, ONE_CORE: {"limit": 0.90}},
    "mails": {FIRST: {"restic": 4}, UNCHANGED: {"restic": 15}, RESTORE: {"restic": 2.5}},
    "large": {},
}
WORKLOADS = {"messages": (sources.Messages, 1), "mails": (sources.Mails, 0.625), "large": (sources.Dump, 4)}


def restored(tool, source, folder):
    """A restore that lost something is no result. borg and restic restore below the target as Nightfold does."""
    target = folder / "target"
    result = tool.restore(target)
    differences = sources.same_content(source.folder, target)
    if differences:
        raise SystemExit(f"bench: what {tool.name} restored differs:\n{differences}")
    sources.remove(target)
    return result


def restore_limit(build, source, folder):
    target = folder / "target"
    target.mkdir()
    result = limit(build, "restore", target, source.folder)
    sources.remove(target)
    return result


def one_core(build, source, folder):
    home = folder / "one-core"
    alone = Nightfold(home, build, source, cores="0")
    result = alone.night(0)
    sources.remove(home)
    return result


def one_round(folder, build, kind, size, kinds):
    """{step: {tool: Result}}, {step: the limit}, {tool: {step: bytes in zone 1 after it}} and the source's bytes."""
    source = kind(folder / "source", build, size)
    tools = [each(folder / each.name, build, source) for each in kinds]
    ours = tools[0]
    results, limits, stored = {}, {}, {tool.name: {} for tool in tools}

    def step(name, action):
        say(name)
        results[name] = {tool.name: action(tool) for tool in tools}
        for tool in tools:
            stored[tool.name][name] = folder_size(tool.zones[0])

    step(FIRST, lambda tool: tool.night(0))
    results[ONE_CORE] = {"nightfold": one_core(build, source, folder)}
    limits[FIRST] = limit(build, "store", source.folder)
    limits[ONE_CORE] = limit(build, "store", source.folder, cores="0")
    step(UNCHANGED, lambda tool: tool.night(1))
    source.rewrite()
    step(REWRITTEN, lambda tool: tool.night(2))
    limits[REWRITTEN] = limit(build, "scan", source.folder)
    source.next_night()
    step(NEW, lambda tool: tool.night(3))
    if source.new_data:
        limits[NEW] = {what: limits[FIRST][what] * source.new_data + getattr(results[UNCHANGED]["nightfold"], what)
                       for what in ("seconds", "cpu")}
    step(RESTORE, lambda tool: restored(tool, source, folder))
    limits[RESTORE] = restore_limit(build, source, folder)
    step(FINGERPRINTS, lambda tool: tool.check("fingerprint"))
    limits[FINGERPRINTS] = limit(build, "sha256", *ours.zones)
    step(DATA, lambda tool: tool.check("data"))
    step(PRUNE, lambda tool: tool.prune())
    return results, limits, stored, limits[FIRST]["bytes"]


def measured(options, name):
    kind, scale = WORKLOADS[name]
    kinds = [Nightfold, *options.others]
    rounds = []
    for number in range(options.rounds):
        say(f"{name}, round {number + 1} of {options.rounds}")
        with tempfile.TemporaryDirectory(prefix="nightfold-bench.", dir=options.scratch) as folder:
            rounds.append(one_round(Path(folder), options.build, kind, int(options.size * scale), kinds))
    steps = {step: {tool: vars(median([results[step][tool] for results, *_ in rounds])) for tool in rounds[0][0][step]}
             for step in STEPS}
    limits = {step: {what: statistics.median(limits[step][what] for _, limits, *_ in rounds)
                     for what in ("seconds", "cpu")} for step in rounds[0][1]}
    return {"title": kind.title, "bytes": rounds[0][3], "rounds": options.rounds, "steps": steps, "limits": limits,
            "stored": rounds[0][2]}


# How it is shown ------------------------------------------------------------------------------------------------------


def shown(value, wanted):
    """A ratio, and whether it is what is wanted."""
    return value if not wanted else f"{value} (wanted {wanted})"


def row(name, result, step):
    tools, wanted = result["steps"][step], WANTED[name].get(step, {})
    ours, misses = tools["nightfold"], []
    moves = {FIRST: 1, REWRITTEN: 1, NEW: WORKLOADS[name][0].new_data, RESTORE: 1, DATA: 1, ONE_CORE: 1}.get(step)
    speed = (moves or 0) * result["bytes"] / ours["seconds"] / 1e6
    cells = [step, f"{ours['seconds']:.2f} s", f"{speed:.0f}" if moves else "",
             f"{ours['anon'] / MIB:.0f} MiB", f"{ours['mapped'] / MIB:.0f} MiB"]
    if step in result["limits"]:
        reached = result["limits"][step]["seconds"] / ours["seconds"]
        cells.append(f"{result['limits'][step]['cpu'] / max(ours['cpu'], 0.001):.0%}")
        cells.append(shown(f"{reached:.0%}", f"{wanted['limit']:.0%}" if "limit" in wanted else ""))
        misses += miss(f"{name}, {step}", reached >= wanted.get("limit", 0), f"{reached:.0%} of the limit",
                       f"{wanted.get('limit', 0):.0%}")
    else:
        cells += ["", ""]
    for tool in ("restic", "borg"):
        if tool not in tools:
            cells += [""] * 3
            continue
        times = tools[tool]["seconds"] / ours["seconds"]
        cells += [f"{tools[tool]['seconds']:.2f} s", shown(f"{times:.1f}", wanted.get(tool, "")),
                  f"{tools[tool]['anon'] / MIB:.0f} MiB"]
        misses += miss(f"{name}, {step}", times >= wanted.get(tool, 0), f"{times:.1f} times as fast as {tool}",
                       wanted.get(tool))
    return cells, misses


def text(name, result):
    rows = [row(name, result, step) for step in STEPS]
    misses = [miss for _, misses in rows for miss in misses]
    stored = {tool: sizes[FIRST] for tool, sizes in result["stored"].items()}
    if "restic" in stored:
        share = stored["nightfold"] / stored["restic"]
        misses += miss(f"{name}, stored", share <= 1, f"{share:.3f} of restic's bytes", "at most 1")
    lines = [f"{result['bytes'] / GIB:.2f} GiB of {result['title']}, medians of {result['rounds']} rounds.", ""]
    head = ["step", "nightfold", "MB/s", "anonymous", "mapped", "CPU of the limit", "of the limit"]
    head += [word for tool in ("restic", "borg") for word in (tool, "x", "memory")]
    lines += table(head, [cells for cells, _ in rows])
    lines += ["", "Stored in a zone after the first night, after the fourth and after pruning: " + "; ".join(
        f"{tool} " + ", ".join(f"{sizes[step] / MIB:.1f} MiB" for step in (FIRST, NEW, PRUNE))
        for tool, sizes in result["stored"].items()) + "."]
    return "\n".join(lines), misses
