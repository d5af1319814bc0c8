"""Nothing that a student wrote may run in the browser of whoever marks it, or change the page around it.

formgrader shows graded notebooks as web pages, on the instructor's own Jupyter. Text and pictures pass. HTML keeps
what is on the list of :mod:`.safe_html`; a table by pandas keeps to it as it is. Markdown is judged by what the
renderer makes of it, because that is what the browser gets: quotation marks, indents and the like are gone by then,
and what had stood apart stands together.
"""

import functools
import html
import re
import time
from urllib.parse import unquote

from dyadlab.grading import notebooks, safe_html

#: What one notebook may cost: seconds for all of it, seconds for rendering one text (an honest one takes a hundredth),
#: letters of one HTML output that is not plain, letters of one Markdown text and of all of them.
SECONDS, SECONDS_TO_RENDER = 10, 0.5
MOST_LETTERS = 500_000
MOST_MARKDOWN, MOST_MARKDOWN_IN_ALL = 20_000, 200_000
#: Rendering takes up to the square of the length, which is nothing yet for so few letters.
FEW_LETTERS = 2_000
TOO_MUCH = "(too much HTML to be shown)"
TOO_LONG = (
    "The notebook holds more web pages and formatted text than can be looked through; the rest of them is shown as it "
    "was written."
)
WHY_LONG = "There is too much formatted text here to look it through. It is shown as it was written:"
WHY_ACTING = "This holds what may not stand on a page. It is shown as it was written:"
NOT_THERE = "(a picture that is not in the file: {})"

# What in a formula makes links or loads code; letters and the backslash spelled in such a way that this is not seen.
ACTING_MATHS = re.compile(r"\\(?:href|url|style|class|cssId|bbox|require|unicode|html[A-Za-z]*|data|includegraphics)\b")
SPELLED = re.compile(r"&(?:#0*+[0-9]{1,3}|#[xX]0*+[0-9a-fA-F]{1,2}|bsol);?")
# Without any of these, Markdown makes neither tags nor links nor pictures.
MARKUP = re.compile(r"<[A-Za-z!/?]|\]\(|\]:|mermaid")
# Where a link says whereto, in the line or below the text, within a quotation, too.
LINK = re.compile(r"(?P<before>\]\([\s>]*<?|\]:[\s>]*<?)(?P<target>[^)\s>]*)")
FILES = re.compile(r"/?files/")  # which the page leaves out of addresses
# Pictures that do not come with the notebook, and those that should.
ELSEWHERE = re.compile(r"!(?=\[[^\[\]]*\](?!\(\s*<?attachment:))")
ATTACHED = re.compile(
    r"!\[[^\[\]]*\]\([\s>]*(?:<attachment:(?P<quoted>[^<>\n]*+)>|attachment:(?P<bare>[^\s()<>]*+))[^()]*+\)"
)
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
AS_HTML, AS_MARKDOWN, AS_LATEX = ("text/html",), ("text/markdown",), ("text/latex",)
AS_DATA, AS_PICTURE = ("text/plain", "application/json"), ("image/png", "image/jpeg")


class Work:
    """What looking through one notebook has cost, and whether it may cost more."""

    def __init__(self):
        self.ends, self.letters, self.stopped = time.monotonic() + SECONDS, MOST_MARKDOWN_IN_ALL, False

    def goes_on(self, letters=0):
        self.letters -= letters
        over = self.letters < 0 or time.monotonic() > self.ends
        self.stopped |= over
        return not over

    def loads_renderer(self):
        """On a cold machine that can take its time, which is not the notebook's."""
        began = time.monotonic()
        renderer()
        self.ends += time.monotonic() - began


def make_harmless(notebook, texts=frozenset()):
    """Clean, in place, all that is the student's in an executed notebook: outputs, Markdown and raw cells.

    texts : the course's own Markdown, which is left as it is unless it shows attachments, which may be a student's.
    Returns remarks, of which there is one where not everything could be looked through.
    """
    work = Work()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                output["data"] = bundle(output["data"], work)
        if notebooks.grading(cell).get("locked"):
            continue
        if cell.cell_type == "markdown" and (cell.source not in texts or "attachment:" in cell.source):
            cell["source"] = markdown(cell.source, cell.get("attachments", {}), work)
        elif cell.cell_type == "raw":  # which a page shows as it is
            cell["source"] = html.escape(no_acting_maths(cell.source), quote=False)
    return (TOO_LONG,) if work.stopped else ()


def bundle(data, work=None):
    """The kinds of an output that can be shown, each cleaned; an output that had no other gets a word in its place."""
    work = work or Work()
    kept = {}
    for kind, content in data.items():
        if kind in AS_DATA:
            kept[kind] = content
        elif not isinstance(content, str):
            continue
        elif kind in AS_HTML:
            kept[kind] = page(content, work)
        elif kind in AS_MARKDOWN:
            kept[kind] = markdown(content, {}, work)
        elif kind in AS_LATEX:  # whose tags the page shows as text
            kept[kind] = no_acting_maths(content)
        elif kind in AS_PICTURE and BASE64.fullmatch(content):
            kept[kind] = content
    return kept or {"text/plain": f"({', '.join(sorted(data))}: not shown)"}


