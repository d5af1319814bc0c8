"""How many different values may come together.

Python, numpy and pandas find equal values by their hashes. Those of most kinds can be foreseen, so values can be chosen
that all have one; to look through n such values takes n² steps, in C code that no alarm interrupts. Only so many
*different* values may therefore come in one array, column or list: so many that the worst of them cost a second or two.
They are counted by sorting, which cannot be made slow.
"""

import numpy as np

MOST_NUMBERS = 50_000  # in an array, which pandas compares as numbers
MOST_THINGS = 10_000  # texts, and all that pandas compares one object with another
_UNSIGNED = {size: np.dtype(f"u{size}") for size in (4, 8)}
_NO_KEYS = (list, dict, set, bool, type(None))  # or so few that they do not matter


def few_numbers(array):
    """Whether ``array``, of numbers or times, holds no more different values than may come together."""
    if array.size <= MOST_NUMBERS or array.dtype.itemsize < 4:
        return True
    if array.dtype.itemsize not in _UNSIGNED:  # complex numbers are too long to be compared by their bits
        return False
    bits = np.sort(np.ascontiguousarray(array).reshape(-1).view(_UNSIGNED[array.dtype.itemsize]))
    return 1 + np.count_nonzero(bits[1:] != bits[:-1]) <= MOST_NUMBERS


def few_things(values, most_numbers=MOST_THINGS):
    """Whether the list ``values`` holds no more different ones than may come together.

    most_numbers : how many of them may be different plain numbers. What has no hash is not counted.
    """
    if len(values) <= MOST_THINGS:
        return True
    numbers = {each for each in values if type(each) in (int, float) and each == each}
    texts = {each for each in values if type(each) in (str, bytes)}
    others = sum(type(each) not in (int, float, str, bytes, *_NO_KEYS) for each in values)
    return len(numbers) <= most_numbers and len(texts) <= MOST_THINGS and others <= most_numbers
