"""The wall of files: a root of its own in which a student's process sees Python, the course's package and its data,
read-only, and a folder for the job; nothing else exists.

Everything is a mount in a private mount namespace; nothing is left on the disk.
"""

import os
import stat
from pathlib import Path

from dyadlab.grading.sandbox import kernel
from dyadlab.grading.sandbox.kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

#: What Python and its libraries need of the system; what a machine does not have is left out.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/alternatives")
DEVICES = ("null", "zero", "full", "random", "urandom")
JOB, _SPACE = "/job", "/.space"
_READ_ONLY = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV


def own_mounts():
    """From here on nothing mounted in this mount namespace is seen outside."""
    kernel.mount("none", "/", "", MS_REC | MS_PRIVATE)


def new_root(read_only, identity):
    """Make a root of ``read_only`` paths and the system's parts, and enter it. Needs own_mounts() and privilege.

    identity : (user id, group id) of who will live in it; it owns nothing of it but gets a name.
    """
    # looked at and opened before anything is hidden: Python may live in a private home, or below the folder used here
    scratch = temporary(read_only)
    copies = {path: _copy(path, _READ_ONLY) for path in places(read_only)}
    links = {path: os.readlink(path) for path in SYSTEM if os.path.islink(path)}
    devices = {f"/dev/{name}": _copy(f"/dev/{name}", _READ_ONLY & ~kernel.ATTR_NODEV) for name in DEVICES}
    base = next(folder for folder in ("/tmp", "/var", "/usr") if os.path.isdir(folder))
    old_mask = os.umask(0o022)
    kernel.mount("root", base, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,nr_inodes=4096,mode=755")
    try:
        for path, copy in {**copies, **devices}.items():
            _attach(copy, base + path)
        for path, target in links.items():
            os.symlink(target, base + path)
        for folder in (JOB, "/tmp", scratch, _SPACE, "/dev/shm", "/proc"):
            os.makedirs(base + folder, exist_ok=True)
        for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
            os.symlink(f"/proc/self/fd{target}", f"{base}/dev/{name}")
        user, group = identity
        os.makedirs(base + "/etc", exist_ok=True)
        Path(base, "etc/passwd").write_text(f"student:x:{user}:{group}::{JOB}:/bin/false\n")
        Path(base, "etc/group").write_text(f"student:x:{group}:\n")
        fresh_proc(base + "/proc")
        kernel.pivot_root(base)
        root = kernel.MS_REMOUNT | MS_BIND | kernel.MS_RDONLY | MS_NOSUID | MS_NODEV
        kernel.mount("none", "/", "", root)
    finally:
        os.umask(old_mask)


def places(read_only):
    """The paths to show: ``read_only`` and the system's, each also where its links lead; none below another."""
    wanted = set()
    for path in [*SYSTEM, *SETTINGS, *read_only]:
        if os.path.exists(path) and not (path in SYSTEM and os.path.islink(path)):
            wanted |= {os.path.abspath(path), os.path.realpath(path)}
    return sorted(path for path in wanted if not any(str(above) in wanted for above in Path(path).parents))


def temporary(read_only):
    """The folder for temporary files: /tmp, unless something that must be seen lies below it."""
    return "/scratch" if any("/tmp" in map(str, Path(path).parents) for path in places(read_only)) else "/tmp"


def _copy(path, attributes):
    copy = kernel.copy_of_mount(path)
    kernel.restrict_mount(copy, attributes)
    return copy


def _attach(copy, target):
    if stat.S_ISDIR(os.fstat(copy).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    kernel.attach_mount(copy, target)
    os.close(copy)


def fresh_proc(target):
    """A /proc with the processes of this process id namespace and no others.

    In a container whose own /proc is partly masked the kernel refuses that. Then ``target`` stays empty; should it
    already show processes, they are others' and the refusal stands.
    """
    try:
        kernel.mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except PermissionError:
        if os.path.exists(f"{target}/self"):
            raise


def job_space(disk_mb, identity, temporary_folder):
    """Empty job, temporary and shared memory folders of ``disk_mb`` together, owned by ``identity``."""
    options = f"size={disk_mb}m,nr_inodes={max(1024, disk_mb * 64)},mode=700"
    kernel.mount("job", _SPACE, "tmpfs", MS_NOSUID | MS_NODEV, options)
    for name, target in {"job": JOB, "tmp": temporary_folder, "shm": "/dev/shm"}.items():
        folder = f"{_SPACE}/{name}"
        os.mkdir(folder, 0o700)
        os.chown(folder, *identity)
        kernel.mount(folder, target, "", MS_BIND)
    # the space itself stays where it is: unmounting would wait for the whole machine (some milliseconds)


def write_job_files(folder, contents):
    """``contents``: {relative name: bytes}. Raises ValueError for a name that leads out of ``folder``."""
    for name, content in contents.items():
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{name!r} does not name a file within the job's folder.")
        Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, path).write_bytes(content)
