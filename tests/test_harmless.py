"""Claims about what a student's work may do in the browser of whoever marks it: nothing."""

from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest
from dyadlab import codebook
from dyadlab.grading import harmless
from nbconvert.exporters import HTMLExporter

HOSTILE = [
    "<script>fetch('/formgrader/api')</script>",
    '<img src=x onerror="alert(1)">',
    '<img src="https://example.org/seen.png">',
    '<a href="javascript:alert(1)">marks</a>',
    "<svg onload=alert(1)></svg>",
    "<iframe src=/></iframe>",
    '<table onmouseover="alert(1)"><tr><td>1</td></tr></table>',
    '<div style="background: url(https://example.org)">x</div>',
    "<style>body { display: none }</style>",
    "<form action=/formgrader><button>Save</button></form>",
    "<<b>script>alert(1)</script>",
    "[marks](javascript:alert(1))",
    "[marks](JaVaScRiPt:alert(1))",
    "[marks](&#106;avascript:alert(1))",
    "[marks](<javascript:alert(1)>)",
    "[marks][r]\n\n[r]: javascript:alert(1)",
    "[marks](data:text/html,x)",
    '<a href="data:text/html,x">marks</a>',
    r"$\href{javascript:alert(1)}{marks}$",
    "<script",
]


class Acting(HTMLParser):
    """Collects what of a page would act or call elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)
        self.close()

    def handle_data(self, text):
        if "\\href" in text:
            self.found.append(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        bad = tag in {"script", "iframe", "object", "embed", "svg", "style", "form", "button", "link", "meta", "base"}
        bad |= any(name.startswith("on") for name in values)
        bad |= any(
            (values.get(name) or "").lower().lstrip().startswith(("javascript", "http", "data:text"))
            for name in ("src", "href")
        )
        bad |= "url(" in (values.get("style") or "")
        if bad:
            self.found.append(self.get_starttag_text())


def shown(cell):
    """The page that formgrader would show for this cell, without the page's own parts."""
    notebook = nbformat.v4.new_notebook(cells=[cell])
    harmless.make_harmless(notebook)
    exporter = HTMLExporter(template_name="basic")
    return exporter.from_notebook_node(notebook)[0]


@pytest.mark.parametrize("code", HOSTILE)
def test_nothing_that_acts_reaches_the_markers_page(code):
    outputs = [
        nbformat.v4.new_output("display_data", data={kind: code})
        for kind in ("text/html", "text/markdown", "text/latex", "image/svg+xml", "application/javascript", "image/png")
    ]
    cells = [
        nbformat.v4.new_code_cell("x", outputs=outputs),
        nbformat.v4.new_markdown_cell(code),
        nbformat.v4.new_raw_cell(code),
    ]
    for cell in cells:
        assert Acting(shown(cell)).found == []


ACTS_AS_HTML = [code for code in HOSTILE if code.startswith("<") and "<<" not in code and code != "<script"]


@pytest.mark.parametrize("code", ACTS_AS_HTML)
def test_without_the_cleaning_it_would_act(code):
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data={"text/html": code})])
    page = HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))[0]
    assert Acting(page).found


@pytest.mark.parametrize(
    "content",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x < y", "<b>"]})._repr_html_(),
        codebook("dyads")._repr_html_(),
        '<p style="color: #333; margin: 0">p &lt; .05</p><details open><summary>Hint</summary>x</details>',
    ],
    ids=["a table by pandas", "a codebook", "a paragraph"],
)
def test_what_the_course_shows_passes_untouched(content):
    assert harmless.page(content) == content


def test_words_with_a_less_than_sign_stay_as_they_were_written():
    assert harmless.markdown("We found p < .05 and `a <- b`; 3<4.") == "We found p < .05 and `a <- b`; 3<4."


@pytest.mark.parametrize(
    "written", ["[a study](https://doi.org/10.1000/x)", "[to part 3](#part-3)", "see [1]: it says so", "$\\frac{1}{2}$"]
)
def test_honest_links_and_formulas_stay(written):
    assert harmless.markdown(written) == written


def test_an_output_of_which_nothing_may_be_shown_says_so():
    assert harmless.bundle({"application/javascript": "alert(1)"}) == {
        "text/plain": "(application/javascript: not shown)"
    }
