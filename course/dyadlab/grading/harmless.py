"""Nothing that a student wrote may run in the browser of whoever marks it.

formgrader shows graded notebooks as web pages, on the instructor's own Jupyter. Text and pictures pass; in HTML,
Markdown and raw cells only tags and attributes that cannot do anything do. Most HTML in a notebook is a table by
pandas, for which a quick look is enough; what is not plainly harmless goes through bleach, as when nbconvert cleans.
"""

import functools
import html
import re

from dyadlab.grading import notebooks

TAGS = (
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u "
    "ul var"
).split()
ATTRIBUTES = (
    "align alt border class colspan dir halign height id lang open role rowspan scope style title valign".split()
)
STYLES = (
    "background-color border border-bottom border-collapse border-left border-right border-top color display "
    "font-family font-size font-style font-weight height line-height margin margin-bottom margin-left margin-right "
    "margin-top max-width min-width overflow overflow-x padding padding-bottom padding-left padding-right padding-top "
    "text-align text-decoration vertical-align white-space width word-break"
).split()
PROTOCOLS = ["http", "https", "mailto", "data"]
MOST_LETTERS = 500_000

# Plainly harmless: a tag of the list whose attributes hold neither an address nor anything like code, and the style
# sheet with which pandas begins a table.
_ATTRIBUTE = rf"""\s+(?:{"|".join(ATTRIBUTES)})(?:="[^"<>(\\@]*")?"""
PLAIN_TAG = re.compile(rf"</?(?:{'|'.join(TAGS)})(?:{_ATTRIBUTE})*\s*/?>")
SCOPED_STYLE = re.compile(r"<style scoped>[^<(\\@]*</style>")
TAG = re.compile(r"<[^>]*>?")
# Where a link of Markdown says whereto, in the line or below the text; what in a formula makes links or loads code.
LINK = re.compile(r"(?P<before>\]\(\s*<?|\]:\s*<?)(?P<target>[^)\s>]*)")
ACTING_MATHS = re.compile(r"\\(?:href|url|style|class|cssId|require|unicode|html[A-Za-z]*|data|includegraphics)\b")
SCHEMES = ("http", "https", "mailto", "attachment")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
TAG_BEGINS = re.compile(r"<[A-Za-z!/?]")
AS_HTML, AS_MARKDOWN, AS_PICTURE = ("text/html",), ("text/markdown", "text/latex"), ("image/png", "image/jpeg")
AS_DATA = ("text/plain", "application/json")


def make_harmless(notebook):
    """Clean, in place, all that is the student's in an executed notebook: outputs, Markdown and raw cells."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                output["data"] = bundle(output["data"])
        if notebooks.grading(cell).get("locked"):
            continue
        if cell.cell_type == "markdown":
            cell["source"] = markdown(cell.source)
        elif cell.cell_type == "raw":  # which a page shows as it is
            cell["source"] = html.escape(ACTING_MATHS.sub(r"\text", cell.source), quote=False)


def bundle(data):
    """The kinds of an output that can be shown, each cleaned; an output that had no other gets a word in its place."""
    kept = {kind: content for kind, content in data.items() if kind in AS_DATA}
    kept |= {kind: page(content) for kind, content in data.items() if kind in AS_HTML and isinstance(content, str)}
    kept |= {
        kind: markdown(content) for kind, content in data.items() if kind in AS_MARKDOWN and isinstance(content, str)
    }
    kept |= {
        kind: content
        for kind, content in data.items()
        if kind in AS_PICTURE and isinstance(content, str) and BASE64.fullmatch(content)
    }
    return kept or {"text/plain": f"({', '.join(sorted(data))}: not shown)"}


def page(content):
    """HTML without anything that could act."""
    content = ACTING_MATHS.sub(r"\\text", content)
    return content if all(map(is_plain, set(TAG.findall(SCOPED_STYLE.sub("", content))))) else cleaned(content)


def markdown(content):
    """Markdown, whose tags are HTML, whose links can hold code, and whose formulas can hold links."""
    content = LINK.sub(only_addresses, ACTING_MATHS.sub(r"\\text", content))
    return page(content) if TAG_BEGINS.search(content) else content


def only_addresses(link):
    """The link as it is if it leads to a page, a place or a mailbox; else to nowhere."""
    target = html.unescape(link["target"]).casefold()
    scheme, colon, _rest = re.split(r"[/?#]", target, maxsplit=1)[0].partition(":")
    return link[0] if not colon or scheme in SCHEMES else f"{link['before']}#"


@functools.lru_cache(1000)
def is_plain(tag):
    return len(tag) < 1000 and bool(PLAIN_TAG.fullmatch(tag))


def is_allowed(tag, name, value):
    """Whether an attribute may stay. A picture comes with the page; one from elsewhere would tell who looks at it."""
    if tag == "img" and name == "src":
        return value.startswith("data:image/")
    if tag == "a" and name == "href":
        return value.casefold().startswith(("http://", "https://", "mailto:", "#"))
    return name in ATTRIBUTES


def cleaned(content):
    """What bleach leaves of HTML; it is slow, so that very much of it is not shown at all."""
    if len(content) > MOST_LETTERS:
        return "(too much HTML to be shown)"
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    return bleach.clean(
        content,
        tags=TAGS,
        attributes=is_allowed,
        protocols=PROTOCOLS,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
        strip=True,
    )
