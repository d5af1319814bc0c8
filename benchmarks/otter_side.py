"""Runs in the environment of otter-grader: grade notebooks through its programming interface.

    python otter_side.py AUTOGRADER.ZIP PROCESSES NOTEBOOK...

Prints one line of JSON: seconds until otter was imported, seconds in all, and each notebook's points.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def points(zip_file, notebook):
    from otter.api import grade_submission

    return grade_submission(notebook, zip_file, quiet=True).total


def main():
    began = time.monotonic()
    zip_file, processes, notebooks = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    import otter.api  # noqa: F401

    imported = time.monotonic() - began
    if processes == 1:
        totals = [points(zip_file, notebook) for notebook in notebooks]
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            totals = list(pool.map(points, [zip_file] * len(notebooks), notebooks))
    print(json.dumps({"start": imported, "wall": time.monotonic() - began, "points": totals}))


if __name__ == "__main__":
    main()
