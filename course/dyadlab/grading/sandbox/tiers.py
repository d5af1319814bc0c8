"""The tiers of protection, what each is made of, and what a student's process may see."""

import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from dyadlab.sentences import Sentence

FIRST_IDENTITY = 60000
MOST_SLOTS = 5500  # 65534 is nobody
#: The walls by tier. Tests take them away one by one (Tier.replace(without=...)) to see that each one matters.
WALLS = {
    "namespaces": (
        "files", "network", "processes", "identity", "system calls", "memory", "processor time", "process count",
        "file size", "disk", "open files", "descriptors", "environment",
    ),
    "landlock": (
        "files", "network", "scope", "signals", "identity", "system calls", "memory", "processor time", "process count",
        "file size", "disk", "open files", "descriptors", "environment", "sweep",
    ),
    "none": ("memory", "processor time", "process count", "file size", "open files", "descriptors", "environment"),
}  # fmt: skip
OWN_USER, USER_NAMESPACE, SAME_USER = "a user of its own", "a user namespace", "the grader's user"


class NoSandbox(Sentence):
    """This machine offers no protection against what students' code might do; the message says what to do."""


@dataclass(frozen=True)
class Tier:
    """One way to lock a student's process in.

    name : "namespaces", "landlock" or "none".
    identity : OWN_USER (needs root), USER_NAMESPACE or SAME_USER.
    lacks : walls that this machine does not offer, as words for the reader.
    without : walls left out on purpose, for tests.
    """

    name: str
    identity: str = SAME_USER
    lacks: tuple[str, ...] = ()
    without: frozenset[str] = field(default_factory=frozenset)

    def replace(self, **changes):
        if "without" in changes:
            changes["without"] = frozenset(changes["without"])
            unknown = changes["without"] - set(WALLS[changes.get("name", self.name)])
            if unknown:
                raise ValueError(f"The tier {self.name!r} has no wall {', '.join(sorted(unknown))}.")
        return replace(self, **changes)

    def has(self, wall):
        return wall in WALLS[self.name] and wall not in self.without

    def user(self, slot):
        """(user id, group id) that students' code runs with in ``slot``."""
        if self.identity == OWN_USER and self.has("identity"):
            return FIRST_IDENTITY + slot, FIRST_IDENTITY + slot
        return os.getuid(), os.getgid()

    def describe(self):
        """One sentence for the output and the record."""
        who = {
            OWN_USER: "another user",
            USER_NAMESPACE: "your user stripped of all rights",
            SAME_USER: "your user",
        }[self.identity]
        if self.name == "namespaces":
            said = f"The walls are Linux namespaces: the code runs as {who}, with limits on memory, time and disk."
        elif self.name == "landlock":
            said = f"The walls are Linux's Landlock: the code runs as {who}, with limits on memory, time and disk."
        else:
            said = "Students' code runs UNPROTECTED: it can do whatever you can. Only its memory and time are limited."
        if self.lacks:
            said += f" Not offered by this machine: {', '.join(self.lacks)}."
        if self.without:
            said += f" Left out for a test: {', '.join(sorted(self.without))}."
        return said

    def as_data(self):
        return {**asdict(self), "lacks": list(self.lacks), "without": sorted(self.without)}

    @classmethod
    def from_data(cls, data):
        return cls(data["name"], data["identity"], tuple(data["lacks"]), frozenset(data["without"]))


NONE = Tier("none")


@dataclass(frozen=True)
class View:
    """What a student's process sees besides its job: these paths, read-only."""

    read_only: tuple[str, ...]

    @classmethod
    def of_this_python(cls, *more):
        """This Python with its libraries, the package and the course's data; never the course's sources."""
        import dyadlab

        package = Path(dyadlab.__file__).parent
        beside = package.parents[1] / "datasets"
        found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, package]
        found += [beside] if beside.is_dir() else []
        return cls(tuple(dict.fromkeys(str(path) for path in [*found, *more])))
