"""Two partners who follow each other: a loop of two equations, what it does, and how to estimate it.

For the mother's attunement ``m`` and the baby's engagement ``b``, both as distances from their usual point::

    m(t+1) = mother_inertia * m(t) + mother_follows * b(t) + push on the mother + noise
    b(t+1) = baby_follows * m(t)   + baby_inertia * b(t)   + push on the baby   + noise

A *loop* is these four numbers as a table of two rows, ``[[mother_inertia, mother_follows], [baby_follows,
baby_inertia]]``: one row for each equation, mother first. Sources: the two-equation model of a couple with inertia
and influence goes back to Cook and others (1995) and Felmlee and Greenberg (1999); estimated as a first-order vector
autoregression (Lütkepohl, 2005, ch. 3).
"""

from typing import NamedTuple

import numpy as np

from dyadlab.blanks import BlankLeft, is_blank
from dyadlab.models.given import MakesNoSense, numbers, one_number

__all__ = [
    "LoopFit", "amplification", "fit_loop", "fixed_point", "half_life", "loop_at_interval", "loop_gain",
    "resting_states", "simulate_loop", "spectral_radius",
]  # fmt: skip


def simulate_loop(loop, seconds, *, start=(0, 0), push=(0, 0), noise=None, saturation=None):
    """The course of one dyad, or of many at once, second by second.

    loop : (2, 2), see the module. seconds : how many steps. start : (2,) for one dyad or (n, 2) for n, in points
    from the usual point, mother first. push : (2,) the same in every second, or (seconds, 2).
    noise : (seconds, 2) or (seconds, n, 2), what chance adds, in points; none by default. Whoever draws it once and
    hands it to two loops sees what the loops alone make different (common random numbers).
    saturation : the most that either can be carried by the other, in points; ``x`` then counts as
    ``saturation * tanh(x / saturation)`` on its way to the partner. None: no such ceiling, the loop is linear.

    Returns (seconds + 1, 2) or (seconds + 1, n, 2): the start first. A loop that has no resting state grows until
    numbers end, and gives inf without a warning.
    """
    loop, push = _loop(loop), _push(push, "the push", also_per_second=True)
    if one_number(seconds, "the number of seconds") != int(seconds) or seconds < 1:
        raise MakesNoSense(f"The number of seconds should be a whole number from 1, not {seconds}.")
    seconds = int(seconds)
    start = _pairs(start, "the start")
    if push.ndim == 2 and len(push) != seconds:
        raise MakesNoSense(f"There are {len(push)} pushes for {seconds} seconds; each second needs one.")
    shape = start.shape
    if noise is not None:
        noise = np.asarray(noise, dtype=float)
        if noise.shape[0] != seconds or noise.shape[-1] != 2 or noise.ndim not in (2, 3):
            raise MakesNoSense(
                f"The noise has the shape {noise.shape}; wanted is {seconds} seconds by (dyads by) 2 partners."
            )
        shape = np.broadcast_shapes(shape, noise.shape[1:])
    ceiling = _saturation(saturation)
    # Partners first and dyads last while it runs: numpy is quick along long stretches, slow along twos.
    path = np.empty((seconds + 1, 2, *shape[:-1]))
    path[0] = np.moveaxis(np.broadcast_to(start, shape), -1, 0)
    every_push = np.broadcast_to(push, (seconds, 2))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(seconds):
            heard = path[t] if ceiling is None else ceiling * np.tanh(path[t] / ceiling)
            for own, other in ((0, 1), (1, 0)):
                new = np.multiply(path[t, own], loop[own, own], out=path[t + 1, own, ...])
                new += loop[own, other] * heard[other]
                new += every_push[t, own]
                if noise is not None:
                    new += noise[t, ..., own]
    return np.moveaxis(path, 1, -1)


def spectral_radius(loop):
    """The share of a disturbance that each second leaves, in the long run: the largest absolute eigenvalue.

    Below 1 every disturbance dies out and the loop has a resting state that it returns to; from 1 on it does not.
    loop : (2, 2). Returns a float.
    """
    return float(np.abs(np.linalg.eigvals(_loop(loop))).max())


def half_life(kept):
    """How many steps until half is left, when each step keeps the share ``kept``: ``ln(1/2) / ln(kept)``.

    kept : a share above 0 and below 1, such as a spectral radius. Returns a float, in steps (here: seconds).
    """
    kept = one_number(kept, "the share that is kept")
    if not 0 < kept < 1:
        raise MakesNoSense(
            f"A half-life needs a share kept above 0 and below 1, not {kept:.4g}. From 1 on nothing is ever halved."
        )
    return float(np.log(0.5) / np.log(kept))


