"""Two measures of the same dyads: how closely they go together, with and without a third, and worlds made of arrows.

Nothing here says which of two measures came first: no number computed from one moment can.
"""

from typing import NamedTuple

import numpy as np

from dyadlab.models.given import MakesNoSense, confidence_level, numbers, one_number

__all__ = [
    "Correlation", "Regression", "correlation", "partial_correlation", "rank_correlation", "regression", "residuals",
    "simulate_arrows", "standardised_slopes", "without_each",
]  # fmt: skip


class Correlation(NamedTuple):
    """A correlation with its interval and its two-sided test."""

    r: float
    low: float
    high: float
    t: float
    df: int
    p: float

    def __repr__(self):
        return (
            f"r = {self.r:.3f}, interval {self.low:.3f} to {self.high:.3f}; "
            f"t({self.df}) = {self.t:.2f}, p = {self.p:.3f}"
        )


def correlation(x, y, confidence=0.95):
    """Pearson's correlation with Fisher's interval and the two-sided t-test.

    ``t = r·sqrt(df / (1 - r²))`` with df = n - 2. Interval: ``tanh(artanh r ± z / sqrt(n - 3))``, so it is not
    symmetric around r (Fisher, 1921). x, y : (n,) numbers without missing values, n at least 4.
    Returns a :class:`Correlation`.
    """
    x, y = _pair(x, y)
    return _with_interval(_r(x, y), len(x), 0, confidence)


def rank_correlation(x, y, confidence=0.95):
    """Spearman's correlation: Pearson's r of the ranks, tied values sharing their mean rank.

    Interval: ``tanh(artanh r ± z·sqrt((1 + r²/2) / (n - 3)))`` (Bonett & Wright, 2000); p from t with n - 2
    degrees of freedom. x, y : as in :func:`correlation`. Returns a :class:`Correlation`.
    """
    from scipy.stats import rankdata

    x, y = _pair(x, y)
    r = _r(rankdata(x), rankdata(y))
    return _with_interval(r, len(x), 0, confidence, wider=np.sqrt(1 + r**2 / 2))


def partial_correlation(x, y, given, confidence=0.95):
    """The correlation of what ``given`` leaves over of ``x`` with what it leaves over of ``y``.

    That is r of the two columns of :func:`residuals`. With k columns held constant, df = n - 2 - k and the interval
    is ``tanh(artanh r ± z / sqrt(n - 3 - k))`` (Fisher, 1924). x, y : (n,) numbers without missing values.
    given : one column or a table of k columns, n rows. Returns a :class:`Correlation`.
    """
    x, y = _pair(x, y)
    held = _columns(given, len(x))
    r = _r(*(_left_over(v, held) for v in (x, y)), scales=(x, y))
    return _with_interval(r, len(x), held.shape[1], confidence)


def residuals(values, given):
    """What is left of ``values`` when a straight line in ``given`` (one column or several) has said its part.

    Least squares with a constant; the residuals have mean 0 and do not correlate with ``given``.
    values : (n,) numbers without missing values. given : n rows. Returns an (n,) array.
    """
    values = numbers(values, "the values", missing=False)
    return _left_over(values, _columns(given, len(values)))


def without_each(x, y):
    """Pearson's r of all dyads but one, for each dyad in turn: an (n,) array in the order of the dyads."""
    x, y = _pair(x, y, at_least=5)
    kept = ~np.eye(len(x), dtype=bool)
    return np.array([_r(x[others], y[others]) for others in kept])


# --- Regression -----------------------------------------------------------------------------------


class Regression(NamedTuple):
    """One outcome, one predictor: the slope in the units of both, and in standard deviations, and its test."""

    slope: float
    standardised: float
    t: float
    df: int
    p: float

    def __repr__(self):
        return (
            f"slope {self.slope:.4g} ({self.standardised:.3f} in standard deviations); "
            f"t({self.df}) = {self.t:.4f}, p = {self.p:.4f}"
        )


def regression(outcome, predictor):
    """Straight line of ``outcome`` on ``predictor`` by least squares.

    ``slope = r·sd(outcome)/sd(predictor)``: it changes when the two change places. ``t = r·sqrt(df/(1 - r²))`` does
    not, nor does the slope in standard deviations, which is r. Returns a :class:`Regression`.
    """
    predictor, outcome = _pair(predictor, outcome)
    found = correlation(predictor, outcome)
    return Regression(float(found.r * outcome.std() / predictor.std()), found.r, found.t, found.df, found.p)


def standardised_slopes(outcome, predictors):
    """Slopes of a regression on several predictors, each in standard deviations: of outcome per one of predictor.

    outcome : (n,) numbers. predictors : a table with a named column for each predictor, n rows, nothing missing.
    Returns a pandas Series with the names of the columns.
    """
    import pandas as pd

    outcome = numbers(outcome, "the outcome", missing=False)
    table = _columns(predictors, len(outcome))
    if outcome.std() == 0:
        raise MakesNoSense("The outcome is the same for everybody, so there is nothing to explain.")
    z = (table - table.mean(axis=0)) / table.std(axis=0)
    slopes = np.linalg.lstsq(z, (outcome - outcome.mean()) / outcome.std(), rcond=None)[0]
    return pd.Series(slopes, index=getattr(predictors, "columns", range(table.shape[1])))


