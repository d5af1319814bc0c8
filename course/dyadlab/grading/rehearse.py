"""Run a notebook many times with one answer replaced, quickly: the author's rehearsal of the grader.

The cells run in IPython, in this order, in a process of their own. At each answer cell the process forks once for
every listed replacement, so that nothing before it runs twice. Where processes cannot fork (Windows),
every replacement runs from the start. That both give what nbgrader gives is a test. Every run has a working
folder of its own, empty at first, since some answers write files beside the notebook.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

TRUE_ANSWERS = ""


def rehearse(cells, replacements, fork=None):
    """Which checks fail, and with which sentence, for the true answers and for every replacement.

    cells : list of (cell_id, source, is_check) of code cells, in order. replacements : list of
    (label, cell_id, source). Returns ``{label: {check_id: sentence}}``; the true answers have the label ``""``.
    """
    if hasattr(os, "fork") if fork is None else fork:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_forking, cells, replacements).result()
    runs = [(TRUE_ANSWERS, None, None), *replacements]
    with ProcessPoolExecutor(max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
        return dict(zip([r[0] for r in runs], pool.map(_from_start, [cells] * len(runs), runs), strict=True))


def _from_start(cells, run):
    shell, failed = _shell(), {}
    with tempfile.TemporaryDirectory(prefix="dyadlab-rehearsal-") as folder, contextlib.chdir(folder):
        for cell_id, source, is_check in cells:
            _run(shell, cell_id, run[2] if cell_id == run[1] else source, is_check, failed)
    return failed


def _forking(cells, replacements):
    shell, failed, outcomes = _shell(), {}, {}
    with tempfile.TemporaryDirectory(prefix="dyadlab-rehearsal-") as folder, contextlib.chdir(folder):
        desk = os.path.join(folder, "desk")
        os.mkdir(desk)
        os.chdir(desk)
        running = []
        for place, (cell_id, source, is_check) in enumerate(cells):
            for number, (_label, replaced, other) in enumerate(replacements):
                if replaced == cell_id:
                    _wait(running, at_most=max(1, os.cpu_count() or 1) - 1)
                    child = os.fork()
                    if child == 0:
                        _as_child(shell, cells[place:], other, dict(failed), os.path.join(folder, str(number)))
                    running.append(child)
            _run(shell, cell_id, source, is_check, failed)
        _wait(running, at_most=0)
        for number, (label, _replaced, _other) in enumerate(replacements):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, str(number))) as stream:
                outcomes[label] = json.load(stream)
            # a child that died left nothing: every check behind it counts as failed
            outcomes.setdefault(label, {c: "the process died" for c, _s, check in cells if check})
    return {TRUE_ANSWERS: failed, **outcomes}


def _as_child(shell, cells, other, failed, path):
    """Go on from here with another answer, with a copy of the files that there are by now."""
    try:
        os.chdir(shutil.copytree(os.curdir, f"{path}-desk"))
        for place, (cell_id, source, is_check) in enumerate(cells):
            _run(shell, cell_id, source if place else other, is_check, failed)
        with open(path, "w") as stream:
            json.dump(failed, stream)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _wait(running, at_most):
    while len(running) > at_most:
        os.waitpid(running.pop(0), 0)


def _shell():
    os.environ["MPLBACKEND"] = "agg"
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    return shell


def _run(shell, cell_id, source, is_check, failed):
    """Run one cell as a kernel would; a check fails through an error or a word on stderr, as in nbgrader."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        result = shell.run_cell(source, store_history=False)
    if "matplotlib.pyplot" in sys.modules:  # the inline backend closes its figures after each cell
        sys.modules["matplotlib.pyplot"].close("all")
    error = result.error_before_exec or result.error_in_exec
    if is_check and (error is not None or err.getvalue()):
        failed[cell_id] = str(error) if error is not None else err.getvalue()
