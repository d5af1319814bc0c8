"""The walls around students' code: each is attacked as it stands, and attacked again with only that wall taken away.

An attack that fails in both cases proves nothing, so the second case has to succeed. Every attack runs in a process of
its own, forked from a throw-away child of the test.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from dyadlab.grading import sandbox
from dyadlab.grading.sandbox import calls, choosing, files, kernel, landlock, limits, room, selftest
from dyadlab.grading.sandbox.tiers import OWN_USER, SAME_USER, USER_NAMESPACE, WALLS

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
LINUX = sys.platform.startswith("linux")
SLOT = 2000 + os.getpid() % 1500
NOBODY = 65534
SECONDS = 30
#: The four ways to lock in: as root with a user of its own, and as an ordinary user.
WAYS = {
    "namespaces, root": sandbox.Tier("namespaces", OWN_USER),
    "namespaces, ordinary user": sandbox.Tier("namespaces", USER_NAMESPACE),
    "landlock, root": sandbox.Tier("landlock", OWN_USER),
    "landlock, ordinary user": sandbox.Tier("landlock", SAME_USER),
}
ORDINARY = {way for way in WAYS if way.endswith("ordinary user")}


# --- how a test goes behind the walls ---


def in_a_child(body, patience=SECONDS):
    """What ``body()`` returned in a forked child, which may lock itself in as it likes. Fails with what it raised."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = {"value": body()}
        except BaseException as error:
            said = {"raised": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BaseException):
            os.write(tell, json.dumps(said).encode())
        os._exit(0)
    os.close(tell)
    try:
        # one read: what an unlocked attack leaves behind may hold the pipe open
        ready = select.select([told], [], [], patience)[0]
        said = os.read(told, 1 << 16) if ready else b""
    finally:
        os.close(told)
        bury(child)
    assert said, "the child said nothing"
    said = json.loads(said)
    if "raised" in said:
        raise AssertionError(said["raised"])
    return said["value"]


def bury(child, patience=5.0):
    """Wait for a process, which may have to tidy up, and kill it if that takes too long."""
    until = time.monotonic() + patience
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


@pytest.fixture(scope="module", autouse=True)
def own_temporary_folder():
    """Where another user may pass through, which pytest's own folders do not allow."""
    folder = tempfile.mkdtemp(prefix="dyadlab-tests-", dir="/var/tmp" if LINUX else None)
    os.chmod(folder, 0o711)
    before, tempfile.tempdir = tempfile.tempdir, folder
    yield
    tempfile.tempdir = before
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Processes that survive an attack because a wall was taken away would count towards the limits of the next."""
    yield
    slots = [slot + step * room.SLOTS_APART for slot in (SLOT, selftest.SLOT) for step in range(3)]
    for user in [60000 + slot for slot in slots] if ROOT else ():
        child = os.fork()
        if child == 0:
            with contextlib.suppress(OSError):
                os.setresuid(user, user, user)
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(child, 0)


def become_an_ordinary_user():
    """From root: a world in which this Python is readable, entered as nobody. An ordinary user stays what it is."""
    if not ROOT:
        return
    kernel.unshare(kernel.CLONE_NEWNS)
    files.own_mounts()
    view = sandbox.View.of_this_python(Path(__file__).parent)
    files.new_root(view.read_only, (NOBODY, NOBODY))
    files.job_space(64, (NOBODY, NOBODY), files.temporary(view.read_only))
    os.environ["TMPDIR"] = files.temporary(view.read_only)
    tempfile.tempdir = None
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # as a process has it that began as this user


def behind(way, attack, without=(), most=selftest.LIMITS, prepare=lambda: None):
    """What ``attack(loot)`` returned behind the walls of ``way``, minus ``without``. ``prepare()`` runs before them."""

    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        prepare()
        loot = selftest.Loot(tempfile.mkdtemp())
        place = sandbox.Room(WAYS[way].replace(without=without), most, SLOT)
        try:
            return run_in(place, lambda: attack(loot))
        finally:
            place.close()

    return in_a_child(body)


def run_in(place, attack):
    """What ``attack()`` returned (text) in a student's process of a room; "died …" if it did not live to say so."""
    told, tell = os.pipe()

    def say():
        try:
            said = str(attack())
        except BaseException as error:
            said = f"raised {type(error).__name__}: {error}"
        os.write(tell, said.encode()[: select.PIPE_BUF])

    place.fork(say, keep=(tell,))
    os.close(tell)
    ready = select.select([told], [], [], SECONDS / 2)[0]
    said = os.read(told, select.PIPE_BUF).decode() if ready else "said nothing"
    os.close(told)
    return said or f"died with {place.end()}"


def possible(way):
    """Skip where this machine cannot do ``way``; where the tests must prove it (CI), fail instead."""
    if LINUX and (ROOT or way in ORDINARY):
        if way not in possible.known:
            try:
                possible.known[way] = behind(way, lambda loot: "ran")
            except (AssertionError, OSError) as error:
                possible.known[way] = str(error)
        if possible.known[way] == "ran":
            return
    why = possible.known.get(way, "it takes Linux" + ("" if way in ORDINARY else " and root"))
    assert not os.environ.get("CI"), f"{way}: {why}"
    pytest.skip(f"{way}: {why}")


possible.known = {}


@pytest.fixture(params=WAYS)
def way(request):
    possible(request.param)
    return request.param


