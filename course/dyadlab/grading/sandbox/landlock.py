"""The wall of Landlock: a process gives up, for itself and its children, all files but those named, all TCP ports,
and (where the kernel is new enough) signals to and abstract sockets of everything outside.

Landlock needs no privilege and works inside most containers. Described in the kernel's documentation, "Landlock:
unprivileged access control" (ABI 1: Linux 5.13; TCP: 4, Linux 6.7; signals and abstract sockets: 6, Linux 6.12).
"""

import os
import struct

from dyadlab.grading.sandbox import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK, _REFER, _TRUNCATE, _IOCTL_DEV = 1 << 6, 1 << 11, 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
TCP_SINCE, SCOPES_SINCE = 4, 6


def version():
    """The Landlock ABI of this kernel; 0 where there is none or a container forbids it."""
    if not kernel.LINUX:
        return 0
    try:
        return max(0, kernel.syscall(kernel.LANDLOCK_CREATE, 0, 0, 1))
    except OSError:
        return 0


def _rights(abi):
    rights = (1 << 13) - 1
    rights |= _REFER if abi >= 2 else 0
    rights |= _TRUNCATE if abi >= 3 else 0
    return rights | (_IOCTL_DEV if abi >= 5 else 0)


def restrict(read=(), write=(), files=True, network=True, scopes=True):
    """Enter a domain: below ``read`` only reading, below ``write`` everything but devices. Needs no_new_privs.

    Paths that do not exist are left out. What this kernel does not know is not restricted: see :func:`version`.
    """
    abi = version()
    rights = _rights(abi) if files else 0
    attributes = struct.pack(
        "=QQQ", rights, 3 if network and abi >= TCP_SINCE else 0, 3 if scopes and abi >= SCOPES_SINCE else 0
    )
    size = 8 if abi < TCP_SINCE else 16 if abi < SCOPES_SINCE else 24
    if attributes[:size] == bytes(size):
        return
    rules = kernel.syscall(kernel.LANDLOCK_CREATE, attributes, size, 0)
    try:
        if files:
            for path in read:
                _allow(rules, path, rights & _READ)
            for path in write:
                _allow(rules, path, rights & ~(_MAKE_CHAR | _MAKE_BLOCK))
        kernel.syscall(kernel.LANDLOCK_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules, path, rights):
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not os.path.isdir(path):
            rights &= _FOR_FILES
        kernel.syscall(kernel.LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
