"""Folders to measure in, and what becomes of them.

Where ext4 has no journal, and on older kernels anywhere, making files within a minute of deleting many is
pathologically slow: each new one is looked for among the inodes deleted of late (measured: restore of 100,000 mails
6 s, or 38 s). So nothing is deleted between steps that are timed. It is moved aside, and deleted when the disk needs
the room or all is over.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from measure import GIB, say

GONE = "gone"           # beside what is measured in
MANY = 10_000           # inodes that came free: then wait
SETTLE = 65             # seconds, after a sync
numbers = itertools.count()


def remove(path):
    """As rm does: shutil.rmtree() takes its time with 100,000 files."""
    subprocess.run(["rm", "-rf", path], check=True)


def discard(path, folder):
    """Moves a file or a tree aside, within the same file system; where it is now."""
    gone = folder / GONE
    gone.mkdir(exist_ok=True)
    return path.rename(gone / str(next(numbers)))


def make_room(run, need):
    """Deletes what was moved aside if fewer than `need` bytes are free, and waits until the inodes are forgotten."""
    if shutil.disk_usage(run).free >= need:
        return
    before = os.statvfs(run).f_ffree
    remove(run / GONE)
    os.sync()
    if os.statvfs(run).f_ffree - before > MANY:
        say(f"{SETTLE} s until the file system has forgotten what was deleted")
        time.sleep(SETTLE)
    free = shutil.disk_usage(run).free
    if free < need:
        say(f"{free / GIB:.0f} GiB are free on {run}; about {need / GIB:.0f} are needed")


@contextlib.contextmanager
def folder(options, need):
    """A fresh folder for a round of about `need` bytes."""
    make_room(options.run, need)
    fresh = Path(tempfile.mkdtemp(prefix="round.", dir=options.run))
    try:
        yield fresh
    finally:
        discard(fresh, options.run)


@contextlib.contextmanager
def run(place):
    """A folder for all rounds, deleted at their end."""
    fresh = Path(tempfile.mkdtemp(prefix="nightfold-bench.", dir=place))
    try:
        yield fresh
    finally:
        remove(fresh)