# --- every wall holds, and matters ---

#: wall: (the attack on it, {tier: walls to take away so that nothing else stands in the way}).
ATTACKS = {
    "files": ("reading a file outside", {}),
    "network": ("the network", {}),
    "system calls": ("forbidden system calls", {}),
    "memory": ("more memory than allowed", {}),
    "process count": ("forking without end", {}),
    "file size": ("a file too large", {}),
    "environment": ("what the grader had open", {}),
}


@pytest.mark.parametrize("wall", ATTACKS)
def test_a_wall_holds_and_without_it_the_same_attack_succeeds(way, wall):
    attack = selftest.ESCAPES[ATTACKS[wall][0]]
    assert behind(way, attack, prepare=a_secret_variable).startswith("denied")
    assert behind(way, attack, without={wall}, prepare=a_secret_variable).startswith("succeeded")


def a_secret_variable():
    os.environ["DYADLAB_SELF_TEST"] = "a secret of the grader"


def test_nothing_outside_can_be_written(way):
    def overwrite(loot):
        Path(loot.secret).write_text("full marks for me")
        return "written"

    assert behind(way, overwrite).startswith("raised")
    assert behind(way, overwrite, without={"files"}) == "written"


def test_what_may_be_read_may_not_be_changed(way):
    def litter(loot):
        tried = [sys.prefix, str(Path(sandbox.__file__).parent), "/usr", "/", "/etc", "/dev"]
        for folder in tried:
            with contextlib.suppress(OSError):
                Path(folder, "litter").touch()
                return f"written to {folder}"
        return "nothing"

    assert behind(way, litter) == "nothing"


def test_the_sources_of_the_course_do_not_exist_behind_the_walls(way):
    course = Path(sandbox.__file__).parents[3]
    assert behind(way, lambda loot: listed(course / "dyadlab")) == "seen"
    assert behind(way, lambda loot: listed(course / "source")) == "unseen"
    assert behind(way, lambda loot: listed(course)) in ("unseen", "only dyadlab")


def listed(folder):
    try:
        names = os.listdir(folder)
    except OSError:
        return "unseen"
    return "only dyadlab" if names == ["dyadlab"] else "seen"


def connect(address, family=socket.AF_UNIX):
    with socket.socket(family) as calling:
        calling.connect(address)
    return "connected"


def test_sockets_of_the_machine_are_out_of_reach_by_name(way):
    possible_only_without = {"network"} | ({"scope"} if "landlock" in way else set())
    assert behind(way, lambda loot: connect(loot.name)).startswith("raised")
    assert behind(way, lambda loot: connect(loot.name), without=possible_only_without) == "connected"


def test_sockets_of_the_machine_are_out_of_reach_by_path(way):
    wall = "network" if "landlock" in way else "files"
    assert behind(way, lambda loot: connect(loot.path)).startswith("raised")
    assert behind(way, lambda loot: connect(loot.path), without={wall}) == "connected"


@pytest.mark.parametrize("family", ["AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_PACKET"])
def test_other_families_of_sockets_are_not_supported(way, family):
    def make(loot):
        kind = socket.SOCK_DGRAM if family != "AF_VSOCK" else socket.SOCK_STREAM
        socket.socket(getattr(socket, family), kind).close()
        return "made"

    assert "Operation not supported" in behind(way, make)
    if family in ("AF_INET6", "AF_NETLINK"):  # the others take a right or a device that a machine may lack
        assert behind(way, make, without={"network"}) == "made"


def test_a_pair_of_connected_sockets_still_works(way):
    def converse(loot):
        one, other = socket.socketpair()
        one.sendall(b"hello")
        return other.recv(5).decode()

    assert behind(way, converse) == "hello"


@contextlib.contextmanager
def process_of_the_same_user(way):
    """A process outside, with the very user id of the students' code of ``way``: its process id."""
    user = (NOBODY if ROOT else os.getuid()) if way in ORDINARY else 60000 + SLOT
    become = {"user": user, "group": user, "extra_groups": []} if ROOT else {}
    with subprocess.Popen(["/usr/bin/sleep", "60"], **become) as started:
        yield started.pid
        started.kill()


def test_processes_outside_can_be_neither_seen_nor_signalled(way):
    without = {"processes"} if "namespaces" in way else {"scope", "signals"}
    with process_of_the_same_user(way) as outside:

        def shoot(loot):
            os.kill(outside, signal.SIGKILL)
            return "killed"

        assert behind(way, shoot, prepare=see_nobody).startswith("raised")
        assert behind(way, shoot, without=without, prepare=see_nobody) == "killed"


def see_nobody():
    """A room takes its user id as if no process had it."""
    room._users_in_use = set


def test_without_scopes_the_filter_of_signals_keeps_the_grader_safe():
    way = "landlock, ordinary user"
    possible(way)
    with process_of_the_same_user(way) as outside:

        def shoot(loot):
            return those_that_work(
                {
                    "own": lambda: os.kill(os.getpid(), 0),
                    "kill": lambda: os.kill(outside, 0),
                    "everybody": lambda: os.kill(-1, 0),
                    "group": lambda: os.killpg(outside, 0),
                    "pidfd": lambda: signal.pidfd_send_signal(os.pidfd_open(outside), 0),
                }
            )

        assert behind(way, shoot, without={"scope"}) == "['own']"


def those_that_work(attempts):
    worked = []
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError):
            attempt()
            worked.append(name)
    return worked


