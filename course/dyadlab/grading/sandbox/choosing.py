"""Which walls does this machine really have? Found by trying them, never by its name."""

import os
import sys
from pathlib import Path

from dyadlab.grading.sandbox import calls, kernel, landlock
from dyadlab.grading.sandbox.selftest import self_test
from dyadlab.grading.sandbox.tiers import OWN_USER, SAME_USER, USER_NAMESPACE, NoSandbox, Tier

ELSEWHERE = (
    "Students' code can be locked in on Linux only. Grade on the course's JupyterHub, or in a Linux container "
    "(Docker, WSL 2); if you trust every submission, --no-sandbox grades here without any protection."
)


def choose(view=None):
    """The strongest tier that works here, as a Tier. Raises NoSandbox with what is missing and how to get it."""
    if not kernel.LINUX:
        raise NoSandbox(ELSEWHERE)
    refused = []
    for tier in candidates():
        report = self_test(tier, view, quick=True)
        if report.passed:
            return tier
        refused.append(f"- {_title(tier)}: {report.sentence()}")
    raise NoSandbox(
        "\n".join(
            [
                "This machine offers nothing that could lock students' code in. Tried:",
                *(refused or ["- nothing: the kernel has neither namespaces nor Landlock for this user."]),
                "What helps:",
                *(f"- {hint}" for hint in hints()),
                "If you trust every submission, --no-sandbox grades without any protection.",
            ]
        )
    )


def candidates():
    """The tiers that could work here, the strongest first."""
    root = os.geteuid() == 0
    no_filter = () if calls.known() else ("a filter of system calls",)
    found = [Tier("namespaces", OWN_USER if root else USER_NAMESPACE, no_filter)]
    abi = landlock.version()
    if abi and calls.known():
        found.append(Tier("landlock", OWN_USER if root else SAME_USER))
    return found


def _title(tier):
    return {"namespaces": "namespaces", "landlock": "Landlock with a filter of system calls"}[tier.name]


def _setting(path):
    try:
        return Path("/proc/sys", path).read_text().strip()
    except OSError:
        return None


def hints():
    """What would give this machine walls, as sentences."""
    said = []
    if os.geteuid() != 0:
        if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
            said.append(
                "AppArmor keeps user namespaces from ordinary users here: "
                "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows them."
            )
        if _setting("kernel/unprivileged_userns_clone") == "0":
            said.append("`sudo sysctl kernel.unprivileged_userns_clone=1` allows user namespaces.")
        if _setting("user/max_user_namespaces") == "0":
            said.append("`sudo sysctl user.max_user_namespaces=10000` allows user namespaces.")
        said.append("Run the command as root: it then gives each student's process a user without rights.")
    if _in_container():
        said.append(
            "In a container, start it with `--security-opt seccomp=unconfined --cap-add SYS_ADMIN` (it must be a "
            "container that does nothing else), or with a profile that allows unshare, mount and pivot_root."
        )
    if not landlock.version():
        said.append(
            "Landlock needs Linux 5.13 or newer, with `landlock` among the security modules (`lsm=` at boot), and a "
            "container profile that allows its system calls (that of current Docker does)."
        )
    if not os.access(sys.prefix, os.R_OK | os.X_OK) or not _open_to_all(sys.prefix):
        said.append(f"Python lives in {sys.prefix}, which other users may not read: `chmod -R a+rX` on it and above.")
    return said


def _in_container():
    return (
        os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv") or "KUBERNETES_SERVICE_HOST" in os.environ
    )


def _open_to_all(path):
    return all(os.stat(place).st_mode & 0o001 for place in [path, *Path(path).parents])
