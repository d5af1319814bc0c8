"""Our steps in nbgrader's pipelines: the skeleton a student sees, the reading copy a teacher sees, pages to read."""

import re

import nbformat
from nbconvert.filters import strip_ansi
from nbgrader.preprocessors import ClearSolutions as NbgraderClearSolutions
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from traitlets import Dict, List, Unicode

from dyadlab.grading import notebooks
from dyadlab.sentences import counted

LIVE_WIDGET = "application/vnd.jupyter.widget-view+json"
NOT_READ = "Not read yet: what this answer earns is still to be decided."


def skeleton(lines):
    """The lines of a solution region that the student sees instead: those that begin with ``#:``."""
    marked = [line.strip() for line in lines if line.strip().startswith(notebooks.SKELETON_MARK)]
    return [line.removeprefix(notebooks.SKELETON_MARK).removeprefix(" ") for line in marked]


class ClearSolutions(NbgraderClearSolutions):
    """nbgrader's step with one addition: a solution region may bring its own skeleton.

    Lines of the region that begin with ``#: `` take the place of the region in the release. nbgrader's own
    step, which plain nbgrader would use, writes the same stub in every cell and so cannot fade its blanks.
    """

    code_stub = Dict({"python": "# Write your code here"}).tag(config=True)
    text_stub = Unicode("Write your answer here.").tag(config=True)

    def _replace_solution_region(self, cell, language):
        if cell.cell_type != "code":
            return super()._replace_solution_region(cell, language)
        regions = re.findall(
            rf"{notebooks.BEGIN_SOLUTION}\n(.*?)[ \t]*{notebooks.END_SOLUTION}", cell.source, flags=re.DOTALL
        )
        usual = self.code_stub[language]
        stubs = [skeleton(region.split("\n")) or usual.split("\n") for region in regions]
        lines, stub, inside = [], None, False
        for line in cell.source.split("\n"):
            if notebooks.BEGIN_SOLUTION in line:
                if inside:
                    raise RuntimeError(f"nested BEGIN SOLUTION in this cell:\n{cell.source}")
                inside, stub = True, stubs.pop(0) if stubs else usual.split("\n")
                indent = re.match(r"\s*", line).group()
                lines += [(indent + stub_line).rstrip() for stub_line in stub]
            elif notebooks.END_SOLUTION in line:
                inside = False
            elif not inside:
                lines.append(line)
        if inside:
            raise RuntimeError(f"BEGIN SOLUTION without END SOLUTION in this cell:\n{cell.source}")
        cell.source = "\n".join(lines)
        return stub is not None


class ReadingCopy(NbGraderPreprocessor):
    """Turns an answered source notebook into a copy to read: no markers, no skeletons, no lock metadata."""

    def preprocess_cell(self, cell, resources, cell_index):
        headings = {
            notebooks.BEGIN_SCHEME: "**Marking scheme**\n",
            notebooks.BEGIN_HIDDEN: "# hidden from students:",
        }
        lines = []
        for line in cell.source.split("\n"):
            marker = next((m for m in notebooks.MARKERS if m in line), None)
            if marker in headings:
                lines.append(line.replace(marker, headings[marker]))
            elif marker is None and not line.strip().startswith(notebooks.SKELETON_MARK):
                lines.append(line)
        cell.source = "\n".join(lines)
        cell.metadata.pop("nbgrader", None)
        return cell, resources


class WithoutLiveWidgets(NbGraderPreprocessor):
    """Takes out what only a running Python can show, so that the words or the table beside it are shown instead.

    A page that finds a live widget wants to fetch programs from the network to draw it, and then draws nothing. Its
    names are random besides, so that no copy would be like another.
    """

    #: Every exporter of pages sets this for all its steps, and warns of those that do not take it.
    display_data_priority = List(Unicode()).tag(config=True)

    def preprocess(self, nb, resources):
        nb.metadata.pop("widgets", None)
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if data.pop(LIVE_WIDGET, None) is not None and not data:
                data["text/plain"] = "(Something to click, where Python is running.)"
        return cell, resources


class GradesSoFar(GetGrades):
    """nbgrader's step that puts marks on a page, with one addition: an answer that waits for a person says so.

    nbgrader itself shows such an answer with no points, as if somebody had found nothing right in it.
    """

    def preprocess(self, nb, resources):
        self._unread = 0
        nb, resources = super().preprocess(nb, resources)
        if self._unread:
            unread = counted(self._unread, "answer is", "answers are")
            said = f"**Not all of this is marked yet.** {unread} not read yet, so the score above will still change."
            nb.cells.insert(0, nbformat.v4.new_markdown_cell(said, id="not-read-yet"))
        return nb, resources

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        where = cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id
        if self.gradebook.find_grade(*where).needs_manual_grade:
            self._unread += 1
            comments = (NOT_READ, cell.metadata.nbgrader.get("comment"))
            cell.metadata.nbgrader["comment"] = "\n\n".join(filter(None, comments))


class ShortErrors(NbGraderPreprocessor):
    """For feedback: an error of a check cell that is not a sentence keeps its name and message only.

    A traceback quotes the lines around the one that failed, and hidden tests stand among them.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if notebooks.is_check(cell):
            for output in cell.outputs:
                if output.output_type == "error" and _words("\n".join(output.traceback)) != _words(output.evalue):
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


def _words(text):
    return strip_ansi(text).split()
