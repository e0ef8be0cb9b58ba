#!/usr/bin/python3
"""Makes a folder of everything that a POSIX file system can hold and that backup programs get wrong.

    difficult_tree.py DIR

DIR must not exist. What only root can make (owners, devices, trusted and security attributes) is left out when the
program is not run by root. Nothing in it is random but content, which comes from a fixed seed.
"""

import os
import random
import socket
import stat
import struct
import subprocess
import sys

ROOT = os.geteuid() == 0
SEED = random.Random(20261121)

# The sizes at which the agent decides: small files in groups, minimum, average and maximum of a chunk (README: chunk).
GROUP_FILE, CHUNK = 32 << 10, 1 << 20
CRITICAL_SIZES = [1, 2, 4095, 4096, GROUP_FILE, 64 << 10, CHUNK // 4, CHUNK, 2 * CHUNK, 4 * CHUNK, 8 * CHUNK]


def write(path, data=b"content\n", mode=None):
    with open(path, "xb") as file:
        file.write(data)
    if mode is not None:
        os.chmod(path, mode)


def folder(name):
    os.mkdir(name)
    return name + b"/"


def modes():
    here = folder(b"modes")
    for mode in (0o000, 0o400, 0o111, 0o777, 0o4755, 0o2755, 0o6755, 0o1644, 0o7777, 0o2644):
        write(here + b"file-%04o" % mode, b"%04o" % mode, mode)
        os.mkdir(here + b"folder-%04o" % mode)
        os.chmod(here + b"folder-%04o" % mode, mode)
    write(here + b"folder-7777/inside")
    write(here + b"folder-0777/inside")
    os.chmod(here + b"folder-0777", 0o1555)


def owners():
    here = folder(b"owners")
    for uid, gid in ((0, 65534), (65534, 0), (12345, 54321), (4294967294, 4294967294), (2147483648, 1)):
        write(here + b"%d-%d" % (uid, gid), mode=0o4755)
        os.symlink(b"nowhere", here + b"link-%d-%d" % (uid, gid))
        os.mkdir(here + b"folder-%d-%d" % (uid, gid))
        for name in (b"%d-%d", b"link-%d-%d", b"folder-%d-%d"):
            os.chown(here + name % (uid, gid), uid, gid, follow_symlinks=False)
    os.chmod(here + b"12345-54321", 0o6755)  # changing the owner took the bits away


def attributes():
    here = folder(b"attributes")
    for name, make in ((b"file", write), (b"folder", os.mkdir), (b"empty", lambda p: write(p, b""))):
        make(here + name)
        os.setxattr(here + name, b"user.text", b"value")
        os.setxattr(here + name, b"user.empty", b"")
        os.setxattr(here + name, b"user.bytes", bytes(range(256)))
        os.setxattr(here + name, b"user.\xff\xfe\n odd name", b"\0")
        subprocess.run(["setfacl", "-m", "u:1234:rwx,g:4321:r-x,m::rx", here + name], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:77:rw,g::r,o::-", here + b"folder"], check=True)
    write(here + b"folder/inherits")
    os.mkdir(here + b"folder/inherits-too")
    write(here + b"long")
    os.setxattr(here + b"long", b"user." + b"n" * 250, b"v" * 3000)
    if ROOT:
        # VFS_CAP_REVISION_2, effective: cap_net_bind_service
        write(here + b"capable", mode=0o755)
        os.setxattr(here + b"capable", b"security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
        os.symlink(b"file", here + b"link")
        os.setxattr(here + b"link", b"trusted.of-a-link", b"1", follow_symlinks=False)
        write(here + b"trusted")
        os.setxattr(here + b"trusted", b"trusted.overlay.opaque", b"y")


def special():
    here = folder(b"special")
    os.mkfifo(here + b"fifo", 0o640)
    os.link(here + b"fifo", here + b"fifo-again")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(here + b"socket")
    if ROOT:
        for name, kind, major, minor in ((b"null", stat.S_IFCHR, 1, 3), (b"large", stat.S_IFCHR, 4095, 1048575),
                                         (b"loop", stat.S_IFBLK, 7, 0), (b"sdq", stat.S_IFBLK, 259, 70000)):
            os.mknod(here + name, kind | 0o660, os.makedev(major, minor))


def names():
    here = folder(b"names")
    for byte in range(1, 256):
        if byte != ord("/"):
            write(here + (b"dot" if byte == ord(".") else b"") + bytes([byte]), b"%d" % byte)
    for name in (b"new\nline", b"\xff\xfe\x80 no UTF-8", b"\xed\xa0\x80surrogate", b"-rf", b"--", b"...", b"trailing ",
                 b"\xe2\x80\xae right to left", b"e\xcc\x81", b"\xc3\xa9", b"*?[a-z]", b"$(reboot)", b"\x1b[31mred",
                 b"C:\\CON", b".hidden", b"n" * 255, b"\xff" * 255):
        write(here + name, name)
    # '/' sorts below every other byte: a folder's content comes before its neighbours '!', '-' and '.'.
    for name in (b"sort", b"sort/b", b"sort\x01", b"sort!", b"sort-", b"sort.d", b"sort.d/z", b"sort0"):
        if b"/" in name:
            write(here + name)
        else:
            os.mkdir(here + name)


def deep():
    """Paths that no system call takes in one piece: 5 * PATH_MAX, and 600 folders."""
    for start, component, depth in ((b"deep-long", b"d" * 250, 80), (b"deep-many", b"x", 600)):
        os.mkdir(start)
        fd = os.open(start, os.O_RDONLY)
        for level in range(depth):
            os.mkdir(component, dir_fd=fd)
            inner = os.open(component, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = inner
            if level % 40 == 39:
                os.close(os.open(b"file", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=fd))
        file = os.open(b"at the bottom", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=fd)
        os.write(file, b"found\n")
        os.close(file)
        os.link(b"at the bottom", b"the same", src_dir_fd=fd, dst_dir_fd=fd)
        os.symlink(b"at the bottom", b"link", dir_fd=fd)
        os.mkfifo(b"fifo", dir_fd=fd)
        os.utime(b"at the bottom", ns=(1, 987654321), dir_fd=fd)
        os.close(fd)


def empty():
    for path in (b"empty", b"empty/a", b"empty/a/b", b"empty/a/b/c", b"empty/d"):
        os.mkdir(path)
    write(b"empty/no-bytes", b"")
    write(b"empty/no-bytes-either", b"")


def sparse():
    here = folder(b"sparse")
    for name, size, extents in ((b"nothing-but-a-hole", 64 << 20, []),
                                (b"a-tebibyte", 1 << 40, [((1 << 40) - 4096, 4096)]),
                                (b"hole-first", 10 << 20, [(5 << 20, 5 << 20)]),
                                (b"hole-last", 10 << 20, [(0, 100000)]),
                                (b"hole-small", 40000, [(0, 10), (36864, 3136)]),
                                (b"odd-end", (3 << 20) + 17, [(1 << 20, 65536)]),
                                (b"comb", 200 * 8192, [(i * 8192, 4096) for i in range(200)])):
        with open(here + name, "xb") as file:
            os.truncate(file.fileno(), size)
            for offset, length in extents:
                os.pwrite(file.fileno(), SEED.randbytes(length), offset)
    write(here + b"zeros-that-are-data", bytes(1 << 20))


def hard_links():
    here = folder(b"hard-links")
    os.mkdir(here + b"a")
    os.mkdir(here + b"z")
    write(here + b"z/small", b"one file, four names")
    os.link(here + b"z/small", here + b"a/small")
    os.link(here + b"z/small", here + b"small")
    os.link(here + b"z/small", here + b"z/small-too")
    write(here + b"large", SEED.randbytes(3 * CHUNK))
    os.link(here + b"large", here + b"a/large")
    write(here + b"none", b"")
    os.link(here + b"none", here + b"none-too")
    os.symlink(b"target", here + b"symbolic")
    os.link(here + b"symbolic", here + b"z/symbolic", follow_symlinks=False)


def links():
    here = folder(b"links")
    for name, target in ((b"dangling", b"nowhere"), (b"absolute", b"/etc/passwd"), (b"up", b"../../../.."), (b"itself", b"itself"),
                         (b"folder", b"../modes"), (b"bytes", b"\xff\n\x01"), (b"longest", b"t" * 4095), (b"dot", b".")):
        os.symlink(target, here + name)
    os.utime(here + b"dangling", ns=(5, 1234567890123456789), follow_symlinks=False)


def times():
    here = folder(b"times")
    for ns in (0, 1, 999999999, -1, -1000000000, -2147483648 * 10**9, 2147483648 * 10**9 + 1, 4102444800123456789,
               1789000000999999999):
        write(here + b"%d" % ns)
        os.mkdir(here + b"folder%d" % ns)
        os.utime(here + b"%d" % ns, ns=(0, ns))
        write(here + b"folder%d/inside" % ns)
        os.utime(here + b"folder%d" % ns, ns=(0, ns))


def sizes():
    here = folder(b"sizes")
    for size in CRITICAL_SIZES:
        for delta in (-1, 0, 1):
            write(here + b"random%+d-%d" % (delta, size), SEED.randbytes(size + delta))
    for size in (4 * CHUNK - 1, 4 * CHUNK, 4 * CHUNK + 1, 9 * CHUNK):
        write(here + b"repeated-%d" % size, b"U" * size)
    write(here + b"many-chunks", SEED.randbytes(96 * CHUNK))


def many():
    here = folder(b"many")
    for i in range(1500):
        write(here + b"%04d.eml" % i, SEED.randbytes(SEED.choice((0, 10, 700, 3000))))
    for i in range(100):
        inner = folder(here + b"folder%03d" % i)
        write(inner + b"message", b"%d" % i)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.umask(0o022)
    os.mkdir(sys.argv[1])
    os.chdir(sys.argv[1])
    for make in (modes, attributes, special, names, deep, empty, sparse, hard_links, links, times, sizes, many):
        make()
    if ROOT:
        owners()
    os.chmod(".", 0o2751)
    os.setxattr(".", b"user.root", b"of the tree")
    os.utime(b"names", ns=(0, 1111111111222222222))
    os.utime(".", ns=(0, 1234567890987654321))


if __name__ == "__main__":
    main()
