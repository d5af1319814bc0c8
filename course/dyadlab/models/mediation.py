"""An indirect effect: from a cause by way of a mediator to an outcome, as far as regressions can tell."""

from typing import NamedTuple

import numpy as np

from dyadlab.models.given import MakesNoSense, confidence_level, numbers

__all__ = ["IndirectEffect", "indirect_effect"]

_FEWEST = 10


class IndirectEffect(NamedTuple):
    """Slopes of two regressions and their product, with a percentile bootstrap interval for the product.

    a : mediator on cause. b : outcome on mediator, cause held fixed. direct : outcome on cause, mediator held fixed.
    indirect : a * b, with low and high. total : direct + indirect. n : people with all three values.
    """

    a: float
    b: float
    direct: float
    indirect: float
    low: float
    high: float
    total: float
    n: int

    def __repr__(self):
        return (
            f"a {self.a:.3f}, b {self.b:.3f}; indirect a*b {self.indirect:.3f}, interval {self.low:.3f} to "
            f"{self.high:.3f}; direct {self.direct:.3f}, total {self.total:.3f}; {self.n} people"
        )


def indirect_effect(cause, mediator, outcome, *, draws=5000, seed=0, confidence=0.95):
    """The product of two slopes and its percentile bootstrap interval (Preacher & Hayes, 2008).

    ``mediator = a·cause``, ``outcome = b·mediator + direct·cause``, both by least squares; people with one of the three
    missing are left out. Whole people are drawn with replacement ``draws`` times, as the ``seed`` decides. The slopes
    are in the units given; with z scores they are standardised. That the product is an *effect* needs, besides the
    order in time, that nothing else moves two of the three. Returns an :class:`IndirectEffect`.
    """
    columns = [
        numbers(values, f"the values of the {what}")
        for values, what in ((cause, "cause"), (mediator, "mediator"), (outcome, "outcome"))
    ]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise MakesNoSense(f"Cause, mediator and outcome have {lengths} values; each person needs one of each.")
    data = np.column_stack(columns)
    data = data[~np.isnan(data).any(axis=1)]
    if len(data) < _FEWEST:
        raise MakesNoSense(f"Only {len(data)} people have all three values; at least {_FEWEST} are needed.")
    if (data == data[0]).all(axis=0).any():
        raise MakesNoSense("One of the three does not vary, so nothing can depend on it.")
    if int(draws) < 1:
        raise MakesNoSense(f"The number of draws should be 1 or more, not {draws}; a few thousand are usual.")
    units = data.std(axis=0)
    data = (data - data.mean(axis=0)) / units  # for the arithmetic's sake; the units come back below
    a, b, direct = _slopes(_moments(data, np.ones((1, len(data)))))[:, 0]
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(data), np.full(len(data), 1 / len(data)), size=int(draws))
    drawn = _slopes(_moments(data, weights))
    product = drawn[0] * drawn[1] * units[2] / units[0]
    tail = (1 - confidence_level(confidence)) / 2
    low, high = np.quantile(product[np.isfinite(product)], [tail, 1 - tail])
    a, b, direct = a * units[1] / units[0], b * units[2] / units[1], direct * units[2] / units[0]
    return IndirectEffect(*map(float, (a, b, direct, a * b, low, high, direct + a * b)), len(data))


def _moments(data, weights):
    """Variances and covariances under each row of weights: xx, xm, xy, mm, my, each (rows,)."""
    n = weights.sum(axis=1)
    x, m, y = data.T
    mean_x, mean_m, mean_y = (weights @ data / n[:, None]).T
    pairs = np.column_stack([x * x, x * m, x * y, m * m, m * y])
    means = np.stack([mean_x * mean_x, mean_x * mean_m, mean_x * mean_y, mean_m * mean_m, mean_m * mean_y], axis=1)
    return (weights @ pairs / n[:, None] - means).T


def _slopes(moments):
    """a, b and the direct slope, each (rows,)."""
    xx, xm, xy, mm, my = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        free = xx * mm - xm**2
        return np.stack([xm / xx, (my * xx - xy * xm) / free, (xy * mm - my * xm) / free])
