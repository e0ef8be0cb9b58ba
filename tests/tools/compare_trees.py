#!/usr/bin/python3
"""Compares two folders in content and in every attribute that a restore brings back.

    compare_trees.py ORIGINAL COPY [--no-sockets]

Type, mode, owner, size, time of change to the nanosecond, targets of symbolic links, which names are one file (hard
links), extended attributes with ACLs and capabilities, where holes are, device numbers, and content: of everything in
the folders, and of the folders themselves. Names are bytes; paths may be longer than PATH_MAX. Says what differs, one
line each, and what was compared. Exit status 1 when anything differs.

--no-sockets   ORIGINAL's sockets are not expected in COPY: nothing restores them
"""

import argparse
import collections
import hashlib
import os
import stat
import sys

TOLD_MAX = 40  # differences that are printed
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "FIFO",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}


def data_extents(fd, size):
    """[(offset, length)] of what is data, as SEEK_DATA and SEEK_HOLE see it."""
    extents, at = [], 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: a hole up to the end
            break
        at = os.lseek(fd, start, os.SEEK_HOLE)
        extents.append((start, min(at, size) - start))
    return extents


def content(fd, extents):
    """A hash of what is in the extents: holes are compared as such, and a huge one is not read."""
    digest = hashlib.sha256()
    for offset, length in extents:
        while length:
            block = os.pread(fd, min(length, 1 << 20), offset)
            if not block:
                raise OSError("shorter than its size")
            digest.update(block)
            offset, length = offset + len(block), length - len(block)
    return digest.hexdigest()


def short(path):
    return repr(path) if len(path) < 160 else f"{path[:60]!r}...{path[-60:]!r} ({len(path)} bytes)"


def describe(folder, name, path, first_names):
    """Everything that is compared, as {what: value}."""
    what = os.stat(name, dir_fd=folder, follow_symlinks=False)
    kind = stat.S_IFMT(what.st_mode)
    # Also of links, FIFOs and devices, which cannot be opened for it.
    here = b"/proc/self/fd/%d/%s" % (folder, name)
    entry = {"type": KINDS[kind], "mode": oct(stat.S_IMODE(what.st_mode)), "uid": what.st_uid, "gid": what.st_gid,
             "mtime_ns": what.st_mtime_ns,
             "xattrs": {x: os.getxattr(here, x, follow_symlinks=False)
                        for x in sorted(os.listxattr(here, follow_symlinks=False))}}
    if kind != stat.S_IFDIR:
        # Names come in the same order on both sides, so the first name of each file says it all.
        entry["links"] = what.st_nlink
        entry["same file as"] = first_names.setdefault((what.st_dev, what.st_ino), path)
    if kind == stat.S_IFLNK:
        entry["target"] = os.readlink(name, dir_fd=folder)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry["device"] = (os.major(what.st_rdev), os.minor(what.st_rdev))
    if kind == stat.S_IFREG:
        entry["size"] = what.st_size
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=folder)
        try:
            entry["data"] = data_extents(fd, what.st_size)
            entry["content"] = content(fd, entry["data"])
        finally:
            os.close(fd)
    return entry


def walk(root, first_names):
    """(path, entry) of the folder itself (as b'.') and all beneath it, in the order of names."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    yield b".", describe(top, b".", b".", first_names)
    # (folder, its path, names that are still to do)
    stack = [(top, b"", sorted(map(os.fsencode, os.listdir(top)), reverse=True))]
    while stack:
        folder, path, names = stack[-1]
        if not names:
            os.close(folder)
            stack.pop()
            continue
        name = names.pop()
        entry = describe(folder, name, path + name, first_names)
        yield path + name, entry
        if entry["type"] == "folder":
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            stack.append((inner, path + name + b"/", sorted(map(os.fsencode, os.listdir(inner)), reverse=True)))


def differences(original, copy, sockets):
    """Lines about what differs; counts of what was compared go to `compared`."""
    compared = collections.Counter()
    left, right = (dict(walk(root, {})) for root in (original, copy))
    if not sockets:
        left = {path: entry for path, entry in left.items() if entry["type"] != "socket"}
    lines = [f"missing: {short(path)} ({left[path]['type']})" for path in sorted(left.keys() - right.keys())]
    lines += [f"not in the original: {short(path)} ({right[path]['type']})" for path in sorted(right.keys() - left.keys())]
    for path in sorted(left.keys() & right.keys()):
        here, there = left[path], right[path]
        compared[here["type"]] += 1
        lines += [f"{short(path)}: {what} is {there.get(what)!r}, not {here.get(what)!r}"
                  for what in sorted(here.keys() | there.keys()) if here.get(what) != there.get(what)]
        compared["further name"] += here.get("same file as", path) != path
        compared["extended attribute"] += len(here["xattrs"])
        compared["sparse file"] += here["type"] == "file" and sum(n for _, n in here["data"]) < here["size"]
    return lines, compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("original")
    parser.add_argument("copy")
    parser.add_argument("--no-sockets", action="store_true")
    options = parser.parse_args()

    lines, compared = differences(options.original, options.copy, not options.no_sockets)
    for line in lines[:TOLD_MAX]:
        print(line)
    if len(lines) > TOLD_MAX:
        print(f"and {len(lines) - TOLD_MAX} more differences")
    print("compared:", ", ".join(f"{n} {what}{'s' if n != 1 else ''}" for what, n in sorted(compared.items()) if n))
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
