"""Do two or more coders see the same? Raw agreement, Cohen's kappa, Krippendorff's alpha, and how sure they are.

Codes go in as lists, arrays or columns of a table; names, numbers and True or False are all welcome. A missing code is
None, nan or empty text. Own formulas, with their sources, on numpy and pandas only.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from dyadlab.models.given import MakesNoSense, confidence_level

__all__ = [
    "Bootstrapped", "Kappa", "bootstrap_alpha", "bootstrap_kappa", "chance_agreement", "cohens_kappa",
    "confusion_table", "kappa_by", "krippendorff_alpha", "raw_agreement",
]  # fmt: skip


# --- Two coders -----------------------------------------------------------------------------------


class Kappa(NamedTuple):
    """Cohen's kappa with its interval and what it is made of.

    raw_agreement, expected : the proportions of comments with the same code, as found and as chance alone would give.
    """

    kappa: float
    low: float
    high: float
    standard_error: float
    raw_agreement: float
    expected: float
    n: int

    def __repr__(self):
        return (
            f"kappa = {self.kappa:.3f}, interval {self.low:.3f} to {self.high:.3f}; raw agreement "
            f"{self.raw_agreement:.3f}, expected by chance {self.expected:.3f}, n = {self.n}"
        )


def confusion_table(first, second, codes=None):
    """How often each code of one coder met each code of the other: a DataFrame of counts.

    Rows are the first coder's codes, columns the second's, both in the order of ``codes`` (by default all codes that
    occur, sorted). Rows and columns are named after the columns given, or ``first`` and ``second``.
    Raises MakesNoSense for missing codes, unequal lengths, or codes that are not in ``codes``.
    """
    one, other = _pair(first, second)
    levels = _levels((one, other), codes)
    rows, columns = (pd.Index(levels, name=_name(c, place)) for c, place in ((first, "first"), (second, "second")))
    return pd.DataFrame(_counts(one, other, levels), index=rows, columns=columns)


def raw_agreement(first, second):
    """The proportion (0 to 1) of comments to which both gave the same code: ``p_o = sum of p_ii``.

    Known as percent agreement. It does not ask how much of it chance would give; see :func:`cohens_kappa`.
    """
    one, other = _pair(first, second)
    return float(np.mean([a == b for a, b in zip(one, other, strict=True)]))


def chance_agreement(first, second):
    """The proportion of same codes to expect by chance: ``p_e = sum over codes of p_i. * p_.i`` (Cohen, 1960).

    That is, if two coders used each code as often as these do, but at random.
    """
    one, other = _pair(first, second)
    p = _counts(one, other, _levels((one, other))) / len(one)
    return float(p.sum(axis=1) @ p.sum(axis=0))


def cohens_kappa(first, second, confidence=0.95):
    """Agreement of two coders beyond chance (Cohen, 1960): ``kappa = (p_o - p_e) / (1 - p_e)``.

    p_o is :func:`raw_agreement`, p_e is :func:`chance_agreement`. Interval ``kappa ± z * SE`` with the large-sample
    standard error of Fleiss, Cohen and Everitt (1969), cut at -1 and 1; it takes comments for independent, which
    comments of one mother are not: see :func:`bootstrap_kappa`.

    first, second : (n,) codes of the same comments in the same order, none missing. Returns a :class:`Kappa`.
    Raises MakesNoSense when kappa does not exist (both gave all comments one same code) or the columns do not fit.
    """
    one, other = _pair(first, second)
    levels = _levels((one, other))
    if not set(one) & set(other):
        raise MakesNoSense(
            f"The two coders have not one code in common: {_listed(set(one))} against {_listed(set(other))}. Are the "
            "codes written in the same way, and are both columns codes?"
        )
    counts = _counts(one, other, levels)
    n = int(counts.sum())
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float(np.trace(p)), float(rows @ columns)
    kappa = float(_kappas(counts))
    if np.isnan(kappa):
        raise MakesNoSense(
            f"Both coders gave all {n} comments the same one code ({levels[0]!r}). Chance would agree as fully, so "
            "kappa does not exist here (0 divided by 0)."
        )
    diagonal = np.diag(p) @ ((1 - expected) - (columns + rows) * (1 - observed)) ** 2
    crossed = p * (columns[:, None] + rows[None, :]) ** 2
    elsewhere = (1 - observed) ** 2 * (crossed.sum() - np.trace(crossed))
    rest = (observed * expected - 2 * expected + observed) ** 2
    error = float(np.sqrt(max(0.0, diagonal + elsewhere - rest) / n) / (1 - expected) ** 2)
    half_width = _normal_quantile(0.5 + confidence_level(confidence) / 2) * error
    return Kappa(kappa, max(-1.0, kappa - half_width), min(1.0, kappa + half_width), error, observed, expected, n)


def kappa_by(first, second, by):
    """Kappa and raw agreement in each group of comments, for example in each session or half of a session.

    by : (n,) the group of each comment. Returns a DataFrame with one row for each group, in order of first
    appearance, and the columns ``comments``, ``raw_agreement``, ``kappa`` (nan where it does not exist).
    """
    one, other = _pair(first, second)
    names, per_group = _grouped(one, other, by)
    comments = per_group.sum(axis=(1, 2))
    return pd.DataFrame(
        {
            "comments": comments.astype(int),
            "raw_agreement": np.trace(per_group, axis1=1, axis2=2) / comments,
            "kappa": _kappas(per_group),
        },
        index=pd.Index(names, name=_name(by, "group")),
    )


# --- Any number of coders -------------------------------------------------------------------------


def krippendorff_alpha(table, coders_in="columns"):
    """Agreement of any number of coders, some codes missing: Krippendorff's alpha for names (nominal codes).

    ``alpha = 1 - (n - 1) * (n - sum o_cc) / (n² - sum n_c²)`` (Krippendorff, 2018; Hayes & Krippendorff, 2007).
    Each comment with m >= 2 codes gives each of its ordered pairs the weight 1 / (m - 1); o_cc is the weight of pairs
    of twice the code c, n_c the number of codes c and n that of all codes in such comments. A comment with fewer than
    two codes says nothing about agreement and is left out; nothing else is.

    table : one row for each comment and one column for each coder, as a DataFrame or array; ``coders_in="rows"`` for
    the other way round, as Krippendorff prints it. Returns a float. Raises MakesNoSense for a table that lies on its
    side, holds a column that is no coder, has no comment with two codes, or only one code throughout.
    """
    coincidences = _coincidences(_units(table, coders_in))
    alpha = float(_alphas(coincidences.sum(axis=0)))
    if np.isnan(alpha):
        raise MakesNoSense(
            "All coders gave all comments the same one code. Chance would agree as fully, so alpha does not exist here "
            "(0 divided by 0)."
        )
    return alpha


# --- How sure? ------------------------------------------------------------------------------------


class Bootstrapped(NamedTuple):
    """An estimate with a bootstrap interval; ``groups`` is how many groups were drawn from."""

    estimate: float
    low: float
    high: float
    groups: int

    def __repr__(self):
        return f"{self.estimate:.3f}, interval {self.low:.3f} to {self.high:.3f}, from {self.groups} groups"


def bootstrap_kappa(first, second, over, *, resamples=5000, confidence=0.95, seed=2):
    """Cohen's kappa with a percentile bootstrap interval (Efron & Tibshirani, 1993, ch. 13), drawn group by group.

    As many groups as there are, whole, with replacement; kappa of all their comments together; ``resamples`` times.
    Comments of one session share a mother, a baby and a coder's day, so sessions are what chance drew, and sessions
    are what should be drawn again (Davison & Hinkley, 1997, section 3.8). From few groups the interval comes out
    somewhat too narrow.

    first, second : as in :func:`cohens_kappa`. over : (n,) the group of each comment, such as its session.
    Returns a :class:`Bootstrapped`. Raises MakesNoSense for fewer than two groups.
    """
    estimate = cohens_kappa(first, second).kappa
    _, per_group = _grouped(*_pair(first, second), over)
    return _bootstrapped(estimate, per_group, _kappas, resamples, confidence, seed)


def bootstrap_alpha(table, over, *, resamples=5000, confidence=0.95, seed=2):
    """Krippendorff's alpha with a percentile bootstrap interval, drawn group by group as :func:`bootstrap_kappa` does.

    table : as in :func:`krippendorff_alpha`, coders in columns. over : the group of each row.
    """
    estimate = krippendorff_alpha(table)
    per_comment = _coincidences(_units(table, "columns"))
    _, place = _places(over, len(per_comment))
    per_group = np.zeros((place.max() + 1, *per_comment.shape[1:]))
    np.add.at(per_group, place, per_comment)
    return _bootstrapped(estimate, per_group, _alphas, resamples, confidence, seed)


def _bootstrapped(estimate, per_group, statistic, resamples, confidence, seed):
    """Tables of counts add up, so a resample of groups is a weighted sum of theirs."""
    groups = len(per_group)
    if groups < 2:
        raise MakesNoSense("There is only one group to draw from; a bootstrap over sessions needs several sessions.")
    weights = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    sums = (weights @ per_group.reshape(groups, -1)).reshape(resamples, *per_group.shape[1:])
    drawn = statistic(sums)
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < 0.95 * resamples:
        raise MakesNoSense(
            f"In {resamples - len(drawn)} of {resamples} resamples every comment had the same one code, so there is "
            "nothing to compute. There are too few comments with another code for a bootstrap."
        )
    tail = (1 - confidence_level(confidence)) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Bootstrapped(estimate, float(low), float(high), groups)


# --- Parts ----------------------------------------------------------------------------------------


def _kappas(counts):
    """Kappa of (…, k, k) tables of counts; nan where chance alone would agree fully."""
    counts = np.asarray(counts, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = counts / counts.sum(axis=(-2, -1), keepdims=True)
        observed = np.trace(p, axis1=-2, axis2=-1)
        expected = (p.sum(axis=-1) * p.sum(axis=-2)).sum(axis=-1)
        # rounding may leave expected a hair below 1 where it is 1
        return np.where(np.isclose(expected, 1, rtol=0, atol=1e-12), np.nan, (observed - expected) / (1 - expected))


def _alphas(coincidences):
    """Nominal alpha of (…, k, k) tables of coincidences; nan where only one code occurs."""
    per_code = coincidences.sum(axis=-1)
    n = per_code.sum(axis=-1)
    apart = n**2 - (per_code**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha = 1 - (n - 1) * (n - np.trace(coincidences, axis1=-2, axis2=-1)) / apart
    return np.where(apart < 1e-9, np.nan, alpha)


def _coincidences(units):
    """(comments, k, k): what each comment adds to the table of coincidences; zeros where fewer than two coded it."""
    levels = _levels([code for code in row if not _missing(code)] for row in units)
    place = {code: k for k, code in enumerate(levels)}
    counts = np.zeros((len(units), len(levels)))
    for row, codes in enumerate(units):
        for code in codes:
            if not _missing(code):
                counts[row, place[code]] += 1
    codes_given = counts.sum(axis=1)
    if not (codes_given > 1).any():
        raise MakesNoSense("No comment has codes from two coders, so nothing can be said about their agreement.")
    weight = np.where(codes_given > 1, 1 / np.maximum(codes_given - 1, 1), 0)
    pairs = counts[:, :, None] * counts[:, None, :] - np.eye(len(levels)) * counts[:, None, :]
    return pairs * weight[:, None, None]


def _units(table, coders_in):
    """The table as a list of comments, each a list of one code (or missing) for each coder."""
    if coders_in not in ("columns", "rows"):
        raise MakesNoSense('coders_in should be "columns" (one row for each comment) or "rows".')
    if not hasattr(table, "__len__") or len(table) == 0:  # len also makes a blank tell that it is one
        raise MakesNoSense("A table is wanted: one row for each comment and one column for each coder.")
    values = np.asarray(table, dtype=object)
    if values.ndim != 2:
        raise MakesNoSense("A table is wanted: one row for each comment and one column for each coder.")
    if coders_in == "rows":
        values = values.T
    comments, coders = values.shape
    if coders < 2:
        raise MakesNoSense("There is only one coder in this table; agreement needs at least two columns of codes.")
    if coders_in == "columns" and coders > comments:
        raise MakesNoSense(
            f"This table has {comments} rows and {coders} columns, so it would mean {coders} coders of {comments} "
            "comments. It seems to lie on its side: one row for each comment, one column for each coder (.T turns "
            'it). If it is right as it is, say coders_in="rows" and turn it.'
        )
    names = list(table.columns) if coders_in == "columns" and hasattr(table, "columns") else range(1, coders + 1)
    used = [{code for code in values[:, k] if not _missing(code)} for k in range(coders)]
    for k, name in enumerate(names):
        others = set().union(*(used[j] for j in range(coders) if j != k))
        if coders > 2 and used[k] and others and not used[k] & others:
            raise MakesNoSense(
                f"The column {name!r} has no value in common with the others ({_listed(used[k])}). Is it a coder? Give "
                "the columns with codes only."
            )
    return values.tolist()


def _grouped(one, other, by):
    """The names of the groups and their (groups, k, k) tables of counts."""
    names, place = _places(by, len(one))
    levels = {code: k for k, code in enumerate(_levels((one, other)))}
    counts = np.zeros((len(names), len(levels), len(levels)))
    np.add.at(counts, (place, [levels[c] for c in one], [levels[c] for c in other]), 1)
    return names, counts


def _places(by, n):
    by = pd.Series(list(by))
    if len(by) != n:
        raise MakesNoSense(f"There are {n} comments and {len(by)} groups; each comment needs its group.")
    place, names = pd.factorize(by)
    if (place < 0).any():
        raise MakesNoSense(f"{int((place < 0).sum())} comments belong to no group (their group is missing).")
    return list(names), place


def _pair(first, second):
    """Both coders' codes as lists, after asking whether they belong together."""
    if isinstance(first, pd.Series) and isinstance(second, pd.Series) and not first.index.equals(second.index):
        raise MakesNoSense(
            "The two columns come from different rows, so their codes do not belong to the same comments. Take both "
            "from one table, after one and the same selection."
        )
    one, other = _codes(first, "first"), _codes(second, "second")
    if len(one) != len(other):
        raise MakesNoSense(
            f"The first coder has {len(one)} codes and the second {len(other)}; both should code the same comments."
        )
    if not one:
        raise MakesNoSense("There are no codes at all. Has a selection kept no rows?")
    missing = sum(_missing(a) or _missing(b) for a, b in zip(one, other, strict=True))
    if missing:
        raise MakesNoSense(
            f"{missing} of the {len(one)} comments lack a code of one coder or of both. Decide first what to do about "
            "them, and say so in your report: leave these comments out, finish coding, or use krippendorff_alpha, "
            "which uses what there is."
        )
    return one, other