def page(content, work=None):
    """HTML without anything that could act."""
    if not (work or Work()).goes_on():
        return as_written(content, WHY_LONG)
    content = readable(content)
    if ACTING_MATHS.search(safe_html.unescaped(content)):
        return as_written(content, WHY_ACTING)
    if safe_html.is_safe(content):
        return content
    return TOO_MUCH if len(content) > MOST_LETTERS else safe_html.cleaned(content)


def markdown(content, attachments=None, work=None):
    """Markdown of which no tag, link, picture or formula acts: as it is, or mended, or as it was written."""
    work, attachments = work or Work(), {} if attachments is None else attachments
    if len(content) > MOST_MARKDOWN or not work.goes_on(len(content)):
        return as_written(content, WHY_LONG)
    content = readable(content)
    if len(content) < FEW_LETTERS and not MARKUP.search(content):
        return content
    work.loads_renderer()
    made = content
    for mend in (same, only_pictures_there, mended):
        if not work.goes_on():
            return as_written(content, WHY_LONG)
        made, began = mend(made, attachments), time.monotonic()
        good = renders_harmless(made, attachments)
        if time.monotonic() - began > SECONDS_TO_RENDER:  # as long as whoever marks would wait for it, each time
            return as_written(content, WHY_LONG)
        if good:
            return made
    return as_written(content, WHY_ACTING)


def as_written(content, why):
    """The letters themselves, on a page or in Markdown; formulas stay letters in it, too."""
    return f'<p>{why}</p>\n\n<pre style="white-space: pre-wrap">{html.escape(content)}</pre>'


def readable(content):
    """Without letters whose numbers no reader can read, and without acting maths."""
    return no_acting_maths(safe_html.UNREADABLE.sub("\ufffd", content))


def no_acting_maths(content):
    """Without the commands in formulas that act, however their letters are spelled."""
    if "&" in content and ACTING_MATHS.search(safe_html.unescaped(content)):
        content = SPELLED.sub(spelled_out, content)
    return ACTING_MATHS.sub(r"\\text", content)


def spelled_out(entity):
    letter = html.unescape(entity[0])
    return letter if re.fullmatch(r"[A-Za-z\\]", letter) else entity[0]


# --- Markdown as the page shows it -------------------------------------------------------------------------------


class Asked(dict):
    """The attachments of a cell, as the renderer sees them; it asks for one more and is told that it is there."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __contains__(self, name):
        self.names.add(name)
        return True

    def __getitem__(self, name):
        return {"image/png": "AAAA"}


@functools.cache
def renderer():
    """(what makes pages of Markdown, given attachments; what then happens to their addresses).

    nbconvert takes a good part of a second to import, which most notebooks need not pay.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from nbconvert.filters.strings import strip_files_prefix

    def made_with(attachments):
        return MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=attachments))

    return made_with, strip_files_prefix


def rendered(content):
    """(the pages that formgrader and the feedback make of it, the names of the pictures that they look for)."""
    made_with, strip_files_prefix = renderer()
    asked = Asked()
    made = made_with(asked).render(content)
    return (made, strip_files_prefix(made)), asked.names


def renders_harmless(content, attachments):
    """Whether the page that comes of a text keeps to the list, and every picture is there."""
    try:
        pages, names = rendered(content)
    except Exception:  # formgrader would fail over it as well
        return False
    return names <= set(attachments) and all(
        safe_html.is_safe(made, rendered=True) and not ACTING_MATHS.search(safe_html.unescaped(made)) for made in pages
    )


def same(content, attachments):
    return content


def only_pictures_there(content, attachments):
    """A word in place of each picture that the cell does not have, as when a drawing had to be left out."""
    try:
        asked = rendered(content)[1]
    except Exception:
        return content
    for name in asked - set(attachments):  # the renderer writes %20 for a blank, and spells other letters, too
        if unquote(name) in attachments:
            attachments[name] = attachments.pop(unquote(name))
    if asked <= set(attachments):
        return content
    there = {unquote(name) for name in attachments}

    def instead(picture):
        name = unquote(picture["quoted"] or picture["bare"] or "")
        return picture[0] if name in there else NOT_THERE.format(plain_words(name))

    return ATTACHED.sub(instead, content)


def plain_words(name):
    """A file's name without what Markdown would take for marks."""
    return re.sub(r"[^\w .,-]", " ", name)[:100].strip() or "it has no name"


def mended(content, attachments):
    """Only allowed tags, links to pages and places only, and links in place of pictures from elsewhere."""
    if not attachments:  # what asks for one in another way than pictures commonly do
        content = content.replace("attachment:", "#not-in-the-file:")
    return LINK.sub(only_addresses, ELSEWHERE.sub("", safe_html.cleaned(content)))


def only_addresses(link):
    """The link as it is if it leads to a page, a place or a mailbox; else to nowhere."""
    target = FILES.sub("", safe_html.unescaped(link["target"]), count=1)
    return link[0] if safe_html.is_address(target, to_beside=True) else f"{link['before']}#"
