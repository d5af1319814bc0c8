"""Random draws that are the same on every computer, in every Python, for ever.

A :class:`Stream` is decided by four words: a salt, a label (which study is drawn), an id (whose study) and an
attempt. Their SHA-256 digest is the key; hashing the key with a counter gives as many bits as are wanted;
the bits give uniforms, and the uniforms give everything else by inversion or rejection. Nothing here uses
numpy, whose streams may change between versions, or ``hash()``, which changes from one process to the next.

FROZEN: `tests/test_stream.py` holds the first draws of every kind. A change that moves a digit there changes
every student's data and is therefore not made; a new kind of draw is added beside the old ones.

What is left to the platform is the last bit of ``log``, ``exp`` and ``pow``. Studies round what they
deliver, so that such a bit reaches a student's table with a probability of about 1e-13 for a value.

Standard library only, so that a bare interpreter can regenerate all data.
"""

import math
import struct
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from hashlib import sha256
from statistics import NormalDist

from dyadlab.sentences import Sentence

SALT = "dyadlab-2026"
"""Part of every stream's key. Another course that wants other data for the same ids changes this word."""

try:  # Wichura (1988), algorithm AS 241: sixteen digits. What NormalDist.inv_cdf calls, without its questions,
    from statistics import _normal_dist_inv_cdf as _inverse_normal  # which cost more than the answer
except ImportError:

    def _inverse_normal(p, mu, sigma):
        return NormalDist(mu, sigma).inv_cdf(p)


_STEP = 2.0**-52
_SEPARATOR = "\x1f"


class UnusableId(Sentence, ValueError):
    """An id that cannot decide a student's data: empty, or not text."""


def fold_id(student_id):
    """The id in the form that decides the data.

    Case, accents, full or half width, spaces around it and invisible characters do not count:
    ``" Zoë_K "`` and ``"zoe_k"`` are one student. Raises UnusableId when nothing is left or it is not text.
    """
    if not isinstance(student_id, str):
        if type(student_id).__name__ == "Blank":
            raise UnusableId(
                'Your id is still a blank (____). Type it in quotation marks, for example my_id = "ab123".'
            )
        raise UnusableId(
            f'An id must be text in quotation marks, such as "ab123"; this one is {student_id!r}, '
            f"which is {_article(type(student_id).__name__)}."
        )
    if student_id.strip() and set(student_id.strip()) <= {"_"}:
        raise UnusableId(
            'Your id is still the blank (____). Type your own between the quotation marks, such as "ab123".'
        )
    folded, before = student_id, None
    while folded != before:  # one round is nearly always enough; the second proves that the form is stable
        before = folded
        folded = unicodedata.normalize("NFKD", folded).casefold()
        folded = unicodedata.normalize("NFKD", folded)
        folded = "".join(letter for letter in folded if not _is_accent(letter))
        folded = unicodedata.normalize("NFKC", folded).strip()
    try:
        folded.encode()
    except UnicodeEncodeError:
        raise UnusableId("This id holds a broken character. Type it again rather than pasting it.") from None
    if not folded:
        raise UnusableId('The id is empty. Type your own between the quotation marks, such as "ab123".')
    return folded


def _is_accent(letter):
    """Combining accents, and what cannot be seen: control (the separator is one) and format characters."""
    return "\u0300" <= letter <= "\u036f" or (unicodedata.category(letter) in ("Cc", "Cf") and letter not in "\t\n\r")


def _article(word):
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


