"""The floor: the students' cells alone, in forks of a warm process, on all cores, with their figures rendered.

    python benchmarks/floor.py COURSE WEEK --jobs N

No check, no walls, no gradebook, no file written, and the submissions are read before the clock starts: no grader that
runs the notebooks can be faster on this machine. Prints one line of JSON.
"""

import argparse
import ast
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from dyadlab.grading import course, engine, master, notebooks, prepare, submission, warm


def main(arguments=None):
    words = argparse.ArgumentParser()
    words.add_argument("course")
    words.add_argument("week")
    words.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = words.parse_args(arguments)
    work = list(jobs_of(course.Course(Path(asked.course)), asked.week))
    be_warm()
    began = time.monotonic()
    figures = run_all(work, asked.jobs)
    wall = time.monotonic() - began
    print(json.dumps({"copies": len(work), "wall": wall, "figures": figures}))


def jobs_of(here, week):
    """(cells, files) of each submission, mended as the grader mends it: what a student's process is given."""
    copy = master.from_gradebook(here, week)
    for student, folder in here.submissions(week).items():
        one = submission.read(student, week, folder)
        prepared = prepare.prepare(copy, one)
        yield student_cells(prepared.notebook), engine.files_beside(copy, one, prepared)


def student_cells(notebook):
    """The sources of the cells that are the student's to run: code that is no check."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and not notebooks.is_check(cell)]


def be_warm():
    """Exactly as warm as the grader's own warm process."""
    os.environ.update(warm.ENVIRONMENT)
    warm.get_warm()
    import matplotlib

    matplotlib.interactive(False)
    matplotlib.pyplot.switch_backend("agg")


def run_all(work, jobs):
    """Run each piece of work in a fork of its own, ``jobs`` at a time. Returns how many figures were rendered."""
    running, figures, ends = 0, 0, []
    for cells, files in work:
        if running >= jobs:
            os.wait()
            running -= 1
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            child(cells, files, write)
        os.close(write)
        ends.append(read)
        running += 1
    while running:
        os.wait()
        running -= 1
    for read in ends:
        with open(read) as stream:
            figures += int(stream.read() or 0)
    return figures


def child(cells, files, write):
    """Run the cells in a private folder and end; says how many figures it rendered."""
    done = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for name, content in files.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(content)
            done = run_cells(cells)
            os.chdir("/")
    finally:
        os.write(write, str(sum(cell["figures"] for cell in done)).encode())
        os._exit(0)


def run_cells(cells):
    """Run cells one after the other as a notebook would: what each printed, showed, and how many figures it drew.

    The value of a last line is turned into text and HTML, and every figure into a PNG as the notebook shows it, since
    a graded notebook holds both. An error ends its cell and not the notebook.
    """
    names, done = {"__name__": "__main__", "__builtins__": __builtins__}, []
    for source in cells:
        out, shown, failed = io.StringIO(), "", ""
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            try:
                shown = run_cell(source, names)
            except Exception as error:
                failed = type(error).__name__
            figures = render_figures()
        done.append({"printed": out.getvalue(), "shown": shown, "failed": failed, "figures": figures})
    return done


def run_cell(source, names):
    tree = ast.parse(source)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "<cell>", "exec"), names)
    value = eval(compile(last, "<cell>", "eval"), names) if last else None
    if value is None or source.rstrip().endswith(";"):
        return ""
    if hasattr(value, "_repr_html_"):
        value._repr_html_()
    return repr(value)


def render_figures():
    """Every open figure as PNG, then closed. Returns how many."""
    plt = sys.modules["matplotlib.pyplot"]
    from IPython.core.pylabtools import print_figure

    numbers = plt.get_fignums()
    for number in numbers:
        print_figure(plt.figure(number), fmt="png")
    plt.close("all")
    return len(numbers)


if __name__ == "__main__":
    main()