# --- A world made of arrows -----------------------------------------------------------------------


def simulate_arrows(arrows, n, seed):
    """``n`` made-up dyads from a world in which each arrow passes something on.

    arrows : a dictionary such as ``{("depression", "talk"): -0.5}``: from, to, and how many standard deviations
    one standard deviation of the cause moves the effect. Every variable is normal with mean 0 and variance 1; what its
    causes do not explain is noise of its own. seed : a whole number; the same seed gives the same dyads.

    Returns a DataFrame with one column for each variable, causes before effects. Raises MakesNoSense for a circle of
    arrows, or when the causes of a variable would explain more than all of it.
    """
    import pandas as pd

    causes = {}
    for (cause, effect), weight in arrows.items():
        causes.setdefault(cause, {})
        causes.setdefault(effect, {})[cause] = one_number(weight, f"the arrow from {cause} to {effect}")
    rng = np.random.default_rng(seed)
    made, truth = {}, {}  # truth : true correlation of every pair made so far
    while len(made) < len(causes):
        ready = [name for name in causes if name not in made and set(causes[name]) <= set(made)]
        if not ready:
            raise MakesNoSense(
                "These arrows run in a circle, so no variable can be made first. Turn one of them round."
            )
        name, weights = ready[0], causes[ready[0]]
        for other in made:
            truth[name, other] = truth[other, name] = sum(w * truth[c, other] for c, w in weights.items())
        explained = sum(w * truth[name, c] for c, w in weights.items())
        if explained > 1:
            raise MakesNoSense(
                f"The causes of {name} would explain {100 * explained:.0f} % of it, and there is only 100 %. "
                "Make the arrows that end there weaker."
            )
        made[name] = sum((w * made[c] for c, w in weights.items()), np.sqrt(1 - explained) * rng.standard_normal(n))
        truth[name, name] = 1.0
    return pd.DataFrame(made)


# --- Behind the names -----------------------------------------------------------------------------


def _pair(x, y, at_least=4):
    x, y = numbers(x, "the first measure", missing=False), numbers(y, "the second measure", missing=False)
    if len(x) != len(y):
        raise MakesNoSense(f"There are {len(x)} values of one measure and {len(y)} of the other; each dyad needs both.")
    if len(x) < at_least:
        raise MakesNoSense(f"With {len(x)} dyads this cannot be said; at least {at_least} are needed.")
    for values in (x, y):
        if np.ptp(values) == 0:
            raise MakesNoSense("One of the measures is the same for everybody, so nothing can go together with it.")
    return x, y


def _columns(given, n):
    table = numbers(
        given, "what is held constant", dimensions=np.ndim(given) if np.ndim(given) == 1 else 2, missing=False
    )
    table = table.reshape(len(table), -1)
    if len(table) != n:
        raise MakesNoSense(f"There are {n} dyads and {len(table)} rows of what is held constant; each dyad needs one.")
    if (np.ptp(table, axis=0) == 0).any():
        raise MakesNoSense("One of the columns is the same for everybody: there is nothing to hold constant.")
    if n - 3 - table.shape[1] < 1:
        raise MakesNoSense(f"{n} dyads are too few to hold {table.shape[1]} columns constant.")
    return table


def _left_over(values, held):
    # Centred first, which is the constant of the line and keeps large numbers from spoiling small ones.
    held = held - held.mean(axis=0)
    values = values - values.mean()
    return values - held @ np.linalg.lstsq(held, values, rcond=None)[0]


def _r(x, y, scales=None):
    x, y = x - x.mean(), y - y.mean()
    for left, whole in zip((x, y), scales or (), strict=False):
        if np.linalg.norm(left) < 1e-9 * np.linalg.norm(whole - whole.mean()):
            raise MakesNoSense("What is held constant explains one of the measures wholly, so nothing of it is left.")
    size = np.linalg.norm(x) * np.linalg.norm(y)
    if size == 0:
        raise MakesNoSense("Without one of the dyads a measure is the same for everybody.")
    return float(np.clip(x @ y / size, -1, 1))


def _with_interval(r, n, held, confidence, wider=1.0):
    from scipy.stats import norm
    from scipy.stats import t as student

    df = n - 2 - held
    half_width = norm.ppf(0.5 + confidence_level(confidence) / 2) * wider / np.sqrt(n - 3 - held)
    with np.errstate(divide="ignore"):  # a perfect correlation has an interval of no width and an endless t
        z, t = np.arctanh(r), r * np.sqrt(df) / np.sqrt(1 - r**2) if abs(r) < 1 else np.copysign(np.inf, r)
    low, high = np.tanh(z - half_width), np.tanh(z + half_width)
    return Correlation(r, float(low), float(high), float(t), int(df), float(2 * student.sf(abs(t), df)))
