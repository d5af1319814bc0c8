"""Claims about what a student's work may do in the browser of whoever marks it: nothing."""

import time
from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest
import statsmodels.api as sm
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
    # what stands apart in the source and together on the page
    '> <img\n> src="x"\n> onerror="alert(1)">',
    '1. > <img\n   > src="x"\n   > onerror="alert(1)">',
    '> <details\n> open\n> ontoggle="alert(1)">\n> x</details>',
    "> [marks](\n> javascript:alert(1))",
    "> [marks]:\n> javascript:alert(1)\n>\n> [marks]",
    # addresses of which the page leaves out a part
    "[marks](/files/javascript:alert(1))",
    "[marks](files/javascript:alert(1))",
    "![seen](https://example.org/seen.png)",
    "![seen][r]\n\n[r]: https://example.org/seen.png",
    # letters by their numbers
    "&#36;&#92;href{javascript:alert(1)}{marks}&#36;",
    "<p>&#36;&#x5c;hre&#102;{javascript:alert(1)}{marks}&#36;</p>",
    # what is not code, and acts all the same
    "<style scoped>.output_error { display: none }</style><p>x</p>",
    '<div style="position: fixed; top: 0; width: 100%">17 of 17</div>',
    '<div style="margin-top: -900px; background-color: white">17 of 17</div>',
    '<p class="navbar-fixed-top">17 of 17</p>',
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
    '```mermaid\ngraph TD; click A "javascript:alert(1)"\n```',
    "<scr<style scoped>.dataframe thead th { text-align: right; }</style>ipt>alert(1)</script>",
    "<<x>script>alert(1)</script>",
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
            (values.get(name) or "").lower().lstrip().startswith(("javascript", "data:text", *elsewhere))
            for name, elsewhere in (("src", ["http"]), ("href", []))
        )
        bad |= any(word in (values.get("style") or "") for word in ("url(", "position", "-900"))
        bad |= bool({"navbar-fixed-top", "mermaid"} & {*(values.get("class") or "").split()})
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


ACTS_AS_MARKDOWN = [code for code in HOSTILE if code[0] in ">1[!`"]


@pytest.mark.parametrize("code", ACTS_AS_MARKDOWN)
def test_without_the_cleaning_it_would_act_on_the_page_of_a_text(code):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(code)])
    body = HTMLExporter(template_name="classic").from_notebook_node(notebook)[0].partition("<body")[2]
    assert Acting(f"<body{body}").found


ACTS_AS_HTML = [
    code for code in HOSTILE if code.startswith("<") and "<<" not in code and code != "<script" and "scr<" not in code
]


@pytest.mark.parametrize("code", ACTS_AS_HTML)
def test_without_the_cleaning_it_would_act(code):
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data={"text/html": code})])
    page = HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))[0]
    assert Acting(page).found


@pytest.mark.parametrize(
    "content",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x < y", "<b>"]})._repr_html_(),
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}).groupby("a").agg(["mean", "std"])._repr_html_(),
        pd.DataFrame()._repr_html_(),
        sm.OLS([1.0, 2.0, 4.0, 3.0], [[1, 2], [1, 3], [1, 5], [1, 7]]).fit().summary()._repr_html_(),
        codebook("dyads")._repr_html_(),
        '<p style="color: #333; margin: 0">p &lt; .05</p><details open><summary>Hint</summary>x</details>',
    ],
    ids=["a table by pandas", "grouped columns", "an empty table", "statsmodels", "a codebook", "a paragraph"],
)
def test_what_the_course_shows_passes_untouched(content):
    assert harmless.page(content) == content


def test_words_with_a_less_than_sign_stay_as_they_were_written():
    assert harmless.markdown("We found p < .05 and `a <- b`; 3<4.") == "We found p < .05 and `a <- b`; 3<4."


@pytest.mark.parametrize(
    "written",
    [
        "[a study](https://doi.org/10.1000/x)",
        "[to part 3](#part-3)",
        "[my codes](codes.csv)",
        "see [1]: it says so",
        "$\\frac{1}{2}$ and $a <b$",
        "see <https://doi.org/10.1000/x> or <me@example.org>",
        "> a quotation with <b>bold</b>\n> and [a link](https://example.org)",
        "| a | b |\n|---|:-:|\n| 1 | 2 <3 |\n\n- [x] read [it](it.csv)\n- [ ] understood",
        "# A [heading](https://example.org)\n\n```html\n<script>alert(1)</script>\n```",
        "```python\nx = a[0](1) <b\n```",
        "<details><summary>Hint</summary>\n\nH<sub>2</sub>O<br>and **more**\n\n</details>",
        "we saw a<b in 3 cases and c>d in two",
    ],
)
def test_honest_links_formulas_and_tags_stay(written):
    assert harmless.markdown(written) == written


def test_what_cannot_be_mended_is_shown_as_it_was_written():
    page = harmless.markdown("```mermaid\n<b onclick=alert(1)>\n```")
    assert harmless.WHY_ACTING in page and "```mermaid\n&lt;b onclick=alert(1)&gt;\n```" in page


# --- tables that rule the page around them ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("</div></div><h1>17 of 17</h1>", "<h1>17 of 17</h1>"),
        ("<div><b>never closed", "<div><b>never closed</b></div>"),
        ('<p style="color: red; position: fixed">x</p>', '<p style="color: red">x</p>'),
        ('<p class="modal" id="score">x</p>', "<p>x</p>"),
        ("<p title=a onclick=b title=c>x", '<p title="a">x</p>'),
        ("<SCRIPT>alert(1)</Script>x<style>y</style>z<script>never ends", "xz"),
        ("3 < 4 <unknown>and</unknown> so on", "3 &lt; 4 and so on"),
    ],
)
def test_of_a_page_only_what_keeps_to_its_place_is_left(written, left):
    assert harmless.page(written) == left