def _codes(codes, which):
    if isinstance(codes, pd.DataFrame):
        raise MakesNoSense(f"For the {which} coder one column of codes is wanted, not a table.")
    if isinstance(codes, str) or not hasattr(codes, "__len__"):
        raise MakesNoSense(f"For the {which} coder a column or list of codes is wanted, one for each comment.")
    return list(codes.tolist() if hasattr(codes, "tolist") else codes)


def _missing(code):
    return code is None or code is pd.NA or code == "" or code != code


def _levels(several, codes=None):
    """All codes, in the order given or else sorted (numbers before text)."""
    found = {code for column in several for code in column}
    if codes is None:
        return sorted(found, key=lambda code: (isinstance(code, str), str(code) if isinstance(code, str) else code))
    codes = list(codes)
    strangers = found - set(codes)
    if strangers:
        raise MakesNoSense(f"The codes {_listed(strangers)} are not among {_listed(codes)}.")
    return codes


def _counts(one, other, levels):
    place = {code: k for k, code in enumerate(levels)}
    counts = np.zeros((len(levels), len(levels)), dtype=int)
    np.add.at(counts, ([place[c] for c in one], [place[c] for c in other]), 1)
    return counts


def _name(codes, otherwise):
    return getattr(codes, "name", None) or otherwise


def _listed(codes, most=4):
    shown = sorted(map(repr, codes))
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def _normal_quantile(p):
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)