def loop_gain(loop):
    """What comes back to a partner, of a lasting lift of 1 point, after going once round.

    ``mother_follows * baby_follows / ((1 - mother_inertia) * (1 - baby_inertia))``. loop : (2, 2), both inertias below
    1. Returns a float; it is negative where one partner turns the other's change round.
    """
    loop = _loop(loop)
    if max(loop[0, 0], loop[1, 1]) >= 1:
        raise MakesNoSense(
            "A partner with an inertia of 1 or more never comes to rest, so there is no gain to work out."
        )
    return float(loop[0, 1] * loop[1, 0] / ((1 - loop[0, 0]) * (1 - loop[1, 1])))


def amplification(loop):
    """How many times further a lasting push moves a partner than it would without the loop: ``1 / (1 - gain)``.

    The sum of all rounds, ``1 + gain + gain² + …``, which has a value only where the rounds die out: the function
    asks for a spectral radius below 1 and refuses otherwise, since the formula would go on giving numbers, negative
    ones for a gain above 1. loop : (2, 2). Returns a float.
    """
    radius = spectral_radius(loop)
    if radius >= 1:
        raise MakesNoSense(
            f"This loop has no resting state that it returns to: each second multiplies a disturbance by {radius:.3f} "
            "in the long run, which is not below 1. There is no amplification to report, whatever 1 / (1 - gain) gives."
        )
    return 1 / (1 - loop_gain(loop))


def fixed_point(loop, push):
    """Where mother and baby come to rest under a lasting push: the ``x`` with ``x = loop x + push``.

    loop : (2, 2). push : (2,), in points per second, mother first. Returns (2,), in points from the usual point.
    Refuses where the loop never comes to rest.
    """
    loop, push = _loop(loop), _push(push, "the push")
    radius = spectral_radius(loop)
    if radius >= 1:
        raise MakesNoSense(
            f"This loop does not come to rest: each second multiplies a disturbance by {radius:.3f} in the long run, "
            "which is not below 1."
        )
    return np.linalg.solve(np.eye(2) - loop, push)


def resting_states(loop, push=(0, 0), *, saturation):
    """All points where a saturating loop would stay, and whether it returns there after a small disturbance.

    The mother stays where ``(1 - mother_inertia) m = mother_follows * s tanh(b / s) + push``, and the baby likewise;
    ``s`` is the saturation. Found by a search along ``b`` and halving. A point holds when the loop of its slopes has a
    spectral radius below 1 (Strogatz, 2015, ch. 10).
    loop : (2, 2), both inertias below 1. push : (2,). Returns (points (k, 2), holds (k,) of True or False), by
    rising mother's value.
    """
    loop, push, s = _loop(loop), _push(push, "the push"), _saturation(saturation)
    if s is None:
        raise MakesNoSense("Several resting states need a ceiling: give saturation a number of points.")
    (a, c), (d, e) = loop
    if max(a, e) >= 1:
        raise MakesNoSense("A partner with an inertia of 1 or more never comes to rest.")

    def mother(b):
        return (c * s * np.tanh(b / s) + push[0]) / (1 - a)

    def gap(b):
        return (d * s * np.tanh(mother(b) / s) + push[1]) / (1 - e) - b

    reach = (abs(d) * s + abs(push[1])) / (1 - e) + 1e-9
    # an odd number of steps of no round size, so that a resting state seldom falls on one of the places tried
    places = np.linspace(-reach, reach, 4001) + reach * 1.2345e-7
    values = gap(places)
    found = []
    for low, high, at_low, at_high in zip(places, places[1:], values, values[1:], strict=False):
        if at_low * at_high < 0:
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if gap(middle) * at_low > 0 else (low, middle)
            found.append((mother((low + high) / 2), (low + high) / 2))
    points = np.array(sorted(found))

    def slopes(m, b):
        return [[a, c / np.cosh(b / s) ** 2], [d / np.cosh(m / s) ** 2, e]]

    return points, np.array([spectral_radius(slopes(*point)) < 1 for point in points])


def loop_at_interval(loop, seconds):
    """The four numbers that somebody finds who looks only every so many seconds: the loop applied that many times.

    loop : (2, 2). seconds : a whole number from 1. Returns (2, 2).
    """
    if one_number(seconds, "the interval") != int(seconds) or seconds < 1:
        raise MakesNoSense(f"The interval should be a whole number of seconds from 1, not {seconds}.")
    return np.linalg.matrix_power(_loop(loop), int(seconds))