def test_a_style_sheet_stays_only_if_it_is_the_one_of_pandas():
    table = pd.DataFrame({"a": [1]})._repr_html_()
    other = table.replace("text-align: right;", "display: none;")
    assert harmless.page(table) == table
    assert "<style" not in harmless.page(other) and "<td>1</td>" in harmless.page(other)


# --- what it costs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["<div>", "<a><div>", "<p><b>", "<b title='", "<!--", "<script>", '<b "', "&#", "<"])
def test_the_time_for_a_page_grows_with_its_length_and_not_faster(unit):
    began = time.monotonic()
    harmless.page(unit * (400_000 // len(unit)) + "<x>")
    assert time.monotonic() - began < 5


def test_when_the_time_is_over_all_that_is_left_is_shown_as_it_was_written_and_said_once(monkeypatch):
    monkeypatch.setattr(harmless, "SECONDS", -1000)
    outputs = [
        nbformat.v4.new_output("display_data", data={kind: "<b>x</b>"}) for kind in ("text/html", "text/markdown")
    ]
    cells = [nbformat.v4.new_code_cell("x", outputs=outputs), nbformat.v4.new_markdown_cell("<b>x</b>")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert harmless.make_harmless(notebook) == (harmless.TOO_LONG,)
    shown = [outputs[0].data["text/html"], outputs[1].data["text/markdown"], cells[1].source]
    assert all("&lt;b&gt;x&lt;/b&gt;" in text and "<b>" not in text for text in shown)


def test_an_ordinary_notebook_needs_no_remark():
    table = nbformat.v4.new_output("display_data", data={"text/html": pd.DataFrame({"a": [1]})._repr_html_()})
    cells = [nbformat.v4.new_code_cell("x", outputs=[table] * 50), nbformat.v4.new_markdown_cell("[x](y)")]
    assert harmless.make_harmless(nbformat.v4.new_notebook(cells=cells)) == ()


def test_the_courses_own_text_stays_as_it_is_and_a_students_is_looked_at():
    own = 'See <b class="course">the figure</b> <script>course()</script>'
    cells = [nbformat.v4.new_markdown_cell(text) for text in (own, own + " <script>mine()</script>")]
    harmless.make_harmless(nbformat.v4.new_notebook(cells=cells), frozenset([own]))
    assert cells[0].source == own
    assert "<script" not in cells[1].source


def test_what_a_student_attached_to_the_courses_text_is_looked_at():
    own = "![the figure](attachment:figure.png)"
    cell = nbformat.v4.new_markdown_cell(own)
    harmless.make_harmless(nbformat.v4.new_notebook(cells=[cell]), frozenset([own]))
    assert harmless.NOT_THERE.format("figure.png") in cell.source  # the page could not be made otherwise


def test_a_text_too_long_to_be_rendered_in_time_is_shown_as_it_was_written():
    long = "[a](b) " * harmless.MOST_MARKDOWN
    assert harmless.WHY_LONG in harmless.markdown(long)


def test_a_text_that_takes_long_to_render_is_shown_as_it_was_written_so_that_nobody_waits_for_it(monkeypatch):
    monkeypatch.setattr(harmless, "SECONDS_TO_RENDER", 0)
    assert harmless.WHY_LONG in harmless.markdown("[a](b)")
    assert harmless.WHY_LONG in harmless.markdown("many words and no tag " * 200)
    assert harmless.markdown("few words") == "few words"


# --- pages that would not open ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("![my plot](attachment:drawing.svg), which shows it", "(a picture that is not in the file: drawing.svg)"),
        ("![my plot](<attachment:my drawing.svg>)", "(a picture that is not in the file: my drawing.svg)"),
        ("> ![my plot](attachment:my%20drawing.svg 'seen')", "(a picture that is not in the file: my drawing.svg)"),
        ("![my plot][p]\n\n[p]: attachment:drawing.svg", "[my plot][p]"),
    ],
)
def test_a_picture_that_is_not_there_becomes_a_word_and_the_page_opens(written, left):
    assert left in harmless.markdown(written)
    assert Acting(shown(nbformat.v4.new_markdown_cell(written))).found == []
    output = nbformat.v4.new_output("display_data", data={"text/markdown": written})
    assert "svg" in shown(nbformat.v4.new_code_cell("x", outputs=[output]))


@pytest.mark.parametrize("name", ["plot.png", "my plot.png", "Bindungsstärke.png"])
def test_a_picture_that_is_there_is_shown_whatever_its_name(name):
    cell = nbformat.v4.new_markdown_cell(f"![my plot](<attachment:{name}>) and ![gone](attachment:gone.png)")
    cell["attachments"] = {name: {"image/png": "iVBORw0KGgo="}}
    page = shown(cell)
    assert "data:image/png;base64,iVBORw0KGgo=" in page and "not in the file: gone.png" in page


@pytest.mark.parametrize("code", ["[x](&#{};)", "&#{};", "<p>&#{};</p>", '<p title="&#{};">x</p>'])
def test_a_letter_with_a_number_of_thousands_of_digits_does_not_keep_the_page_from_opening(code):
    written = code.format("9" * 5000)
    output = nbformat.v4.new_output("display_data", data={"text/html": written, "text/markdown": written})
    assert "\ufffd" in shown(nbformat.v4.new_code_cell("x", outputs=[output]))
    assert shown(nbformat.v4.new_markdown_cell(written))


def test_an_output_of_which_nothing_may_be_shown_says_so():
    assert harmless.bundle({"application/javascript": "alert(1)"}) == {
        "text/plain": "(application/javascript: not shown)"
    }
