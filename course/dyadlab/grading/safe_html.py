"""HTML by a list of what is allowed: whether a page keeps to it, and what of a page does.

What comes out of here holds only tags of the list, each in one plain form, closed in the order in which they were
opened: a browser has nothing to guess. Everything takes time in proportion to the length, whatever is in it; bleach,
which comes with nbconvert, takes time in proportion to its square, so that one page could hold up a class.
"""

import functools
import html
import re

TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u "
    "ul var".split()
)
VOID = ("br", "col", "hr", "img", "input")
ATTRIBUTES = "align alt border colspan dir halign height lang open role rowspan scope title valign width".split()
STYLES = (
    "background-color border border-bottom border-collapse border-left border-right border-top color display "
    "font-family font-size font-style font-weight height line-height margin margin-bottom margin-left margin-right "
    "margin-top max-width min-width overflow overflow-x padding padding-bottom padding-left padding-right padding-top "
    "text-align text-decoration vertical-align white-space width word-break"
).split()
#: Of pandas and of statsmodels. The classes of formgrader's own page would let a table cover it.
CLASSES = ("dataframe", "simpletable")
#: What the renderer of Markdown adds to these: coloured code, headings with links, lists to tick off.
RENDERED_CLASSES = re.compile(r"highlight|anchor-link|task-list-item|language-[\w+#.-]{1,30}")
CODE_CLASS = re.compile(r"[a-z]{1,3}[0-9]?")
TICK = re.compile(r'<input class="task-list-item-checkbox" type="checkbox" disabled(?: checked)?/>')
#: Browsers do not nest deeper than some hundred, and no honest table does.
DEEPEST = 100

#: The style sheet with which pandas begins a table, and no other: a sheet rules the whole page.
_RULES = (
    ".dataframe tbody tr th:only-of-type { vertical-align: middle; }",
    ".dataframe tbody tr th { vertical-align: top; }",
    ".dataframe thead th { text-align: right; }",
    ".dataframe thead tr th { text-align: left; }",
    ".dataframe thead tr:last-of-type th { text-align: right; }",
)
_RULE = "|".join(r"\s+".join(map(re.escape, rule.split(" "))) for rule in _RULES)
PANDAS_STYLE = re.compile(rf"<style scoped>(?:\s*(?:{_RULE}))+\s*</style>")

TAG = re.compile(r"<(?=[A-Za-z/!?])[^<>]*+>?")
PLAIN_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?:\s+[a-z]+(?:="[^"<>]*")?)*)\s*/?>""")
PLAIN_ATTRIBUTE = re.compile(r"""([a-z]+)(?:="([^"]*)")?""")
#: As browsers read it, however it is written. What has no end is no tag.
ANY_TAG = re.compile(
    r"""<!--.*?(?:-->|\Z) | <[!?][^<>]*+>?
    | <(?P<close>/?)(?P<name>[A-Za-z][^\s/<>"']*+)(?P<rest>(?:[^"'<>]++|"[^"]*+"|'[^']*+')*+)>""",
    re.DOTALL | re.VERBOSE,
)
ANY_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'<>]++)))?+""")
END_OF_CODE = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}

#: Nothing called, nothing loaded, and no number below zero, which would move a thing over its neighbours.
STYLE_VALUE = re.compile(r"""(?:(?!-\.?\d)[-+\w\s.,#%!'"])*+|rgba?\([\d\s.,%]*\)""", re.ASCII)
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
UNSEEN = re.compile(r"[\0-\x20]+")
SPELLED_LONG = re.compile(r"(&#[xX]?)0+(?=[0-9a-fA-F])")
SPELLED_TOO_LONG = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
#: Over these numbers, Python's own readers of HTML fail, and with them the marker's page.
UNREADABLE = re.compile(r"&#[xX]?[0-9a-fA-F]{1000,};?")


def is_safe(content, rendered=False):
    """Whether all tags are of the list. ``rendered``: it is what the renderer of Markdown made of a text."""
    tags = TAG.findall(PANDAS_STYLE.sub("<hr>", content))  # a tag in its place, so that what is beside it never joins
    return all(is_plain(tag, rendered) for tag in set(tags)) and are_nested(tags)


def is_plain(tag, rendered=False):
    return _is_plain_short(tag, rendered) if len(tag) < 1000 else _is_plain(tag, rendered)