class LoopFit(NamedTuple):
    """A loop as estimated from one dyad.

    loop : (2, 2). errors : (2, 2), the standard errors, in the same places. pairs : how many pairs of seconds.
    """

    loop: np.ndarray
    errors: np.ndarray
    pairs: int

    @property
    def mother_inertia(self):
        return float(self.loop[0, 0])

    @property
    def mother_follows(self):
        return float(self.loop[0, 1])

    @property
    def baby_follows(self):
        return float(self.loop[1, 0])

    @property
    def baby_inertia(self):
        return float(self.loop[1, 1])

    def __repr__(self):
        names = ("mother_inertia", "mother_follows", "baby_follows", "baby_inertia")
        told = (
            f"{name} {value:.3f} (SE {error:.3f})"
            for name, value, error in zip(names, self.loop.ravel(), self.errors.ravel(), strict=True)
        )
        return f"{', '.join(told)}; from {self.pairs} pairs of seconds"


def fit_loop(mother, baby):
    """The loop of one dyad from its seconds: each partner regressed on both partners one second before.

    A first-order vector autoregression with a constant, by least squares, equation by equation (Lütkepohl, 2005,
    ch. 3); standard errors ``sqrt(s² [X'X]⁻¹)`` with ``s²`` on pairs - 3 degrees of freedom. The estimates of inertia
    come out a little low in short series, by about .013 in 300 seconds of the course's loop (for one series alone:
    (1 + 3 inertia) / seconds; Marriott and Pope, 1954).
    mother, baby : (seconds,), of ONE dyad, in order, without gaps; at least 10. Returns a :class:`LoopFit`.
    """
    mother = numbers(mother, "the mother's seconds", missing=False)
    baby = numbers(baby, "the baby's seconds", missing=False)
    if len(mother) != len(baby):
        raise MakesNoSense(
            f"There are {len(mother)} seconds of the mother and {len(baby)} of the baby; "
            "they should be the same seconds."
        )
    if len(mother) < 10:
        raise MakesNoSense(f"From {len(mother)} seconds no loop can be estimated; at least 10 are needed.")
    both = np.column_stack([mother, baby])
    before = np.column_stack([np.ones(len(both) - 1), both[:-1]])
    after = both[1:]
    if np.linalg.matrix_rank(before) < 3:
        raise MakesNoSense(
            "Mother and baby cannot be told apart in these seconds: one of them never changes, or one is a copy of the "
            "other."
        )
    inverse = np.linalg.inv(before.T @ before)
    coefficients = inverse @ before.T @ after  # (constant, mother, baby) by equation
    spread = ((after - before @ coefficients) ** 2).sum(axis=0) / (len(after) - 3)
    errors = np.sqrt(np.outer(np.diag(inverse), spread))
    return LoopFit(coefficients[1:].T, errors[1:].T, len(after))


def _loop(loop):
    table = numbers(_filled_in(loop), "the loop", dimensions=2, missing=False)
    if table.shape != (2, 2):
        raise MakesNoSense(
            f"A loop is a table of four numbers, two rows of two; this one has the shape {table.shape}. For example "
            "[[0.72, 0.10], [0.12, 0.70]]."
        )
    if not np.isfinite(table).all():
        raise MakesNoSense("A number of the loop is infinite.")
    return table


def _filled_in(values):
    """The values as they are; a blank among them gives its own sentence, which names the line."""
    if is_blank(values) or (isinstance(values, list | tuple) and any(map(_holds_blank, values))):
        raise BlankLeft()
    return values


def _holds_blank(value):
    return is_blank(value) or (isinstance(value, list | tuple) and any(map(is_blank, value)))


def _pairs(values, what):
    values = np.asarray(_filled_in(values))
    values = numbers(values.ravel(), what, missing=False).reshape(values.shape)
    if values.ndim not in (1, 2) or values.shape[-1] != 2:
        raise MakesNoSense(f"For {what}, two numbers are wanted, mother first and then baby, such as [1, 0].")
    return values


def _push(push, what, also_per_second=False):
    push = _pairs(push, what)
    if push.ndim == 2 and not also_per_second:
        raise MakesNoSense(f"For {what}, two numbers are wanted, mother first and then baby, such as [0.1, 0].")
    return push


def _saturation(saturation):
    if saturation is None:
        return None
    saturation = one_number(saturation, "the saturation")
    if saturation <= 0:
        raise MakesNoSense(f"The saturation should be a number of points above 0, not {saturation:g}.")
    return saturation
