"""Nightfold, restic and borg doing the same work: each night into two zones, restore, check and prune."""

import datetime
import json
import os
import subprocess
from pathlib import Path

from measure import Result, measure, reads

FIRST = datetime.datetime(2026, 11, 21, 2, tzinfo=datetime.timezone.utc)


def moment(days, hours=0):
    """The test clock's text so long after the first night."""
    return (FIRST + datetime.timedelta(days=days, hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Nightfold:
    name = "nightfold"
    CONFIG = """\
state: {home}/state
agent_key: {home}/keys/agent.key
operator_key: {home}/keys/operator.key
validator_key: {home}/keys/validator.key
grace: 0
test_clock: true
same_host: accepted
zones:
  - {{name: az1, url: "file://{home}/az1"}}
  - {{name: az2, url: "file://{home}/az2"}}
recipients:
  - {{name: operator, key: {home}/keys/operator.pub}}
  - {{name: validator, key: {home}/keys/validator.pub}}
products:
  - {{name: messaging, backup: {window}}}
datasets:
  - name: sms
    product: messaging
    class: message
    source: {{type: files, path: {source}}}
    chunk: {chunk}
"""

    def __init__(self, home: Path, build, source, chunk="1 MiB", window="30 days", cores=None):
        self.home, self.build, self.source, self.cores, self.now = home, build, source, cores, moment(0)
        self.zones = [home / "az1", home / "az2"]
        for folder in self.zones:
            folder.mkdir(parents=True)
        self.config = home / "nightfold.yaml"
        self.settings = {"home": home, "source": source.folder, "chunk": chunk}
        self.keep("30 days" if window is None else window)
        self.do("keys", "init", "--dir", home / "keys", config=False)

    def keep(self, window):
        self.config.write_text(self.CONFIG.format(window=window, **self.settings))

    def command(self, program, *words):
        return [self.build / f"nightfold-{program}", *words, "--config", self.config]

    def env(self):
        return {"NIGHTFOLD_TEST_NOW": self.now}

    def do(self, program, *words, config=True):
        command = self.command(program, *words)
        return measure(command if config else command[:-2], env=self.env(), cores=self.cores)

    def reads(self, program, *words):
        return reads(self.command(program, *words), self.zones, env=self.env())

    def json(self, program, *words):
        return json.loads(subprocess.run(self.command(program, *words, "--json"), check=True, stdout=subprocess.PIPE,
                                         env={**os.environ, **self.env()}).stdout)

    def night(self, number, zones=2):
        assert zones <= len(self.zones)  # always both: a zone that is not there would be caught up
        self.now = moment(number)
        return self.do("agent", "run")

    def nights(self, count):
        """The way to many snapshots: as many nights with a change after each, not measured."""
        for number in range(count):
            self.now = moment(number)
            subprocess.run(self.command("agent", "run"), check=True, env={**os.environ, **self.env()},
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.source.next_night()

    def restore(self, target):
        return self.do("restore", "restore", "sms@latest", "--to", target)

    def check(self, level):
        return self.do("verify", "check", "--level", level)

    def prune(self):
        """Of the nights 0 to 3 the last is left."""
        self.now = moment(32, hours=1)
        return self.do("agent", "prune")


class Restic:
    name = "restic"
    version = ["restic", "version"]

    def __init__(self, home: Path, _build, source):
        self.home, self.source = home, source
        self.zones = [home / "az1", home / "az2"]
        home.mkdir()
        (home / "password").write_text("bench\n")
        self.do(0, "init")
        self.do(1, "init", "--copy-chunker-params", *self.origin())

    def origin(self):
        return "--from-repo", self.zones[0], "--from-password-file", self.home / "password"

    def do(self, zone, *words, cwd=None):
        return measure(["restic", "--quiet", "--repo", self.zones[zone], "--password-file", self.home / "password",
                        "--cache-dir", self.home / "cache", *words], cwd=cwd)

    def both(self, *words):
        return self.do(0, *words) + self.do(1, *words)

    def night(self, _number, zones=2):
        first = self.do(0, "backup", ".", cwd=self.source.folder)
        return first + self.do(1, "copy", *self.origin()) if zones == 2 else first

    def restore(self, target):
        return self.do(0, "restore", "latest", "--target", target)

    def check(self, level):
        return self.both("check", *(["--read-data"] if level == "data" else []))

    def prune(self):
        return self.both("forget", "--keep-last", "1", "--prune")


class Borg:
    name = "borg"
    version = ["borg", "--version"]

    def __init__(self, home: Path, _build, source):
        self.home, self.source, self.last = home, source, ""
        self.zones = [home / "az1", home / "az2"]
        home.mkdir()
        for zone in self.zones:
            self.do("init", "--encryption", "repokey-blake2", zone)

    def do(self, *words, cwd=None):
        return measure(["borg", *words], cwd=cwd, env={"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(self.home)})

    def both(self, *words):
        return self.do(*words, self.zones[0]) + self.do(*words, self.zones[1])

    def night(self, number, zones=2):
        self.last = f"night{number}"
        return sum((self.do("create", "--compression", "zstd,3", f"{zone}::{self.last}", ".", cwd=self.source.folder)
                    for zone in self.zones[:zones]), Result())

    def restore(self, target):
        target.mkdir()
        return self.do("extract", f"{self.zones[0]}::{self.last}", cwd=target)

    def check(self, level):
        return self.both("check", "--verify-data" if level == "data" else "--repository-only")

    def prune(self):
        return self.both("prune", "--keep-last", "1") + self.both("compact")
