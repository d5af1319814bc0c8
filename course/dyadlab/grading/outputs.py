"""Take the outputs out of a notebook while it is being read, so that their size costs no memory.

A notebook that printed for an hour can weigh hundreds of megabytes, of which the student's own words are a few
thousand. Nothing here understands a notebook: it follows brackets and quotation marks only, so that whatever
is wrong with the file is found, and said, by the reader that comes after.
"""

import re

#: Containers around the key "outputs" in nbformat 4 and in nbformat 3, and around the widgets' saved state.
PLACES = {b"outputs": (b"{[{", b"{[{[{"), b"widgets": (b"{{",)}
LONGEST_KEY = max(map(len, PLACES))
STRUCTURE = re.compile(rb'["{}\[\],:]')
IN_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class TooMuch(Exception):
    """What is left without the outputs is still larger, or nested deeper, than a notebook of this course can be."""


def removed(chunks, most_bytes, most_depth=60):
    """The JSON in ``chunks`` (bytes, UTF-8) as one piece, every output and widget state emptied.

    Raises TooMuch as soon as the rest has more than ``most_bytes`` bytes or ``most_depth`` levels; the peak of memory
    is that plus two chunks, whatever the file weighs.
    """
    reader = _Reader(most_bytes, most_depth)
    for chunk in chunks:
        reader.read(chunk)
    return bytes(reader.kept + reader.rest)


class _Reader:
    def __init__(self, most_bytes, most_depth):
        self.most_bytes, self.most_depth = most_bytes, most_depth
        self.kept, self.rest = bytearray(), b""
        self.stack = bytearray()  # the brackets that are open, outside what is left out
        self.word, self.in_text = b"", False
        self.empty_next = False  # the value that comes is an output
        self.leaving_out = 0  # how many brackets are open inside of one

    def read(self, chunk):
        data, self.rest = self.rest + chunk, b""
        at, kept_from, end = 0, 0, len(data)
        while at < end:
            if self.in_text:
                stop = IN_TEXT.match(data, at).end()
                if not self.leaving_out and len(self.word) <= LONGEST_KEY:
                    self.word += data[at : min(stop, at + LONGEST_KEY + 1)]
                at = stop
                if at < end and data[at] == 0x5C:  # a backslash whose letter comes with the next chunk
                    end, self.rest = at, data[at:]
                elif at < end:
                    self.in_text, at = False, at + 1
                continue
            found = STRUCTURE.search(data, at)
            if found is None:
                break
            at, mark = found.end(), found.group()
            if mark == b'"':
                self.in_text = True
                if not self.leaving_out:
                    self.word = b""
            elif self.leaving_out:
                self.leaving_out += (mark in b"{[") - (mark in b"}]")
                if not self.leaving_out:
                    kept_from = at
            elif mark in b"{[" and self.empty_next:
                self.kept += data[kept_from:at] + (b"}" if mark == b"{" else b"]")
                self.empty_next, self.leaving_out = False, 1
            elif mark in b"{[":
                self.stack += mark
                if len(self.stack) > self.most_depth:
                    raise TooMuch
            elif mark in b"}]":
                del self.stack[-1:]
            else:
                self.empty_next = mark == b":" and bytes(self.stack) in PLACES.get(self.word, ())
        if not self.leaving_out:
            self.kept += data[kept_from:end]
        if len(self.kept) > self.most_bytes:
            raise TooMuch
