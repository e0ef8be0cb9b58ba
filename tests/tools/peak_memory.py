#!/usr/bin/python3
"""Runs a command and says how much anonymous memory it had at most.

    peak_memory.py FILE COMMAND...

Writes the greatest RssAnon of the process, in KiB, to FILE (guarded memory counts; pages of mapped files do not), as
sampled a few hundred times a second. Ends with the command's exit status.
"""

import subprocess
import sys
import time


def anonymous(pid):
    """KiB, or 0 when the process has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1])
    except (OSError, ProcessLookupError):
        pass
    return 0


def main():
    process = subprocess.Popen(sys.argv[2:])
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.003)
    with open(sys.argv[1], "w", encoding="ascii") as out:
        print(peak, file=out)
    sys.exit(process.returncode if process.returncode >= 0 else 128 - process.returncode)


if __name__ == "__main__":
    main()
