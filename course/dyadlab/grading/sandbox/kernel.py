"""System calls of Linux that Python has no function for, by ctypes. Each raises OSError with the kernel's reason.

The module imports everywhere; the calls work on Linux only.
"""

import ctypes
import os
import platform
import struct
import sys

LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 1 << 14, 1 << 18,
)  # fmt: skip
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_SET_KEEPCAPS = 36, 38, 47, 8
#: Numbers of system calls which are the same on every machine (they are newer than the common table).
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine())
LAST_CAPABILITY = 63
CAP_DAC_READ_SEARCH = 2


def _checked(result, what=""):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} ({what})")
    return result


def syscall(number, *arguments):
    wide = [a if isinstance(a, bytes | ctypes._SimpleCData | ctypes.Array) else ctypes.c_long(a) for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide), f"system call {number}")


def prctl(option, *arguments):
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _checked(_libc.prctl(option, *(ctypes.c_ulong(argument) for argument in padded)), f"prctl {option}")


def unshare(flags):
    _checked(_libc.unshare(flags), f"unshare {flags:#x}")


def setns(descriptor, kind):
    _checked(_libc.setns(descriptor, kind), f"setns {kind:#x}")


def mount(source, target, kind, flags, options=""):
    _checked(
        _libc.mount(
            source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode() or None
        ),
        f"mount {kind or source} on {target}",
    )


def unmount(target):
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), f"unmount {target}")


def copy_of_mount(path):
    """A file descriptor of a detached copy of what is mounted at and below ``path`` (Linux 5.2)."""
    at_recursive = 0x8000
    return syscall(OPEN_TREE, -100, os.fsencode(path), 1 | os.O_CLOEXEC | at_recursive)


def restrict_mount(descriptor, attributes):
    """Set ATTR_… flags on a detached mount and on all mounts below it (Linux 5.12)."""
    at_empty_path, at_recursive = 0x1000, 0x8000
    request = struct.pack("=QQQQ", attributes, 0, 0, 0)
    syscall(MOUNT_SETATTR, descriptor, b"", at_empty_path | at_recursive, request, len(request))


def attach_mount(descriptor, target):
    move_mount_from_empty_path = 4
    syscall(MOVE_MOUNT, descriptor, b"", -100, os.fsencode(target), move_mount_from_empty_path)


def pivot_root(folder):
    """Make ``folder``, which must be a mount, the root of this mount namespace; the old root is gone afterwards."""
    if PIVOT_ROOT is None:
        raise OSError(38, f"the number of pivot_root on {platform.machine()} is not known here")
    os.chdir(folder)
    syscall(PIVOT_ROOT, b".", b".")
    unmount(".")
    os.chdir("/")


def set_capabilities(kept=()):
    """Of all capabilities of this process only those in ``kept`` stay (as permitted and effective)."""
    version_3 = 0x2008_0522
    bits = sum(1 << number for number in kept)
    low, high = bits & 0xFFFF_FFFF, bits >> 32
    header = ctypes.create_string_buffer(struct.pack("=Ii", version_3, 0))
    data = ctypes.create_string_buffer(struct.pack("=6I", low, low, 0, high, high, 0))
    _checked(_libc.capset(header, data), "capset")


def empty_bounding_set():
    """No program that this process ever starts can gain a capability from a file."""
    for number in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == 22:  # past the last capability that this kernel knows
                return
            raise
