"""Tables in Markdown."""


def table(head, rows):
    """The first column is text, the others are numbers."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(map(str, cells)) + " |" for cells in lines]


def miss(what, holds, reached, wanted):
    """A list with one sentence when a target is missed, else an empty one."""
    return [] if holds else [f"{what}: {reached}; wanted: {wanted}"]
