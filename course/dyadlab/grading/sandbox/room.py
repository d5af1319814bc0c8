"""The room of a warm process: it makes the walls that last, forks students' processes behind them, and ends those.

The warm process makes a Room as early as it can (best before it imports much, always before it has a second thread).
That forks once: the process that goes on is the warm one, and its parent stays behind as a small guard whose only work
is that nothing outlives anybody:

    worker -> guard -> warm process -> student's process -> whatever that starts

In the tier "namespaces" the warm process and each student's process are the first of a process id namespace, so that
either takes everything below along when it dies; in the tier "landlock" the guard and the warm process sweep up.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from dyadlab.grading.sandbox import calls, files, kernel, landlock, limits
from dyadlab.grading.sandbox.tiers import FIRST_IDENTITY, MOST_SLOTS, OWN_USER, SAME_USER, USER_NAMESPACE, View

#: The whole environment of a student's process; HOME and TMPDIR come on top. One thread for linear algebra, since a
#: fork copies no threads, and graders side by side fill the cores anyway.
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "USER": "student",
    "LOGNAME": "student",
}
#: These variables of the warm process stay, when it has them.
PASSED_ON = ("DYADLAB_WORLD", "NBGRADER_EXECUTION", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE")


SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_DIE = 30
SECONDS_TO_HELP = 1
SLOTS_APART = 64


class WallsFailed(Exception):
    """A wall could not be made for this one process, which therefore ran nothing. The message says which."""


class Room:
    """Where the students' processes of one worker slot live, one at a time.

    tier : Tier. what_to_set : Limits. slot : number of the worker, which decides the user id (60000 + slot).
    view : View, what students' processes see (this Python by default).
    Raises WallsFailed where the lasting walls cannot be made; then the process should end.
    """

    def __init__(self, tier, most, slot, view=None):
        if threading.active_count() > 1:
            raise WallsFailed("A room can only be made by a process that has one thread.")
        self.tier, self.most, self.slot = tier, most, slot
        self.view = view or View.of_this_python()
        self._temporary = files.temporary(self.view.read_only)
        self._claim = None
        self.identity = self._claim_a_user()
        self._enclosed = False
        self._filter = None
        self._student = self._seen_as = None
        self._folder = self._base = None
        self._host_proc = self._own_pids = None
        self._only_below = False
        if not kernel.LINUX:
            return
        if tier.name == "namespaces":
            self._settle_in_namespaces()
        elif tier.name == "landlock":
            self._settle_under_landlock()
        if tier.has("identity") and (os.geteuid() == 0 or tier.identity == USER_NAMESPACE):
            kernel.empty_bounding_set()  # once for all children; what this process has, it keeps

    # --- settling: once ---

    def _claim_a_user(self):
        """The slot's user, or another where somebody has it.

        A second grader on this machine would share its limits. A stranger (systemd too gives out such ids, to services
        and to people) would have its processes ended with the student's.
        """
        if self.tier.identity != OWN_USER:
            return self.tier.user(self.slot)
        in_use = _users_in_use()
        for slot in range(self.slot, MOST_SLOTS, SLOTS_APART):
            user, group = self.tier.user(slot)
            if user != os.getuid() and (user in in_use or _has_a_name(user)):
                continue
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(
                    f"\0dyadlab-user-{FIRST_IDENTITY + slot}"
                )  # free again when this process ends, however it ends
            except OSError:
                claim.close()
                continue
            self._claim = claim
            return user, group
        raise WallsFailed(f"No user id is free for slot {self.slot}; is another grader running?")

    def _settle_in_namespaces(self):
        has = self.tier.has
        new = kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
        new |= kernel.CLONE_NEWPID if has("processes") else 0
        new |= kernel.CLONE_NEWNET if has("network") else 0
        self._host_proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.tier.identity == USER_NAMESPACE:
            _enter_user_namespace(new)
        else:
            kernel.unshare(new)
        alive = _fork_leaving_a_guard()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        _end_unless(alive)
        if has("processes"):
            self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        files.own_mounts()

    def _settle_under_landlock(self):
        with contextlib.suppress(OSError):
            os.setsid()
        self._base = tempfile.mkdtemp(prefix="dyadlab-job-")
        os.chmod(self._base, 0o711)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        self._become_sweeper()
        alive = _fork_leaving_a_guard(self._watch_the_disk, self._sweep_and_go)
        self._become_sweeper()
        signal.signal(signal.SIGTERM, self._sweep_and_go)
        _end_unless(alive)

    def _become_sweeper(self):
        """What anything below leaves behind becomes this process's child; it can signal only what is below it."""
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)  # and not SIGKILL: it has to sweep first
        above = os.getppid()
        could = _may_signal(above)
        landlock.restrict(files=False, network=False, scopes=self.tier.has("scope"))
        self._only_below = could and not _may_signal(above)

    def _enclose(self):
        """The warm process itself moves into the root that students see. It has imported what it needs by now."""
        self._enclosed = True
        self._filter = self._filter_for_all()
        if self.tier.name == "namespaces" and self.tier.has("files"):
            files.new_root(self.view.read_only, self.identity)

    # --- one student's process ---

    def fork(self, body, keep=(), job_files=None):
        """Fork, lock the child in, and call ``body()`` in it, with the job's folder as its working folder.

        keep : file descriptors that stay open; 0, 1 and 2 lead nowhere unless they are kept, all others are closed.
        job_files : {relative name: bytes}, in the job's folder when ``body`` starts.
        Returns the process id of the child as the worker sees it. Never returns in the child, which ends with ``body``.
        Raises WallsFailed when a wall could not be made: then ``body`` was not called.
        """
        if self._student is not None:
            raise WallsFailed("The student's process before this one has not been ended.")
        if not self._enclosed:
            self._enclose()
        if self.tier.name != "namespaces" or not self.tier.has("files"):
            self._make_folder()
        sys.stdout.flush()
        sys.stderr.flush()
        told, tell = os.pipe()
        child = self._fork_into_new_process_ids()
        if child == 0:
            self._live(body, tuple(keep), job_files or {}, tell)
        self._student = child
        os.close(tell)
        with open(told, "rb") as listening:
            said = json.loads(listening.read() or b'{"failed": "it ended before its walls stood"}')
        if "failed" in said:
            self.end()
            raise WallsFailed(f"The walls around a student's process could not be made: {said['failed']}.")
        self._seen_as = said["pid"]
        return self._seen_as

    def _fork_into_new_process_ids(self):
        if self._own_pids is None:
            return os.fork()
        kernel.unshare(kernel.CLONE_NEWPID)  # for children only; the first of them is its number 1
        child = None
        try:
            child = os.fork()
        finally:
            if child != 0:
                kernel.setns(self._own_pids, kernel.CLONE_NEWPID)
        return child

    def _live(self, body, keep, job_files, tell):
        """In the child. Whatever happens, it ends here."""
        status = 1
        try:
            try:
                self._lock_in(job_files, keep, tell)
            except BaseException as error:
                os.write(tell, json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
                os._exit(3)
            os.close(tell)
            body()
            status = 0
        except SystemExit as request:
            status = request.code if isinstance(request.code, int) else 1
        except BaseException:
            with contextlib.suppress(BaseException):
                traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status & 0xFF)

    def _lock_in(self, job_files, keep, tell):
        seen_as = self._leave_the_family()
        job, temporary = self._enter_the_job()
        self._close_descriptors(keep, tell)
        self._set_environment(temporary)
        # counted while /proc still shows them: processes of the same user count towards its limit
        others = _processes_of(os.getuid()) if self._among_equals() else 0
        if kernel.LINUX and self.tier.name != "none":
            self._become_nobody()
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or it could not read its own /proc; no other student is its user
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if kernel.LINUX:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which forgets it
        files.write_job_files(job, job_files)
        limits.set_limits(self.most, self._limits_left_out(), others)
        self._shut(job, temporary)
        # the parent reads this only when every wall stands; if it is gone, nobody wants this process any more
        os.write(tell, json.dumps({"pid": seen_as}).encode())

    def _leave_the_family(self):
        """Signals as a fresh Python has them, a session of its own. Returns the process id that the worker sees."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        if kernel.LINUX:
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as first_to_go:
                first_to_go.write("900")
        return int(os.readlink("self", dir_fd=self._host_proc)) if self._host_proc is not None else os.getpid()

    def _enter_the_job(self):
        """Go to the job's folder. Returns (it, the folder for temporary files)."""
        if self.tier.name == "namespaces":
            kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
        if self._folder is None:
            job, temporary = files.JOB, self._temporary
            files.job_space(self.most.disk_mb if self.tier.has("disk") else 4096, self.identity, temporary)
            if self.tier.has("processes"):
                files.fresh_proc("/proc")
        else:
            job, temporary = os.path.join(self._folder, "job"), os.path.join(self._folder, "tmp")
        os.chdir(job)
        return job, temporary

    def _shut(self, job, temporary):
        """The walls that a process builds around itself, and cannot take down again."""
        has = self.tier.has
        if self.tier.name == "landlock":
            read = [*files.SYSTEM, *files.SETTINGS, *self.view.read_only, "/dev/zero", "/dev/random", "/dev/urandom"]
            write = [job, temporary, "/dev/null", "/dev/full"]
            landlock.restrict(read, write, has("files"), has("network"), has("scope"))
        if self._filter is not None:
            calls.install(self._filter_for_one() or self._filter)

    def _filter_for_all(self):
        """The filter of system calls of every student's process, made once; None where there is none."""
        if self.tier.name == "none" or not calls.known():
            return None
        sockets = {"namespaces": "inside", "landlock": "pairs"}[self.tier.name] if self.tier.has("network") else "all"
        refuse = self.tier.has("system calls")
        return calls.program(refuse, sockets, refuse and self._among_equals())

    def _filter_for_one(self):
        """Without the scopes of Landlock, only a filter made for one process keeps its signals from the grader."""
        scoped = landlock.version() >= landlock.SCOPES_SINCE and self.tier.has("scope")
        if not self._among_equals() or scoped or not self.tier.has("signals"):
            return None
        refuse = self.tier.has("system calls")
        return calls.program(refuse, "pairs" if self.tier.has("network") else "all", refuse, os.getpid())

    def _among_equals(self):
        return self.tier.name == "landlock" and self.tier.identity == SAME_USER

    def _limits_left_out(self):
        return frozenset("processes" if wall == "process count" else wall for wall in self.tier.without - {"processes"})

    def _close_descriptors(self, keep, tell):
        if not self.tier.has("descriptors"):
            return
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            if standard not in keep and standard != nowhere:
                os.dup2(nowhere, standard)
        last = 2
        for kept in sorted({*keep, tell} - {0, 1, 2}):
            os.closerange(last + 1, kept)
            last = kept
        os.closerange(last + 1, _most_descriptors())

    def _set_environment(self, temporary):
        if not self.tier.has("environment"):
            return
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        os.environ.clear()
        os.environ.update({**ENVIRONMENT, **passed_on, "HOME": temporary, "TMPDIR": temporary})
        tempfile.tempdir = None

    def _become_nobody(self):
        if not self.tier.has("identity"):
            return
        user, group = self.identity
        kept = ()
        if user != os.getuid():
            if (
                self.tier.name == "landlock"
                and self.tier.has("files")
                and not all(map(_open_to_all, self.view.read_only))
            ):
                # Python lives in somebody's private home. Landlock still decides which files there are.
                kept = (kernel.CAP_DAC_READ_SEARCH,)
                kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
        kernel.set_capabilities(kept)

    def _make_folder(self):
        if self._base is None:
            self._base = tempfile.mkdtemp(prefix="dyadlab-job-")
            os.chmod(self._base, 0o711)
        self._folder = tempfile.mkdtemp(dir=self._base)
        for name in ("", "job", "tmp"):
            path = os.path.join(self._folder, name)
            if name:
                os.mkdir(path, 0o700)
            if self.identity != (os.getuid(), os.getgid()):
                os.chown(path, *self.identity)

    # --- its end ---

    def interrupt(self, pid=None):
        """Ask the student's Python to stop what it is doing, as the stop button of a notebook does."""
        if self._student is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._student, signal.SIGINT)

    def end(self, pid=None):
        """End the student's process and everything that it started. Returns when nothing of it is left.

        Returns how it had ended: its exit status, or minus the signal, as subprocess tells it; None if there was none.
        """
        status = None
        if self._student is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._student, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(self._student, 0)[1])
            self._student = self._seen_as = None
        if self.tier.name == "landlock" and self.tier.has("sweep"):
            self._sweep()
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None
        return status

    def close(self):
        self.end()
        if self._base is not None:
            _remove(self._base)

    def _sweep(self):
        """Kill and bury everything below this process, however it hid; the job's own folder is still there."""
        until = time.monotonic() + SECONDS_TO_DIE
        while True:
            if self._only_below:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(-1, signal.SIGKILL)  # all at once: nothing can fork itself away from it
            else:
                self._kill_one_by_one()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            if time.monotonic() > until:
                raise WallsFailed("A process that a student's code started cannot be ended.")
            time.sleep(0.001)

    def _kill_one_by_one(self):
        """Without the scopes of Landlock: by user where that is its own, else down the tree until none is left."""
        user = self.identity[0]
        if user != os.getuid():
            _kill_all_of(user)
        for pid in limits.tree(os.getpid())[1:]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _watch_the_disk(self, warm):
        """This tier's job folders lie on the machine's disk, which has no limit for one folder."""
        if self.tier.has("disk") and limits.disk_mb(self._base) > self.most.disk_mb:
            for pid in limits.tree(warm)[1:]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _sweep_and_go(self, *_signal):
        with contextlib.suppress(WallsFailed):
            self._sweep()
        _remove(self._base)
        os._exit(0)


