"""Errors that are sentences: an exception which a notebook shows as its message and nothing else."""


class Sentence(Exception):
    """An error written for its reader: what is wrong, where, what to do.

    A notebook prints the message alone, because IPython asks an exception for ``_render_traceback_``
    before it draws a traceback. In a plain Python program it behaves like any exception.
    """

    def _render_traceback_(self):
        return [str(self)]
