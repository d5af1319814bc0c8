"""Grade on a cluster: an executor, as ``concurrent.futures`` has them, over ``dask.distributed``.

    with cluster.connect("tcp://10.0.0.5:8786") as executor:
        grade.grade(course, weeks, executor=executor)

A task is one submission: data in, data out. On its worker it is graded in a process of its own (:class:`Hands`), by
the same code, behind walls of that machine's own choosing. A task whose worker is lost is given to another. Before the
first task every worker is asked what it has installed; one that differs from here is refused with a sentence, and one
that joins later and differs is sent away. What comes back is read as data; nothing that a worker says is unpickled
here, save the errors that ``distributed`` itself reports.

Needs the extra ``cluster`` (``pip install "dyadlab[cluster]"``); nothing else does.
"""

import base64
import dataclasses
import hashlib
import json
import os
import pickle
import platform
import queue
import struct
import subprocess
import sys
import threading
import traceback
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata
from pathlib import Path

from dyadlab.grading import engine
from dyadlab.sentences import Sentence

#: What a mark may depend on. The package and its data are compared by a digest, whatever version they call themselves.
PACKAGES = ("nbgrader", "nbformat", "ipython", "numpy", "pandas", "scipy", "matplotlib", "seaborn", "statsmodels")
PACKAGES += ("ipywidgets", "distributed")
#: How long to wait for the scheduler, a first worker, and the answer of each worker about itself, in seconds.
CONNECT_S, FIRST_WORKER_S, ANSWER_S = 20, 60, 180
#: So many workers may be sent away with a task in their hands before it is given back ungraded.
TRIES = 20


class ClusterError(Sentence):
    """The cluster cannot be used; the message says why and what to do."""


class WorkerDied(BrokenProcessPool):
    """The process that graded a submission died, with nothing else in it; the cluster itself goes on."""


class Failed(Exception):
    """Grading raised an error on its worker, or the worker's answer could not be read; the message says what."""


# --- here: the instructor's machine -------------------------------------------------------------------------


def connect(address, security=None, say=lambda sentence: None):
    """An :class:`Executor` on the cluster at ``address``, all of whose workers were found fit.

    address : as dask gives it (``tcp://host:8786``, ``tls://host:8786``), or the path of a scheduler file. security : a
    ``distributed.Security``; dask's own configuration when None. say : gets a sentence when a worker is sent away.
    Raises ClusterError where there is no cluster, no worker, or a worker that differs.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            'Grading on a cluster needs a package that is not installed: pip install "dyadlab[cluster]"'
        ) from None
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        # only msgpack: data. A pickle as somebody's answer is an error and not a program.
        client = Client(**where, security=security, set_as_default=False, timeout=CONNECT_S, deserializers=["msgpack"])
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"There is no cluster at {address} ({type(error).__name__}: {error}). Is its scheduler running, and "
            "may this computer reach it?"
        ) from None
    try:
        executor = Executor(client, say)
        executor.examine()
    except BaseException:
        client.close()
        raise
    return executor


class Executor(futures.Executor):
    """Gives submissions to the workers of a cluster; see :func:`connect`. ``slots``: how many work at a time."""

    def __init__(self, client, say):
        self._client, self._say = client, say
        self._expected = facts()
        self._sent_away, self._lock = set(), threading.Lock()

    @property
    def slots(self):
        """How many submissions the cluster grades at a time, as it is now."""
        return max(1, sum(self._client.nthreads().values()))

    def examine(self):
        """Ask every worker what it has; raises ClusterError unless there is one and all grade as this machine does."""
        from distributed import TimeoutError as TooLate

        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER_S)
        except TooLate:
            raise ClusterError(
                f"The cluster has no worker yet, after {FIRST_WORKER_S} seconds. Start some, then run this again."
            ) from None
        asked = {
            worker: self._client.submit(
                examined, json.dumps(self._expected), workers=[worker], allow_other_workers=False, pure=False
            )
            for worker in self._client.nthreads()
        }
        refusals = []
        for worker, answer in asked.items():
            try:
                amiss = json.loads(answer.result(timeout=ANSWER_S))
            except TooLate:
                amiss = [f"it did not answer within {ANSWER_S} seconds"]
            except Exception as error:  # most often: no dyadlab over there
                amiss = [f"it could not answer ({type(error).__name__}: {error})"]
            if amiss:
                refusals.append(f"{worker}: {'; '.join(amiss)}.")
        if refusals:
            raise ClusterError(
                "\n".join(
                    [
                        "Not every worker of the cluster can grade as this machine would. Nothing was graded.",
                        *refusals,
                        "Mend that or stop those workers, then run it again. Our versions: requirements.lock.",
                    ]
                )
            )

    def submit(self, function, /, *args, **kwargs):
        """A Future of ``function(*args, **kwargs)``, an importable function that gives an engine.Result or plain data.

        Raises BrokenExecutor when the cluster is gone. The future ends with WorkerDied or Failed where the submission
        may be to blame, cancelled where it was given back, and with ClusterError when the cluster is lost.
        """
        if self._client.status != "running":
            raise futures.BrokenExecutor("the connection to the cluster was lost")
        future = futures.Future()
        self._send(future, pickle.dumps((function, args, kwargs)), tries=TRIES)
        return future

    def _send(self, future, task, tries):
        answer = self._client.submit(
            graded, task, json.dumps(self._expected), pure=False, key=f"dyadlab-{os.urandom(12).hex()}"
        )
        answer.add_done_callback(lambda done: self._receive(done, future, task, tries))

    def _receive(self, answer, future, task, tries):
        """Runs in a thread of dask's when a task is over, one way or the other."""
        from distributed import KilledWorker

        if future.cancelled():
            return
        try:
            content = answer.result()
        except KilledWorker as killed:
            return end(future, WorkerDied(f"several workers died while they had this submission: {killed}"))
        except futures.CancelledError as lost:
            return end(future, ClusterError(f"The connection to the cluster was lost ({lost})."))
        except BaseException as error:
            return end(future, Failed(f"{type(error).__name__}: {error}"))
        try:
            kind, said = content[:1], content[1:]
            if kind == RESULT:
                end(future, None, value_from(said))
            elif kind == DIED:
                end(future, WorkerDied(str(said, "utf-8", "replace")))
            elif kind == ERROR:
                end(future, Failed(str(said, "utf-8", "replace")))
            elif kind == UNFIT:
                self._send_away(json.loads(said))
                if tries > 1:
                    self._send(future, task, tries - 1)
                elif future.cancel():
                    future.set_running_or_notify_cancel()
            else:
                raise ValueError(f"an answer of an unknown kind: {kind!r}")
        except BaseException as error:
            end(future, Failed(f"a worker's answer could not be read ({type(error).__name__}: {error})"))

    def _send_away(self, told):
        """A worker that joined while grading went on and has something else installed: it gets no more work."""
        worker, amiss = str(told["worker"]), [str(one) for one in told["amiss"]]
        with self._lock:
            if worker in self._sent_away:
                return
            self._sent_away.add(worker)
        self._say(f"The worker {worker} joined later and was sent away: {'; '.join(amiss)}.")
        self._client.retire_workers([worker], close_workers=True)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._client.close()