@pytest.mark.parametrize("way", ["namespaces, root", "namespaces, ordinary user"])
def test_only_its_own_processes_exist_in_proc(way):
    possible(way)

    def look(loot):
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())

    assert behind(way, look) == "[1]"
    if way not in ORDINARY:  # an ordinary user may not mount a /proc of others' processes at all
        assert len(behind(way, look, without={"processes"})) > len("[1]")


def test_students_code_has_another_user_and_no_capability(way):
    def rights(loot):
        bounding = ctypes.CDLL(None).prctl(kernel.PR_CAPBSET_DROP, 0, 0, 0, 0)  # takes a capability
        return f"{os.getuid()} {os.getgid()} {os.getgroups()} {bounding}"

    user = 60000 + SLOT if way not in ORDINARY else NOBODY if ROOT else os.getuid()
    said = behind(way, rights)
    assert said.startswith(f"{user} ") and said.endswith(" -1")
    if way not in ORDINARY:
        assert said == f"{user} {user} [] -1"
    if way != "landlock, ordinary user":  # which never had any
        assert behind(way, rights, without={"identity"}).endswith(" 0")


@pytest.mark.parametrize("way", ["namespaces, root", "landlock, root"])
def test_files_for_root_alone_stay_so_although_they_lie_where_students_may_look(way):
    possible(way)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        private = Path(folder, "private.txt")
        private.write_text("for root")
        private.chmod(0o600)

        def attack(without):
            def body():
                view = sandbox.View(("/usr", folder))
                place = sandbox.Room(WAYS[way].replace(without=without), selftest.LIMITS, SLOT, view)
                said = run_in(place, private.read_text)
                place.close()
                return said

            return in_a_child(body)

        assert "PermissionError" in attack(())
        assert attack({"identity"}) == "for root"


#: Calls that succeed for an ordinary program: name, arguments.
CALLS = {
    "ptrace": (0, 0, 0, 0),
    "unshare": (kernel.CLONE_NEWUSER,),
    "memfd_create": (b"x", 0),
    "shmget": (0, 4096, 0o1600),
    "semget": (0, 1, 0o1600),
    "msgget": (0, 0o1600),
    "keyctl": (0, ctypes.c_long(-2), 1),
    "add_key": (b"user", b"x", b"y", 1, ctypes.c_long(-2)),
    "personality": (ctypes.c_long(0xFFFFFFFF),),
    "kcmp": (os.getpid(), os.getpid(), 0, 0, 0),
}


