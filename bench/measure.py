"""Runs commands: how long they take, how much memory, and what they read."""

import json
import mmap
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ONES = b"\1" * MIB


class Result:
    """A command's seconds, those on CPUs, and its peak memory over all its processes: anonymous and file-backed."""

    def __init__(self, seconds=0.0, cpu=0.0, anon=0, mapped=0):
        self.seconds, self.cpu, self.anon, self.mapped = seconds, cpu, anon, mapped

    def __add__(self, other):
        """One after the other."""
        return Result(self.seconds + other.seconds, self.cpu + other.cpu, max(self.anon, other.anon),
                      max(self.mapped, other.mapped))


def median(results):
    """Of the times; the peak of all."""
    return Result(*(statistics.median(getattr(result, what) for result in results) for what in ("seconds", "cpu")),
                  *(max(getattr(result, what) for result in results) for what in ("anon", "mapped")))


def available():
    """Bytes of memory that are free or would be."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("MemAvailable:"))


def warm(*folders):
    """Reads all that is in them, as the host may have taken the page cache away; but not what would not fit there."""
    sizes = subprocess.run(["du", "--bytes", "--summarize", *folders], stdout=subprocess.PIPE, text=True, check=True)
    if sum(int(line.split()[0]) for line in sizes.stdout.splitlines()) < available() * 0.6:
        script = 'find "$@" -type f -print0 | xargs -0 --no-run-if-empty cat >/dev/null'
        subprocess.run(["sh", "-c", script, "sh", *folders], check=True)


def touch(size):
    """Free memory that the host of a virtual machine has taken away comes back page by page when it is written to, at ten
    times the cost: who writes much next would pay for that by chance. Here it is had back before."""
    size = min(size, available() // 2) // MIB * MIB
    with mmap.mmap(-1, size) as memory:
        for offset in range(0, size, MIB):
            memory[offset:offset + MIB] = ONES


def processes(pid):
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    for child in children:
        yield from processes(int(child))


def resident(pid):
    """Anonymous and file-backed resident bytes of a process and its children."""
    anon = mapped = 0
    for each in processes(pid):
        try:
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    anon += int(line.split()[1]) * 1024
                elif line.startswith("RssFile:"):
                    mapped += int(line.split()[1]) * 1024
        except OSError:
            pass
    return anon, mapped


def measure(command, env=None, cwd=None, cores=None):
    """Runs a command, on `cores` alone if given; what the last one left to write is written first."""
    command = [str(word) for word in command]
    if cores:
        command = ["taskset", "--cpu-list", cores, *command]
    os.sync()
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT)
        result, over = Result(), threading.Event()

        def sample():
            while not over.is_set():
                anon, mapped = resident(process.pid)
                result.anon, result.mapped = max(result.anon, anon), max(result.mapped, mapped)
                over.wait(0.01 if time.monotonic() - started > 0.1 else 0.001)  # some are over by then

        sampler = threading.Thread(target=sample)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        result.seconds, result.cpu = time.monotonic() - started, usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        over.set()
        sampler.join()
        if process.returncode:
            out.seek(0)
            sys.stderr.write(out.read().decode(errors="backslashreplace")[-4000:])
            sys.exit(f"bench: exit status {process.returncode}: {' '.join(command)}")
    return result


def limit(build, work, *paths, cores=None):
    """bench/limit's result: seconds, seconds on CPUs, bytes and stored bytes."""
    count = len(cores.split(",")) if cores else len(os.sched_getaffinity(0))
    command = ["taskset", "--cpu-list", cores] if cores else []
    os.sync()
    return json.loads(subprocess.run([*command, build / "bench/limit", work, str(count), *paths], check=True,
                                     stdout=subprocess.PIPE).stdout)


class Reads:
    """What a command read beneath some folders: files opened, folders listed, and each range of bytes."""

    def __init__(self):
        self.opened, self.listed, self.ranges = 0, 0, []

    def bytes(self):
        return sum(length for _, _, length in self.ranges)

    def again(self):
        """The seconds that it takes to open the same files and to read the same ranges, and nothing else."""
        started = time.monotonic()
        for path in dict.fromkeys(path for path, _, _ in self.ranges):
            fd = os.open(path, os.O_RDONLY)
            for _, offset, length in (each for each in self.ranges if each[0] == path):
                os.pread(fd, length, offset)
            os.close(fd)
        return time.monotonic() - started


CALLS = "openat,read,pread64,preadv,readv,mmap,copy_file_range,sendfile,getdents64,lseek"
OPENED = re.compile(r"^openat\(.*\) = \d+<(/[^>]*)>$")
USED = re.compile(r"^(read|pread64|readv|preadv|getdents64)\(\d+<(/[^>]*)>(.*)\) = (\d+)$")


def traced_calls(text):
    """Whole calls out of what strace -f wrote: those that another thread interrupted are put together."""
    begun = {}
    for line in text.splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            begun[pid] = call.removesuffix("<unfinished ...>").rstrip()
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", call)
        if resumed:
            call = begun.pop(pid, "") + resumed[1]
        yield re.sub(r"\s+=", " =", call)


def reads(command, folders, env=None):
    """Runs a command under strace, which makes it slow: this says how much it reads, not how fast."""
    result, position = Reads(), {}
    with tempfile.NamedTemporaryFile("r", errors="backslashreplace") as out:
        subprocess.run(["strace", "--follow-forks", "--decode-fds=path", f"--trace={CALLS}", f"--output={out.name}",
                        *map(str, command)], check=True, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for call in traced_calls(out.read()):
            opened, used = OPENED.match(call), USED.match(call)
            path = opened[1] if opened else used[2] if used else ""
            if not any(path.startswith(f"{folder}/") for folder in folders):
                continue
            if opened:
                result.opened += "O_DIRECTORY" not in call
                position[path] = 0
            elif used[1] == "getdents64":
                result.listed += 1
            else:
                length = int(used[4])
                at = int(used[3].rsplit(", ", 1)[1]) if used[1].startswith("p") else position.get(path, 0)
                position[path] = at + length
                if length:
                    result.ranges.append((path, at, length))
    return result


def folder_size(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def parse_size(text):
    units = {"K": KIB, "M": MIB, "G": GIB}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