def end(future, error, value=None):
    """Settle a future, unless somebody has cancelled it or it is settled."""
    if future.done() or not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


def differences(here, there):
    """What differs between two :func:`facts`, as phrases."""
    return [
        f"{name} is {there.get(name, 'not there')} there and {here.get(name, 'not there')} here"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]


# --- on both sides ------------------------------------------------------------------------------------------

RESULT, DIED, ERROR, UNFIT = b"R", b"D", b"E", b"U"


def facts():
    """What marks depend on, as {name: text}: versions, the course's code and data, the world of the replicates."""
    from dyadlab import datasets

    found = {name: version(name) for name in PACKAGES}
    return found | {
        "Python": platform.python_version(),
        "dyadlab": version("dyadlab"),
        "the digest of dyadlab's files": package_digest(),
        "the world": datasets.current_world(),
    }


def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not there"


def package_digest():
    """A digest of the course's code and data, wherever they are installed."""
    from dyadlab import datasets

    digest = hashlib.sha256()
    for top in (Path(__file__).resolve().parents[1], datasets.folder()):
        for path in sorted(top.rglob("*")):
            name = path.relative_to(top).as_posix()
            if path.suffix in (".py", ".toml", ".json", ".csv") and not name.startswith(("_datasets/", ".")):
                digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def as_content(value):
    """A Result, or plain data, as bytes that hold data only."""
    plain = {"value": value}
    if isinstance(value, engine.Result):
        plain = dataclasses.asdict(value)
        if value.notebook is not None:
            plain["notebook"] = base64.b64encode(value.notebook).decode()
    return json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass")


def value_from(content):
    """What :func:`as_content` was given. Raises ValueError, TypeError or KeyError where these hold no such thing."""
    plain = json.loads(content.decode("utf-8", "surrogatepass"))
    if not isinstance(plain, dict):
        raise ValueError("no result")
    if set(plain) == {"value"}:
        return plain["value"]
    if plain["notebook"] is not None:
        plain["notebook"] = base64.b64decode(plain["notebook"], validate=True)
    plain["cells"] = tuple(engine.CellResult(**cell) for cell in plain["cells"])
    # every other sequence of a Result is one of sentences
    sentences = {name: tuple(map(str, value)) for name, value in plain.items() if isinstance(value, list)}
    return engine.Result(**plain | sentences)