def _kill_all_of(user):
    """Kill every process of another user, from a helper that becomes it; and the helper too, should it be stopped.

    It is gone when this returns: whoever looks for children that are left must not find the helper for one of them.
    """
    helper = os.fork()
    if helper == 0:
        with contextlib.suppress(OSError):
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    until = time.monotonic() + SECONDS_TO_HELP
    while os.waitpid(helper, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(helper, signal.SIGKILL)
        time.sleep(0.001)


def _open_to_all(path):
    """Whether every user may enter ``path``: it and all the folders above it say so."""
    return all(os.stat(place).st_mode & stat.S_IXOTH for place in (path, *Path(path).parents))


def _may_signal(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return pid > 0


def _enter_user_namespace(more):
    """Here this process may do what root may, and is nobody else than before outside. With new namespaces ``more``."""
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | more)
    for name, content in {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}.items():
        with open(f"/proc/self/{name}", "w") as setting:
            setting.write(content)


def _fork_leaving_a_guard(watch=None, sweep=None):
    """Fork; the child goes on. The parent waits for it to end and then ends as well.

    Where they are given, it meanwhile calls ``watch(child)`` every now and then, and ``sweep()`` at the end.

    Returns a file descriptor that reads as ended once the guard is gone.
    """
    alive, held = os.pipe()
    heard = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    if sweep:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    child = os.fork()
    if child == 0:
        if sweep:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(held)
        return alive
    status = 1
    try:
        os.closerange(3, held)  # the connection to the worker above all: the guard must not keep it open
        os.closerange(held + 1, _most_descriptors())
        while sweep:
            signalled = signal.sigtimedwait(heard, SECONDS_BETWEEN_LOOKS)
            if signalled is None:
                watch(child)
            elif signalled.si_signo == signal.SIGCHLD:
                ended = dict(iter(_buried, (0, 0)))  # several deaths can be one signal
                if child in ended:
                    status = ended[child]
                    break
            else:
                break
        if sweep:
            sweep()
        else:
            status = os.waitpid(child, 0)[1]
    finally:
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)


