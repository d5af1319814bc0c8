"""The wall of system calls: a seccomp filter that refuses what no analysis of data needs and escapes are made of.

A deny list, because Python and its libraries use a wide and growing part of the rest. The numbers are those of
x86-64 and of 64-bit ARM; on any other machine this wall is missing, and the tier says so.

Sockets: a refused family answers "not supported" (EOPNOTSUPP), since libraries treat other errors as their own fault.
"""

import ctypes
import errno
import platform
import struct

from dyadlab.grading.sandbox import kernel

#: name: (number on x86-64, number on 64-bit ARM); None where the machine has no such call.
REFUSED = {
    # looking into other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "perf_event_open": (298, 241),
    # namespaces, mounts, roots
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # memory that limits do not see
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "userfaultfd": (323, 282),
    "vmsplice": (278, 75), "move_pages": (279, 239), "migrate_pages": (256, 238),
    # what outlives a process
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    # a second way to make system calls, past this filter
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    # a second share of the processors: some kernels divide them by session, and a student's process has one already
    "setsid": (112, 157),
    # the machine itself
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "syslog": (103, 116), "vhangup": (153, 58), "fanotify_init": (300, 262), "personality": (135, 92),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None),
}  # fmt: skip
#: For students' code with the grader's own user id, where Landlock alone keeps the grader's files and processes from
#: it: what Landlock does not know. By path: rights, owners, times, (before its ABI 3) lengths; priorities of processes.
REFUSED_TO_THE_SAME_USER = {
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "file_setattr": (469, 469), "truncate": (76, 45),
    "setpriority": (141, 140), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30),
}  # fmt: skip
#: Calls that are looked at more closely.
NUMBERS = {
    "socket": (41, 198), "socketpair": (53, 199), "clone": (56, 220), "clone3": (435, 435), "ioctl": (16, 29),
    "prctl": (157, 167), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "fcntl": (72, 25), "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122), "utimensat": (280, 88),
}  # fmt: skip
MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
AF_UNIX, AF_INET, SOCK_STREAM, SOCK_SEQPACKET = 1, 2, 1, 5
NEW_NAMESPACE = 0x7E02_0000
TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL = 0x7FFF_0000, 0x8000_0000


def known():
    """Whether the numbers of this machine's system calls are known."""
    return platform.machine() in MACHINES


def _step(code, value, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, value)


def _answer(number=None):
    return _step(_RETURN, _ALLOW if number is None else 0x0005_0000 | number)


def _argument(index):
    """Load the low half of an argument; all that is compared here are ints."""
    return _step(_LOAD, 16 + 8 * index)


def _one_of(values, found, otherwise):
    """``found`` (one step) where the loaded number is among ``values``, else ``otherwise`` (one step)."""
    compare = [_step(_EQUAL, value, yes=len(values) - place) for place, value in enumerate(values)]
    return [*compare, otherwise, found]


def program(refuse=True, sockets="all", same_user=False, only_signal=None):
    """The filter as bytes.

    refuse : the deny list, new namespaces by clone, terminal injection, leaving the chain of parents' deaths.
    sockets : "all"; "inside" (unix and IPv4, for a network namespace of one's own); "pairs" (no socket that has or
        could get an address: connected pairs of streams only).
    same_user : what else must not be done by somebody with the grader's user id.
    only_signal : a process id; signals may go to it, to its threads and to its own group only.
    """
    column, architecture = MACHINES[platform.machine()]
    table = {**REFUSED, **REFUSED_TO_THE_SAME_USER, **NUMBERS}
    number = {name: row[column] for name, row in table.items() if row[column] is not None}
    steps = [_step(_LOAD, 4), _step(_EQUAL, architecture, yes=1), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    if architecture == MACHINES["x86_64"][1]:  # the x32 numbers would pass beside every comparison below
        steps += [_step(_AT_LEAST, 0x4000_0000, no=1), _step(_RETURN, _KILL)]

    def when(name, body):
        steps.extend([_step(_EQUAL, number[name], no=len(body)), *body])

    if sockets == "inside":
        for name in ("socket", "socketpair"):
            when(name, [_argument(0), *_one_of((AF_UNIX, AF_INET), _answer(), _answer(errno.EOPNOTSUPP))])
    elif sockets == "pairs":
        # a datagram pair could be pointed at any address afterwards, a stream pair cannot
        when("socket", [_answer(errno.EOPNOTSUPP)])
        kind = [_argument(1), _step(_AND, 0xF)]
        family = [_argument(0), _step(_EQUAL, AF_UNIX, yes=1), _answer(errno.EOPNOTSUPP)]
        connected = _one_of((SOCK_STREAM, SOCK_SEQPACKET), _answer(), _answer(errno.EOPNOTSUPP))
        when("socketpair", [*family, *kind, *connected])
    if refuse:
        new = [_argument(0), _step(_AND, NEW_NAMESPACE), *_one_of((0,), _answer(), _answer(errno.EPERM))]
        when("clone", new)
        when("clone3", [_answer(errno.ENOSYS)])  # its flags are out of a filter's sight; C libraries then use clone
        injections = (TIOCSTI, TIOCLINUX, *(() if only_signal is None else (FIOSETOWN, SIOCSPGRP)))
        when("ioctl", [_argument(1), *_one_of(injections, _answer(errno.EPERM), _answer())])
        when("prctl", [_argument(0), *_one_of((kernel.PR_SET_PDEATHSIG,), _answer(errno.EPERM), _answer())])
        for name in REFUSED:
            if name in number:
                when(name, [_answer(errno.EPERM)])
    if same_user:
        for name in REFUSED_TO_THE_SAME_USER:
            if name in number:
                when(name, [_answer(errno.EPERM)])
        for name in ("prlimit64", "sched_setaffinity"):  # 0 is the caller itself
            when(name, [_argument(0), *_one_of((0,), _answer(), _answer(errno.EPERM))])
        no_path = [_argument(1), _step(_EQUAL, 0, no=3), _step(_LOAD, 16 + 8 + 4), _step(_EQUAL, 0, no=1), _answer()]
        when("utimensat", [*no_path, _answer(errno.EPERM)])  # without a path it means a file that is open
    if only_signal is not None:
        minus_own = -only_signal & 0xFFFF_FFFF
        when("kill", [_argument(0), *_one_of((only_signal, 0, minus_own), _answer(), _answer(errno.EPERM))])
        for name in ("tgkill", "rt_tgsigqueueinfo", "rt_sigqueueinfo"):
            when(name, [_argument(0), *_one_of((only_signal,), _answer(), _answer(errno.EPERM))])
        for name in ("tkill", "pidfd_send_signal"):
            when(name, [_answer(errno.EPERM)])
        when("fcntl", [_argument(1), *_one_of((F_SETOWN, F_SETSIG, F_SETOWN_EX), _answer(errno.EPERM), _answer())])
    return b"".join([*steps, _answer()])


def install(filter_program):
    """From here on, for this process and all its children. Needs no_new_privs."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    steps = ctypes.create_string_buffer(filter_program, len(filter_program))
    loaded = Program(len(filter_program) // 8, ctypes.addressof(steps))
    mode_filter = 2
    kernel.prctl(kernel.PR_SET_SECCOMP, mode_filter, ctypes.addressof(loaded))