def call_by_number(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    column = calls.MACHINES[os.uname().machine][0]
    number = {**calls.REFUSED, **calls.REFUSED_TO_THE_SAME_USER, **calls.NUMBERS}[name][column]
    wide = [a if isinstance(a, bytes | ctypes._SimpleCData) else ctypes.c_long(a) for a in arguments]
    return 0 if libc.syscall(ctypes.c_long(number), *wide) >= 0 else ctypes.get_errno()


@pytest.mark.parametrize("name", CALLS)
def test_a_forbidden_call_is_refused_and_without_the_filter_it_works(name):
    possible("namespaces, root" if ROOT else "namespaces, ordinary user")
    way = "namespaces, root" if ROOT else "namespaces, ordinary user"

    def attack(loot):
        arguments = (os.getpid(), os.getpid(), 0, 0, 0) if name == "kcmp" else CALLS[name]
        return call_by_number(name, *arguments)

    assert behind(way, attack) == str(errno.EPERM)
    assert behind(way, attack, without={"system calls"}) == "0"


def test_every_call_of_the_list_is_refused(way):
    column = calls.MACHINES[os.uname().machine][0]
    names = [name for name, row in calls.REFUSED.items() if row[column] is not None]

    def attack(loot):
        nonsense = ctypes.c_long(-1)
        return [name for name in names if call_by_number(name, *[nonsense] * 5) != errno.EPERM]

    assert behind(way, attack) == "[]"


def sessions_made():
    """Which of these work: Python's option for a session, a child, a group, a session by the call itself."""

    def child(**options):
        return lambda: subprocess.run(["/usr/bin/true"], check=True, **options)

    return those_that_work(
        {
            "option": child(start_new_session=True),
            "child": child(),
            "group": child(process_group=0),
            "session": os.setsid,  # in a child: the first process of a session may never make another
        }
    )


def test_no_process_has_a_session_of_its_own_and_with_it_a_share_of_the_processors(way):
    def attack(loot):
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(tell, str(sessions_made()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        return os.read(told, 1000).decode()

    assert behind(way, attack) == "['child', 'group']"
    assert behind(way, attack, without={"system calls"}) == "['option', 'child', 'group', 'session']"


def test_mounting_takes_both_a_right_and_a_call_and_students_have_neither():
    possible("namespaces, root")

    def mount(loot):
        kernel.mount("none", os.getcwd(), "tmpfs", 0)
        return "mounted"

    for without in ((), ("system calls",), ("identity",)):
        assert behind("namespaces, root", mount, without=without).startswith("raised")
    assert behind("namespaces, root", mount, without={"system calls", "identity"}) == "mounted"


def test_the_graders_own_files_keep_their_rights_times_and_length():
    possible("landlock, ordinary user")

    def spoil(loot):
        return those_that_work(
            {
                "chmod": lambda: os.chmod(loot.secret, 0),
                "utime": lambda: os.utime(loot.secret, (0, 0)),
                "truncate": lambda: os.truncate(loot.secret, 0),
                "setxattr": lambda: os.setxattr(loot.secret, "user.x", b"x"),
                "chown": lambda: os.chown(loot.secret, -1, os.getgid()),
            }
        )

    assert behind("landlock, ordinary user", spoil) == "[]"
    spoilt = behind("landlock, ordinary user", spoil, without={"system calls"})
    assert "chmod" in spoilt and "utime" in spoilt


def test_the_graders_processes_keep_their_limits_and_priority():
    import resource

    way = "landlock, ordinary user"
    possible(way)
    with process_of_the_same_user(way) as outside:

        def slow_down(loot):
            return those_that_work(
                {
                    "prlimit": lambda: resource.prlimit(outside, resource.RLIMIT_CPU, (1, 1)),
                    "priority": lambda: os.setpriority(os.PRIO_PROCESS, outside, 19),
                    "processors": lambda: os.sched_setaffinity(outside, os.sched_getaffinity(0)),
                }
            )

        assert behind(way, slow_down) == "[]"
        assert behind(way, slow_down, without={"system calls"}) == "['prlimit', 'priority', 'processors']"


def test_a_file_that_was_open_before_is_closed(way, tmp_path):
    (tmp_path / "marks").write_text("the marks of everybody")
    opened = []

    def open_it():
        opened.append(os.open("/usr/bin/env" if way in ORDINARY and ROOT else tmp_path / "marks", os.O_RDONLY))

    def read(loot):
        return len(os.pread(opened[0], 10, 0))

    assert behind(way, read, prepare=open_it).startswith("raised OSError")
    assert behind(way, read, prepare=open_it, without={"descriptors"}) == "10"


def test_processor_time_is_bounded():
    possible("namespaces, root" if ROOT else "namespaces, ordinary user")
    way = "namespaces, root" if ROOT else "namespaces, ordinary user"

    def spin(loot):
        began = time.process_time()
        while time.process_time() - began < 1.5:
            pass
        return "done"

    most = sandbox.Limits(cpu_s=1)
    assert behind(way, spin, most=most) == f"died with {-signal.SIGKILL}"
    assert behind(way, spin, most=most, without={"processor time"}) == "done"


def test_open_files_are_bounded(way):
    def open_many(loot):
        held = []
        try:
            while len(held) < 2 * selftest.LIMITS.open_files:
                held.append(os.open(".", os.O_RDONLY))
        except OSError as error:
            return f"denied: {error}"
        return f"opened {len(held)}"

    assert behind(way, open_many).startswith("denied")
    assert behind(way, open_many, without={"open files"}) == f"opened {2 * selftest.LIMITS.open_files}"


def test_the_kernels_memory_for_sockets_is_bounded_by_the_usual_limits(way):
    def pairs(loot):
        held = []
        with contextlib.suppress(OSError):
            while len(held) < 100:
                held.append(socket.socketpair())
        return len(held)

    usual = sandbox.Limits()
    assert 20 < int(behind(way, pairs, most=usual)) < 32
    assert behind(way, pairs, most=sandbox.Limits(open_files=256)) == "100"
    assert usual.processes * usual.open_files / 2 * 0.5 <= 512  # half a megabyte for a pair


def fill(loot):
    held = []
    for number in range(30):
        try:
            held.append(open(f"much{number}", "wb"))  # noqa: SIM115
            held[-1].write(bytes(1 << 20))
            held[-1].flush()
        except OSError as error:
            return f"denied: {error}"
    time.sleep(1.5)
    return "filled"


def test_many_files_cannot_fill_the_disk(way):
    outcome = behind(way, fill)
    assert "No space left" in outcome if "namespaces" in way else outcome == f"died with {-signal.SIGKILL}"
    assert behind(way, fill, without={"disk"}) == "filled"


# --- nothing outlives anything ---


def hide(written):
    """As a daemon does it, twice, deaf to nearly everything that can be ignored. Sleeps until it is killed."""
    for _generation in range(2):
        signal.alarm(SECONDS)
        if os.fork():
            signal.pause()
        with contextlib.suppress(OSError):  # the filter of system calls refuses it
            os.setsid()
    signal.alarm(SECONDS)
    for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(kind, signal.SIG_IGN)
    os.write(written, b"hidden")
    signal.pause()


def alive_after(pipe, seconds=1.0):
    """Whether somebody still holds the other end of ``pipe`` after this time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([pipe], [], [], until - time.monotonic())[0] and os.read(pipe, 100) == b"":
            return False
    return True


def hidden_process(way, without=(), ended_by="end"):
    """Whether a hidden grandchild outlives the end of what started it: Room.end, or SIGKILL to one of its ancestors."""

    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        pipe, written = os.pipe()
        announced, announce = os.pipe()
        worker = os.fork()
        if worker == 0:
            place = sandbox.Room(WAYS[way].replace(without=without), selftest.LIMITS, SLOT)
            place.fork(lambda: hide(written), keep=(written,))
            os.close(written)
            while not select.select([pipe], [], [], 1)[0]:
                pass
            if ended_by == "end":
                place.end()
            os.write(announce, b"x")
            signal.pause()
            os._exit(0)
        os.close(written)
        os.read(announced, 1)
        chain = limits.tree(worker)  # itself (which became the guard's parent or the guard), then downwards
        if ended_by in ("the guard", "the warm process"):
            os.kill(chain[0 if ended_by == "the guard" else 1], signal.SIGKILL)
        survived = alive_after(pipe)
        for pid in reversed(limits.tree(worker)):
            with contextlib.suppress(ProcessLookupError):  # what is being swept up may be gone by now
                os.kill(pid, signal.SIGKILL)
        return survived

    return in_a_child(body)


def test_what_hides_from_its_parents_is_gone_at_the_end(way):
    wall = {"processes"} if "namespaces" in way else {"sweep"}
    assert not hidden_process(way)
    assert hidden_process(way, without=wall)


@pytest.mark.parametrize("killed", ["the guard", "the warm process"])
def test_killing_a_supervisor_leaves_nothing_after_a_second(way, killed):
    assert not hidden_process(way, ended_by=killed)


def test_killing_the_worker_leaves_nothing_after_a_second(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        pipe, written = os.pipe()
        worker = os.fork()
        if worker == 0:
            warm = os.fork()
            if warm == 0:
                place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
                place.fork(lambda: hide(written), keep=(written,))
                os.close(written)
                signal.pause()
            os.close(written)
            signal.pause()
        os.close(written)
        assert os.read(pipe, 6) == b"hidden"
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        return alive_after(pipe)

    assert in_a_child(body) is False


def test_nothing_stays_on_the_disk(way):
    def leave(loot):
        Path("deep/er").mkdir(parents=True)
        Path("deep/er/file").write_text("x")
        os.chmod("deep", 0) if way != "landlock, ordinary user" else os.fchmod(os.open("deep", os.O_RDONLY), 0)
        return "left"

    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
            folder = tempfile.mkdtemp()
        else:
            folder = tempfile.mkdtemp(dir="/tmp")  # like /tmp itself a folder through which everybody may pass
            os.chmod(folder, 0o711)
        os.environ["TMPDIR"], tempfile.tempdir = folder, None
        before = set(os.listdir(folder))
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        lasting = os.open(folder, os.O_RDONLY)  # the room may move to another root
        assert run_in(place, lambda: leave(None)) == "left"
        place.close()
        return sorted(set(os.listdir(lasting)) - before)

    assert in_a_child(body) == []


# --- what a room does for the grader ---


def test_students_start_in_their_job_folder_with_their_files_and_a_small_environment(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        said = {}
        told, tell = os.pipe()

        def look():
            said.update(here=sorted(os.listdir()), content=Path("data/a.csv").read_text(), home=os.environ["HOME"])
            said.update(more=sorted(set(os.environ) - set(room.ENVIRONMENT) - set(room.PASSED_ON)))
            with tempfile.NamedTemporaryFile() as scratch:
                said["scratch"] = os.path.dirname(scratch.name)
            os.write(tell, json.dumps(said).encode())

        place.fork(look, keep=(tell,), job_files={"data/a.csv": b"a\n1\n", "b.txt": b""})
        said = json.loads(os.read(told, 10_000))
        place.close()
        return said

    said = in_a_child(body)
    assert said["here"] == ["b.txt", "data"] and said["content"] == "a\n1\n"
    assert said["more"] == ["HOME", "TMPDIR"] and said["scratch"] == said["home"]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", ""])
def test_a_job_file_cannot_be_named_out_of_its_folder(name, tmp_path):
    with pytest.raises(ValueError, match="within the job's folder"):
        files.write_job_files(tmp_path / "job", {name: b"x"})


def test_one_student_after_another_finds_an_empty_folder(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        found = []
        for _turn in range(3):
            found.append(run_in(place, leave_a_note))
            place.end()
        place.close()
        return found

    assert in_a_child(body) == ["[]", "[]", "[]"]


def leave_a_note():
    seen = os.listdir() + os.listdir(os.environ["TMPDIR"])
    for folder in (".", os.environ["TMPDIR"], "/dev/shm"):
        with contextlib.suppress(OSError):
            Path(folder, "note").write_text("for the next one")
    return seen


def test_the_worker_can_measure_the_memory_of_all_processes_of_a_student(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        told, tell = os.pipe()
        done, finish = os.pipe()
        worker = os.fork()  # the guard moves along with its warm process, so the measuring is done from outside
        if worker == 0:
            place = sandbox.Room(WAYS[way], sandbox.Limits(), SLOT)

            def eat():
                held = mmap.mmap(-1, 60 << 20)
                if os.fork() == 0:
                    held = mmap.mmap(-1, 60 << 20)
                held.write(b"x" * (60 << 20))
                time.sleep(SECONDS)

            pid = place.fork(eat)
            os.write(tell, str(pid).encode())
            os.read(done, 1)
            os._exit(0)
        pid = int(os.read(told, 100))
        until = time.monotonic() + SECONDS / 2
        while sandbox.memory_mb(pid, exact_above=100) < 120 and time.monotonic() < until:
            time.sleep(0.05)
        measured = sandbox.memory_mb(pid, exact_above=100)
        os.write(finish, b"x")
        os.kill(worker, signal.SIGKILL)
        return measured

    assert 120 <= in_a_child(body) < 400


@pytest.mark.skipif(not LINUX, reason="only Linux has /proc")
def test_descendants_are_found_also_where_the_kernel_lists_no_children(monkeypatch):
    def body():
        told, tell = os.pipe()
        if os.fork() == 0:
            Path("/proc/self/comm").write_text("x) S 1 2 (y")  # as a student might name a process
            if os.fork() == 0:
                os.write(tell, b"x")
            signal.pause()
        os.read(told, 1)
        listed = limits.tree(os.getpid())
        monkeypatch.setattr(limits, "_tells_children", lambda: False)
        searched = limits.tree(os.getpid())
        for pid in reversed(listed[1:]):
            os.kill(pid, signal.SIGKILL)
        return listed, searched

    listed, searched = in_a_child(body)
    assert len(searched) == 3 and (searched == listed or not limits._tells_children())


@pytest.mark.parametrize(
    "refusal, shows, raises", [(PermissionError, False, False), (PermissionError, True, True), (OSError, False, True)]
)
def test_a_refused_proc_may_stay_away_but_never_shows_others(monkeypatch, tmp_path, refusal, shows, raises):
    def refuse(*_arguments):
        raise refusal("refused for a test")

    monkeypatch.setattr(kernel, "mount", refuse)
    if shows:
        (tmp_path / "self").mkdir()
    with pytest.raises(refusal) if raises else contextlib.nullcontext():
        files.fresh_proc(str(tmp_path))


def test_an_interrupt_stops_a_sleeping_cell_and_python_goes_on(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        told, tell = os.pipe()

        def sleep():
            try:
                os.write(tell, b"asleep")
                time.sleep(SECONDS)
            except KeyboardInterrupt:
                os.write(tell, b"woken")

        place.fork(sleep, keep=(tell,))
        assert os.read(told, 6) == b"asleep"
        place.interrupt()
        said = os.read(told, 5).decode()
        place.close()
        return said

    assert in_a_child(body) == "woken"


def test_the_end_says_how_it_ended(way):
    def ended(body):
        def child():
            if way in ORDINARY:
                become_an_ordinary_user()
            place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
            place.fork(body)
            time.sleep(0.3)
            return place.end()

        return in_a_child(child)

    assert ended(lambda: None) == 0
    assert ended(lambda: os._exit(7)) == 7
    assert ended(lambda: ctypes.string_at(0)) == -signal.SIGSEGV
    assert ended(lambda: time.sleep(SECONDS)) == -signal.SIGKILL


def test_a_second_student_must_wait_for_the_end_of_the_first(way):
    def body():
        if way in ORDINARY:
            become_an_ordinary_user()
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        place.fork(lambda: time.sleep(SECONDS))
        try:
            place.fork(lambda: None)
        except sandbox.WallsFailed as refusal:
            return str(refusal)
        finally:
            place.close()

    assert "has not been ended" in in_a_child(body)


@pytest.mark.parametrize("way", ["namespaces, root", "landlock, root"])
def test_a_user_id_of_somebody_else_is_not_taken(way):
    possible(way)

    def taken(prepare=lambda: None):
        def body():
            prepare()
            return sandbox.Room(WAYS[way], selftest.LIMITS, SLOT).identity[0] - 60000

        return in_a_child(body)

    assert taken() == SLOT
    with process_of_the_same_user(way):
        assert taken() == SLOT + room.SLOTS_APART
        assert taken(see_nobody) == SLOT
    known = {60000 + SLOT, 60000 + SLOT + room.SLOTS_APART}
    assert taken(lambda: setattr(room, "_has_a_name", known.__contains__)) == SLOT + 2 * room.SLOTS_APART


def test_users_of_this_machine_are_known():
    assert room._has_a_name(os.getuid()) or not ROOT
    assert not room._has_a_name(2**31 - 77)
    assert os.getuid() in room._users_in_use()


def test_what_a_stranger_runs_is_not_ended_although_landlock_has_no_scopes():
    way = "landlock, root"
    possible(way)
    with process_of_the_same_user(way) as outside:

        def survives(prepare):
            assert behind(way, lambda loot: "ran", without={"scope"}, prepare=prepare) == "ran"
            return Path(f"/proc/{outside}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

        assert survives(lambda: None)
        assert not survives(see_nobody)


@pytest.mark.parametrize("way", ["namespaces, root", "landlock, root"])
def test_two_graders_at_once_do_not_share_a_user(way):
    possible(way)

    def body():
        told, tell = os.pipe()
        for _grader in range(2):
            if os.fork() == 0:
                place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
                os.write(tell, f"{place.identity[0]} ".encode())
                signal.pause()
        said = b""
        while said.count(b" ") < 2:
            said += os.read(told, 100)
        for pid in limits.tree(os.getpid())[1:]:
            os.kill(pid, signal.SIGKILL)
        return sorted(map(int, said.split()))

    assert in_a_child(body) == [60000 + SLOT, 60000 + SLOT + room.SLOTS_APART]


# --- fails closed ---

BREAKABLE = {
    "namespaces": [
        (files, "job_space"), (files, "fresh_proc"), (kernel, "set_capabilities"), (limits, "set_limits"),
        (calls, "install"), (files, "write_job_files"),
    ],
    "landlock": [(landlock, "restrict"), (kernel, "set_capabilities"), (limits, "set_limits"), (calls, "install")],
}  # fmt: skip


def test_nothing_runs_when_a_wall_cannot_be_made(way):
    def body(module, name):
        if way in ORDINARY:
            become_an_ordinary_user()
        place = sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)
        place.fork(lambda: None)
        place.end()

        def broken(*_arguments, **_more):
            raise OSError(errno.EPERM, "broken for a test")

        setattr(module, name, broken)
        told, tell = os.pipe()
        try:
            place.fork(lambda: os.write(tell, b"ran"), keep=(tell,))
        except sandbox.WallsFailed as refusal:
            os.write(tell, b"-")
            return [str(refusal), os.read(told, 10).decode()]
        return "no refusal"

    for module, name in BREAKABLE[WAYS[way].name]:
        said, ran = in_a_child(lambda module=module, name=name: body(module, name))
        assert "could not be made" in said and "broken for a test" in said, name
        assert ran == "-", name


def test_a_process_with_threads_gets_no_room(way, monkeypatch):
    monkeypatch.setattr(room.threading, "active_count", lambda: 2)
    with pytest.raises(sandbox.WallsFailed, match="one thread"):
        sandbox.Room(WAYS[way], selftest.LIMITS, SLOT)


# --- the choice, and the self-test ---


def test_the_strongest_walls_that_work_here_are_chosen_and_pass_the_self_test(tmp_path):
    best = "namespaces, root" if ROOT else "namespaces, ordinary user"
    possible(best)
    tier = sandbox.choose()
    assert tier == WAYS[best]
    report = sandbox.self_test(tier, hidden=(Path(sandbox.__file__).parents[3] / "source",))
    assert report.passed, report.sentence()
    assert len(report.rows) >= 9 and f"all {len(report.rows) - 1} hold" in report.sentence()
    assert sandbox.Tier.from_data(json.loads(json.dumps(tier.as_data()))) == tier


#: wall: the row of the self-test that finds it missing.
FOUND_BY = {
    "files": "reading a file outside", "network": "the network", "processes": "other processes",
    "system calls": "forbidden system calls", "memory": "more memory than allowed", "disk": "filling the disk",
    "process count": "forking without end", "file size": "a file too large",
    "descriptors": "what the grader had open", "environment": "what the grader had open", "sweep": "outliving the end",
}  # fmt: skip


@pytest.mark.parametrize(
    "way, wall",
    [
        (way, wall)
        for way in ("namespaces, root", "landlock, root")
        for wall in WALLS[WAYS[way].name]
        if wall in FOUND_BY and not (wall == "disk" and "landlock" in way)
    ],
)
def test_the_self_test_finds_a_missing_wall(way, wall):
    possible(way)
    report = sandbox.self_test(WAYS[way].replace(without={wall}), quick=True)
    assert not report.passed
    assert FOUND_BY[wall] in [row.name for row in report.rows if not row.passed], report.sentence()
    assert FOUND_BY[wall] in report.sentence()


def test_the_self_test_finds_a_hidden_path_that_can_be_seen():
    way = "namespaces, root" if ROOT else "namespaces, ordinary user"
    possible(way)
    package = Path(sandbox.__file__).parent
    report = sandbox.self_test(WAYS[way], hidden=(package,), quick=True)
    assert [row.name for row in report.rows if not row.passed] == ["reading a file outside"]


def test_where_namespaces_are_forbidden_landlock_is_chosen():
    """As in a container with the usual profile: the kernel itself refuses, not a patched function."""
    possible("landlock, root" if ROOT else "landlock, ordinary user")

    def body():
        forbid("unshare", "mount", "pivot_root")
        return sandbox.choose().as_data()

    assert in_a_child(body)["name"] == "landlock"


def test_where_landlock_is_forbidden_too_grading_is_refused_with_what_helps():
    possible("landlock, root" if ROOT else "landlock, ordinary user")

    def body():
        forbid("unshare", "mount", "pivot_root", "landlock_create_ruleset")
        try:
            sandbox.choose()
        except sandbox.NoSandbox as refusal:
            return str(refusal)

    said = in_a_child(body)
    assert "namespaces: The walls could not be made" in said and "Operation not permitted" in said
    assert "Landlock needs Linux 5.13" in said and "--no-sandbox" in said


def forbid(*names):
    """Refuse these calls, and only these, to this process and its children."""
    column = calls.MACHINES[os.uname().machine][0]
    numbers = [{**calls.REFUSED, "landlock_create_ruleset": (444, 444)}[name][column] for name in names]
    steps = [struct.pack("HBBI", 0x20, 0, 0, 0)]  # load the number of the call
    for number in numbers:
        steps += [struct.pack("HBBI", 0x15, 0, 1, number), struct.pack("HBBI", 0x06, 0, 0, 0x0005_0000 | errno.EPERM)]
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    calls.install(b"".join([*steps, struct.pack("HBBI", 0x06, 0, 0, 0x7FFF_0000)]))


def test_where_no_tier_works_the_refusal_is_a_sentence_that_says_what_was_tried(monkeypatch):
    def nothing_works(tier, view=None, **_more):
        return selftest.Report(tier, (), 0.1, "Operation not permitted")

    monkeypatch.setattr(kernel, "LINUX", True)
    monkeypatch.setattr(choosing, "self_test", nothing_works)
    monkeypatch.setattr(choosing, "candidates", lambda: list(WAYS.values()))
    with pytest.raises(sandbox.NoSandbox) as refusal:
        sandbox.choose()
    assert "Tried:" in str(refusal.value) and "Landlock with a filter" in str(refusal.value)


def test_other_systems_are_pointed_to_the_hub_or_a_container(monkeypatch):
    monkeypatch.setattr(kernel, "LINUX", False)
    with pytest.raises(sandbox.NoSandbox, match="JupyterHub") as refusal:
        sandbox.choose()
    assert "container" in str(refusal.value) and "--no-sandbox" in str(refusal.value)


@pytest.mark.parametrize("tier", [*WAYS.values(), sandbox.NONE])
def test_each_tier_describes_itself(tier):
    said = tier.describe()
    assert said.endswith(".")
    assert ("UNPROTECTED" in said) == (tier.name == "none")
    assert "another user" in said or tier.identity != OWN_USER


# --- the filter of system calls, decided on paper: also for the machine that this is not ---


def decide(program, machine, name_or_number, *arguments):
    """What the kernel would answer to a system call: "allowed", "killed", or the error's number."""
    column, architecture = calls.MACHINES[machine]
    table = {**calls.REFUSED, **calls.REFUSED_TO_THE_SAME_USER, **calls.NUMBERS}
    number = table[name_or_number][column] if isinstance(name_or_number, str) else name_or_number
    padded = [*arguments, *[0] * 6][:6]
    data = struct.pack("=iIQ6Q", number, architecture, 0, *(value & (1 << 64) - 1 for value in padded))
    held, place = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("HBBI", program, 8 * place)
        place += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            held &= value
        elif code in (0x15, 0x35):
            place += yes if (held == value if code == 0x15 else held >= value) else no
        else:
            return {0x7FFF_0000: "allowed", 0x8000_0000: "killed"}.get(value, value & 0xFFFF)


@pytest.fixture(params=calls.MACHINES)
def machine(request, monkeypatch):
    monkeypatch.setattr(calls.platform, "machine", lambda: request.param)
    return request.param


def test_the_filter_refuses_its_list_and_allows_the_rest(machine):
    program = calls.program(sockets="inside")
    column = calls.MACHINES[machine][0]
    for name, row in calls.REFUSED.items():
        if row[column] is not None:
            assert decide(program, machine, name) == errno.EPERM, name
    for number in {"x86_64": (0, 1, 9, 59, 90, 202), "aarch64": (63, 64, 222, 221, 53, 98)}[machine]:
        assert decide(program, machine, number) == "allowed"
    assert decide(program, machine, "clone", 0x0120_0011) == "allowed"
    assert decide(program, machine, "clone", 0x1000_0011) == errno.EPERM
    assert decide(program, machine, "clone3") == errno.ENOSYS
    assert decide(program, machine, "ioctl", 0, 0x5412) == errno.EPERM
    assert decide(program, machine, "ioctl", 0, 0x5413) == "allowed"
    assert decide(program, machine, "prctl", 1) == errno.EPERM
    assert decide(program, machine, "prctl", 15) == "allowed"


def test_the_filter_answers_for_each_family_of_sockets(machine):
    inside, pairs = calls.program(sockets="inside"), calls.program(sockets="pairs")
    for family, expected in {1: "allowed", 2: "allowed", 10: 95, 16: 95, 17: 95, 40: 95}.items():
        assert decide(inside, machine, "socket", family, 1) == expected
        assert decide(pairs, machine, "socket", family, 1) == 95
    assert decide(pairs, machine, "socketpair", 1, 1 | socket_flags()) == "allowed"
    assert decide(pairs, machine, "socketpair", 1, 2) == 95
    assert decide(pairs, machine, "socketpair", 16, 1) == 95


def socket_flags():
    return 0o2000000 | 0o4000


def test_the_filter_for_the_same_user_leaves_what_a_program_does_to_itself(machine):
    program = calls.program(sockets="pairs", same_user=True, only_signal=1234)
    for name, row in calls.REFUSED_TO_THE_SAME_USER.items():
        if row[calls.MACHINES[machine][0]] is not None:
            assert decide(program, machine, name) == errno.EPERM
    assert decide(program, machine, "prlimit64", 0) == "allowed"
    assert decide(program, machine, "prlimit64", 77) == errno.EPERM
    assert decide(program, machine, "utimensat", 5, 0) == "allowed"
    assert decide(program, machine, "utimensat", -100, 0x7F00_0000_0000) == errno.EPERM
    assert decide(program, machine, "utimensat", -100, 0x1000) == errno.EPERM
    for allowed in (1234, 0, -1234):
        assert decide(program, machine, "kill", allowed) == "allowed"
    for refused in (1, -1, 1235):
        assert decide(program, machine, "kill", refused) == errno.EPERM
    assert decide(program, machine, "tgkill", 1234) == "allowed"
    assert decide(program, machine, "tgkill", 1) == errno.EPERM
    assert decide(program, machine, "fcntl", 0, 8) == errno.EPERM
    assert decide(program, machine, "fcntl", 0, 1) == "allowed"


def test_calls_of_another_instruction_set_kill(monkeypatch):
    monkeypatch.setattr(calls.platform, "machine", lambda: "x86_64")
    program = calls.program()
    assert decide(program, "x86_64", 0x4000_0001) == "killed"
    assert decide(program, "aarch64", 63) == "killed"


def test_an_unknown_machine_says_that_the_filter_is_missing(monkeypatch):
    monkeypatch.setattr(calls.platform, "machine", lambda: "riscv64")
    tiers = choosing.candidates() if LINUX else []
    assert [tier.name for tier in tiers] in ([], ["namespaces"])
    assert all("Not offered by this machine: a filter of system calls." in tier.describe() for tier in tiers)
