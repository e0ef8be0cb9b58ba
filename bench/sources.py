"""What is backed up: generated, the same bytes each time, and changed from night to night."""

import shutil
import subprocess

from scratch import discard

NEW_DATA = 0.06


class Source:
    """`size`: bytes of all files of the first night, about. new_data: the share of it that is new on the next."""

    new_data = NEW_DATA

    def __init__(self, folder, build, size):
        self.folder, self.build, self.size = folder, build, size
        folder.mkdir(parents=True)
        self.first_night()

    def generate(self, program, *words):
        subprocess.run([self.build / "bench" / program, *map(str, words)], check=True)

    def files(self):
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def by_age(self):
        return self.files()

    def bytes(self):
        return sum(path.stat().st_size for path in self.files())

    def rewrite(self):
        """As an application that saves everything anew: other inodes and times, the same bytes."""
        for path in self.files():
            shutil.copyfile(self.gone(path), path)

    def gone(self, path):
        return discard(path, self.folder.parent)

    def remove_oldest(self, size):
        for path in self.by_age():
            if size <= 0:
                break
            size -= path.stat().st_size
            self.gone(path)


class Messages(Source):
    """A gateway's spool: JSON lines in files of 8 MiB. Each night some come, and the oldest go."""

    name, title = "messages", "messages (JSON lines in files of 8 MiB)"
    night = 1
    file_size = 8 << 20

    def first_night(self):
        self.generate("messages", self.folder, self.size, self.night, self.file_size)

    def next_night(self, part=NEW_DATA):
        self.night += 1
        self.remove_oldest(self.size * part)
        self.generate("messages", self.folder, int(self.size * part), self.night, self.file_size)


class Mails(Source):
    """Mails of 1 to 12 KiB in Maildirs of about a thousand. New ones come to each, and the oldest go from each."""

    name, title = "mails", "mails of 1 to 12 KiB in Maildirs"
    AVERAGE = 6700  # bytes

    def first_night(self):
        self.count = 0
        self.users = max(1, self.size // self.AVERAGE // 1000)
        self.come(self.size // self.AVERAGE)

    def come(self, count):
        self.generate("mails", self.folder, self.count, count, self.users)
        self.count += count

    def by_age(self):
        return sorted(self.files(), key=lambda path: path.name)

    def next_night(self, part=NEW_DATA):
        self.remove_oldest(self.size * part)
        self.come(int(self.size * part) // self.AVERAGE)


class Dump(Source):
    """One large file, as pg_dump writes it: rows come, go and change, and what follows is shifted."""

    new_data = None

    name, title = "large", "one large file (a table as pg_dump writes it)"
    night = 0

    def path(self):
        return self.folder / "messages.sql"

    def first_night(self):
        self.generate("dump", self.path(), self.size, self.night)

    def next_night(self, _part=NEW_DATA):
        self.night += 1
        self.generate("dump", self.path(), self.size, self.night)


class Tiny(Source):
    """Many files with a line each, a thousand to a folder. `size`: how many."""

    def first_night(self):
        for number in range(self.size):
            if number % 1000 == 0:
                folder = self.folder / f"{number // 1000:04}"
                folder.mkdir()
            (folder / f"{number % 1000:03}").write_text(f"{number * 7919 % 100003} {number}\n")

    def next_night(self, _part=NEW_DATA):
        (self.folder / "0000/000").write_text("changed\n" + (self.folder / "0000/000").read_text()[-4000:])


def same_content(source, target):
    """Nothing when a restore has all that was backed up, or the differences."""
    compared = subprocess.run(["diff", "--recursive", "--brief", source, target], stdout=subprocess.PIPE, text=True)
    return compared.stdout[:2000] if compared.returncode else ""