# --- over there: in a thread of a worker --------------------------------------------------------------------

_own = threading.local()


def graded(task, expected):
    """One task on its worker; returns a kind and its content, and never raises."""
    for attempt in (1, 2):
        try:
            hands = own_hands()
            if hands.amiss(expected):
                told = {"worker": address(), "amiss": hands.amiss(expected)}
                return UNFIT + json.dumps(told).encode()
            return hands.do(task)
        except HandsDied as died:
            _own.hands = None
            if died.at_work:
                return DIED + str(died).encode()
            if attempt == 2:
                return UNFIT + json.dumps({"worker": address(), "amiss": [str(died)]}).encode()


def examined(expected):
    """What is amiss with this worker, as JSON: phrases, none when it can grade."""
    try:
        return json.dumps(own_hands().amiss(expected)).encode()
    except HandsDied as died:
        _own.hands = None
        return json.dumps([str(died)]).encode()


def own_hands():
    """The grading process of this thread of the worker."""
    if getattr(_own, "hands", None) is None:
        _own.hands = Hands()
    return _own.hands


def address():
    from distributed import get_worker

    return get_worker().address


class HandsDied(Exception):
    """The grading process ended; the message says how. at_work : whether it was grading."""

    at_work = False


class Hands:
    """The process in which a worker grades.

    A process of its own, because checks want the main thread and a standard output to themselves, because a worker
    that imports for seconds would miss its scheduler's calls, and because what dies of a submission should not be the
    worker. It ends when the worker does.
    """

    def __init__(self):
        program = "from dyadlab.grading import cluster; cluster.serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._facts = None

    def amiss(self, expected):
        """Phrases about what stands against grading here; none when all is well. expected : facts as JSON."""
        if self._facts is None:
            self._facts = json.loads(self._ask(b"F", b""))
        return differences(json.loads(expected), self._facts["facts"]) + self._facts["amiss"]

    def do(self, task):
        """The kind and content of one answer."""
        try:
            return self._ask(b"G", task)
        except HandsDied as died:
            died.at_work = True
            raise

    def _ask(self, kind, content):
        try:
            write_frame(self._process.stdin, kind + content)
            answer = read_frame(self._process.stdout)
        except OSError:
            answer = None
        if answer is None:
            status = self._process.wait()
            how = f"by signal {-status}" if status < 0 else f"with status {status}"
            raise HandsDied(f"the grading process ended {how}")
        return answer


def write_frame(stream, content):
    view = memoryview(struct.pack(">Q", len(content)) + content)
    while view:  # the pipe has no buffer of its own and may take less than all
        view = view[stream.write(view) :]


def read_frame(stream):
    """One frame, or None at the end of the stream."""
    head = read_whole(stream, 8)
    return None if head is None else read_whole(stream, struct.unpack(">Q", head)[0])


def read_whole(stream, size):
    parts, left = [], size
    while left:
        part = stream.read(min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


# --- over there: in the grading process ---------------------------------------------------------------------


def serve():
    """Grade what comes in, one after the other, until the worker hangs up or is gone."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what anything prints goes to the worker's log and not between the answers
    requests = queue.Queue()
    threading.Thread(target=listen, args=(os.fdopen(os.dup(0), "rb", buffering=0), requests), daemon=True).start()
    tier = None
    while True:
        request = requests.get()
        if request[:1] == b"F":
            tier, amiss = walls()
            write_frame(answers, json.dumps({"facts": facts(), "amiss": amiss}).encode())
            continue
        try:
            function, args, kwargs = pickle.loads(request[1:])  # from the instructor, who runs the cluster
            if function is engine.grade_submission:
                kwargs["tier"] = tier
            answer = RESULT + as_content(function(*args, **kwargs))
        except Exception:
            answer = ERROR + traceback.format_exc().encode("utf-8", "replace")
        write_frame(answers, answer)


def listen(stream, requests):
    """Hears requests while the main thread works, and so also that the worker has died: then this process ends."""
    while (request := read_frame(stream)) is not None:
        requests.put(request)
    os._exit(0)


def walls():
    """(the walls of this machine, phrases about what is amiss with them), tried out as `dyadlab grade` does."""
    from dyadlab.grading import sandbox

    try:
        tier = sandbox.choose()
    except sandbox.NoSandbox as missing:
        return None, [str(missing)]
    report = sandbox.self_test(tier)
    return tier, [] if report.passed else [report.sentence()]
