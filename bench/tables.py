"""Tables in Markdown."""


def table(head, rows, texts=1):
    """The first columns are text, the others are numbers."""
    lines = [head, ["---"] * texts + ["--:"] * (len(head) - texts), *rows]
    return ["| " + " | ".join(map(str, cells)) + " |" for cells in lines]