class Stream:
    """An endless, reproducible supply of draws.

    label : what is drawn, for example ``"dyads"``; two labels never share draws.
    student_id : whose it is (folded by :func:`fold_id`); class studies use a seed word here.
    attempt : raised by one when a drawn study is thrown away and drawn again.
    """

    def __init__(self, label, student_id, *, attempt=0, salt=SALT):
        words = _SEPARATOR.join((salt, label, fold_id(student_id), str(int(attempt))))
        self._key = sha256(words.encode()).digest()
        self._hashed = 0
        self._waiting = []

    def bits(self):
        """A whole number of 64 random bits."""
        if not self._waiting:
            self._hash_more()
        return self._waiting.pop()

    def _hash_more(self, blocks=64):
        first = self._hashed
        self._hashed += blocks
        key = self._key
        digests = b"".join([sha256(key + n.to_bytes(8, "big")).digest() for n in range(first, first + blocks)])
        self._waiting = list(struct.unpack(f">{4 * blocks}Q", digests))
        self._waiting.reverse()  # pop() from the end then gives them in order

    def uniform(self):
        """A number strictly between 0 and 1 (52 bits)."""
        if not self._waiting:
            self._hash_more()
        return ((self._waiting.pop() >> 12) + 0.5) * _STEP

    def uniforms(self, n):
        """A list of ``n`` uniforms."""
        return [((bits >> 12) + 0.5) * _STEP for bits in self._take(n)]

    def _take(self, n):
        taken = []
        while len(taken) < n:
            if not self._waiting:
                self._hash_more()
            wanted = len(taken) - n  # negative: counts from the end, where the next bits lie
            taken += self._waiting[: wanted - 1 : -1]
            del self._waiting[wanted:]
        return taken

    def normal(self, mean=0.0, sd=1.0):
        """A normal draw."""
        return mean + sd * _inverse_normal(self.uniform(), 0.0, 1.0)

    def normals(self, n):
        """A list of ``n`` standard normal draws."""
        return [_inverse_normal(((bits >> 12) + 0.5) * _STEP, 0.0, 1.0) for bits in self._take(n)]

    def below(self, n):
        """A whole number from 0 to n - 1, each equally likely."""
        if n < 1:
            raise ValueError(f"below(n) needs n of at least 1, not {n}")
        limit = (1 << 64) - (1 << 64) % n
        while True:
            drawn = self.bits()
            if drawn < limit:
                return drawn % n

    def bernoulli(self, probability):
        """1 with this probability, otherwise 0."""
        return 1 if self.uniform() < probability else 0

    def choice(self, values, weights=None):
        """One of ``values``; with ``weights`` (any positive scale), in those proportions."""
        if weights is None:
            return values[self.below(len(values))]
        reach = self.uniform() * math.fsum(weights)
        for value, weight in zip(values, weights, strict=True):
            reach -= weight
            if reach < 0:
                return value
        return values[-1]

    def shuffle(self, values):
        """A new list with the same values in random order."""
        values = list(values)
        for i in range(len(values) - 1, 0, -1):
            j = self.below(i + 1)
            values[i], values[j] = values[j], values[i]
        return values

    def sample(self, values, n):
        """``n`` different members of ``values``, in random order."""
        values = list(values)
        if n > len(values):
            raise ValueError(f"sample of {n} from {len(values)} values")
        for i in range(n):
            j = i + self.below(len(values) - i)
            values[i], values[j] = values[j], values[i]
        return values[:n]

    def exponential(self, mean=1.0):
        """An exponential waiting time."""
        return -mean * math.log(self.uniform())

    def gamma(self, shape, scale=1.0):
        """A gamma draw (Marsaglia and Tsang, 2000)."""
        if shape < 1:
            return self.gamma(shape + 1, scale) * self.uniform() ** (1 / shape)
        d = shape - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            z = _inverse_normal(self.uniform(), 0.0, 1.0)
            v = 1 + c * z
            if v <= 0:
                continue
            v = v * v * v
            if math.log(self.uniform()) < 0.5 * z * z + d - d * v + d * math.log(v):
                return d * v * scale

    def beta(self, a, b):
        """A beta draw, as the share that one gamma draw has in two."""
        x = self.gamma(a)
        return x / (x + self.gamma(b))

    def poisson(self, mean):
        """A Poisson count, by inversion; large means in portions, so that exp(-mean) never vanishes."""
        total = 0
        while mean > 300:
            total += self.poisson(300)
            mean -= 300
        u = self.uniform()
        count, probability = 0, math.exp(-mean)
        while u > probability and probability > 0:
            u -= probability
            count += 1
            probability *= mean / count
        return total + count

    def binomial(self, n, probability):
        """The number of successes in ``n`` trials, by inversion; many trials in portions."""
        if not 0 <= probability <= 1:
            raise ValueError(f"a probability lies between 0 and 1, not {probability}")
        if probability > 0.5:
            return n - self.binomial(n, 1 - probability)
        if probability == 0:
            return 0
        total = 0
        while n > 600:
            total += self.binomial(600, probability)
            n -= 600
        odds = probability / (1 - probability)
        u = self.uniform()
        count, chance = 0, (1 - probability) ** n
        while u > chance and count < n:
            u -= chance
            count += 1
            chance *= odds * (n - count + 1) / count
        return total + count

    def beta_binomial(self, n, a, b):
        """Successes in ``n`` trials whose probability is itself a Beta(a, b) draw, by inversion."""
        u = self.uniform()
        chance = math.exp(math.lgamma(b + n) + math.lgamma(a + b) - math.lgamma(b) - math.lgamma(a + b + n))
        count = 0
        while u > chance and count < n:
            u -= chance
            chance *= (n - count) * (a + count) / ((count + 1) * (b + n - count - 1))
            count += 1
        return count

    def negative_binomial(self, mean, size):
        """A count with this mean and variance mean + mean**2 / size, by inversion."""
        return bisect_right(_negative_binomial_reach(float(mean), float(size)), self.uniform())


@lru_cache(maxsize=64)
def _negative_binomial_reach(mean, size):
    """Cumulative probabilities of 0, 1, 2, ... until nothing worth a 52-bit uniform is left."""
    q = mean / (mean + size)
    chance = (size / (mean + size)) ** size
    count, reached, reach = 0, chance, [chance]
    while reached < 1 - 1e-15 and count < 100 * (mean + 10):
        chance *= q * (count + size) / (count + 1)
        count += 1
        reached += chance
        reach.append(reached)
    return reach