def _is_plain(tag, rendered):
    parts = PLAIN_TAG.fullmatch(tag)
    if rendered and TICK.fullmatch(tag):
        return True
    if not parts or parts[2] not in TAGS:
        return False
    attributes = [(name, unescaped(value)) for name, value in PLAIN_ATTRIBUTE.findall(parts[3])]
    return all(kept(parts[2], name, value, rendered) == value for name, value in attributes)


_is_plain_short = functools.lru_cache(4000)(_is_plain)


def are_nested(tags):
    """Whether plain tags are closed in their order, so that none closes a part of the page around them."""
    still_open = []
    for tag in tags:
        name = re.match(r"</?([a-z0-9]*)", tag)[1]
        if name in VOID:
            continue
        if not tag.startswith("</"):
            still_open.append(name)
            if len(still_open) > DEEPEST:
                return False
        elif not still_open or still_open.pop() != name:
            return False
    return not still_open


def kept(tag, name, value, rendered=False):
    """What stays of an attribute's value; None where nothing does.

    A picture comes with the page; one from elsewhere would tell who looks at it.
    """
    stays = False
    if name == "src":
        stays = tag == "img" and PICTURE.fullmatch(value)
    elif name == "href":
        stays = tag == "a" and is_address(value, to_beside=rendered)
    elif name == "class":
        stays = all(is_class(tag, word, rendered) for word in value.split())
    elif name == "style":
        return kept_style(value)
    elif name == "id":
        stays = rendered and tag in ("h1", "h2", "h3", "h4", "h5", "h6")
    else:
        stays = name in ATTRIBUTES
    return value if stays else None


def is_class(tag, word, rendered):
    if rendered and (RENDERED_CLASSES.fullmatch(word) or (tag == "span" and CODE_CLASS.fullmatch(word))):
        return True
    return word in CLASSES


def is_address(value, to_beside):
    """Whether a link leads to a page, a place or a mailbox; ``to_beside``: or to what lies beside the notebook."""
    scheme, colon, _rest = re.split(r"[/?#]", UNSEEN.sub("", value).casefold(), maxsplit=1)[0].partition(":")
    if colon:
        return scheme in ("http", "https", "mailto") or (to_beside and scheme == "attachment")
    return to_beside or value.startswith("#")


def kept_style(value):
    """The declarations that only change how the element itself looks; None where none does."""
    stated = [declaration for declaration in value.split(";") if declaration.strip()]
    good = [declaration for declaration in stated if is_style(declaration)]
    if len(good) == len(stated):
        return value
    return ";".join(good).strip() or None


def is_style(declaration):
    name, _colon, value = declaration.partition(":")
    return name.strip().casefold() in STYLES and bool(STYLE_VALUE.fullmatch(value.strip()))


def cleaned(content):
    """What is allowed of HTML, in plain tags; words stay, programs and style sheets go."""
    made, still_open, at = [], [], 0
    while tag := ANY_TAG.search(content, at):
        made.append(words(content[at : tag.start()]))
        at = tag.end()
        name = (tag["name"] or "").lower()
        if name in END_OF_CODE and not tag["close"]:
            end = END_OF_CODE[name].search(content, at)
            at = end.start() if end else len(content)
        elif name not in TAGS:
            continue
        elif tag["close"]:
            made += closing(name, still_open)
        elif name in VOID or len(still_open) < DEEPEST:
            made.append(f"<{name}{''.join(attributes(name, tag['rest']))}>")
            still_open += [] if name in VOID else [name]
    made.append(words(content[at:]))
    made += [f"</{name}>" for name in reversed(still_open)]
    return "".join(made)


def closing(name, still_open):
    """Close a tag and what was opened within it; nothing where it is not open."""
    made = []
    if name in still_open:
        while not made or made[-1] != f"</{name}>":
            made.append(f"</{still_open.pop()}>")
    return made


def words(text):
    return text.replace("<", "&lt;")


def attributes(tag, written):
    """The attributes that stay, each as it stands in a tag; of two with one name the first, as browsers have it."""
    seen = set()
    for name, *values in ANY_ATTRIBUTE.findall(written):
        name = name.lower()
        value = kept(tag, name, " ".join(unescaped("".join(values)).split()))
        if name not in seen and value is not None:
            yield f' {name}="{html.escape(value)}"'
        seen.add(name)


def unescaped(text):
    """``html.unescape`` that never fails: Python refuses numbers of thousands of digits, which browsers read."""
    return html.unescape(SPELLED_TOO_LONG.sub("\ufffd", SPELLED_LONG.sub(r"\1", text))) if "&" in text else text