def _buried():
    """A child that has ended and how, as os.waitpid tells it; (0, 0) when there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _end_unless(alive):
    os.set_blocking(alive, False)
    with contextlib.suppress(BlockingIOError):
        if os.read(alive, 1) == b"":
            os._exit(1)


def _most_descriptors():
    return min(os.sysconf("SC_OPEN_MAX"), 1 << 20)


def _processes_of(user):
    """How many processes and threads this user has: they count towards its limit."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == user:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def _users_in_use():
    """The ids of all users with a process, be it only as the one that it could become again."""
    users = set()
    for pid in filter(str.isdigit, os.listdir("/proc")) if kernel.LINUX else ():
        with contextlib.suppress(OSError):
            about = Path(f"/proc/{pid}/status").read_text(errors="replace")
            fields = dict(line.split(":", 1) for line in about.splitlines() if ":" in line)
            if fields["State"].split()[0] not in "ZX":  # one that has ended harms nobody and cannot be harmed
                users |= {int(user) for user in fields["Uid"].split()}
    return users


def _has_a_name(user):
    """Whether this machine knows the user."""
    import pwd  # which Windows has not

    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _remove(folder):
    """Remove a folder that a student's process has filled, whatever rights it left there; nothing lives in it now."""

    def open_up(_function, path, _error):
        # never anything outside the folder: what cannot be removed may be the folder itself
        for place in (os.path.dirname(path), path):
            if place == folder or place.startswith(folder + os.sep):
                with contextlib.suppress(OSError, NotImplementedError):
                    os.chmod(place, 0o700, follow_symlinks=False)

    for _attempt in range(2):
        if os.path.lexists(folder):
            shutil.rmtree(folder, onerror=open_up)
