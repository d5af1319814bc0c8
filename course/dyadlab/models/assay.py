"""A competitive immunoassay: from optical densities to concentrations, and what to do where it sees nothing.

The more oxytocin a well holds, the paler it becomes, along the four-parameter logistic (4PL)
``y = D + (A - D) / (1 + (x / C)**B)``. A, the *top*, is the optical density without any oxytocin (B0); D, the
*bottom*, what is left when everything is displaced (non-specific binding, NSB); C, the *midpoint*, the
concentration half-way; B, the *slope*, how steeply the curve falls there.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from dyadlab.blanks import is_blank
from dyadlab.models.given import MakesNoSense, numbers, one_number

__all__ = [
    "Censored", "Curve", "Limit", "censored_mean", "concentration_at", "curve_sum_of_squares", "density_at",
    "detection_limit", "duplicate_cv", "fit_curve", "percent_bound", "read_plates", "reading_sd",
    "saliva_concentration", "spike_recovery", "well_place",
]  # fmt: skip

ROWS, COLUMNS = "ABCDEFGH", range(1, 13)
START = (1.2, 1.0, 100.0, 0.08)
ORDER_TOLERANCE = 1.05


class Curve(NamedTuple):
    """The four numbers of a standard curve, in the order A, B, C, D."""

    top: float
    slope: float
    midpoint: float
    bottom: float

    def __repr__(self):
        return (
            f"top A = {self.top:.3f}, slope B = {self.slope:.3f}, midpoint C = {self.midpoint:.1f} pg/ml, "
            f"bottom D = {self.bottom:.3f}"
        )


class Limit(NamedTuple):
    """A detection limit, as a reading and as what stands in the well."""

    density: float
    pg_ml: float

    def __repr__(self):
        return f"optical density {self.density:.3f}, which is {self.pg_ml:.1f} pg/ml in the well"


class Censored(NamedTuple):
    """Mean, standard deviation and standard error of the mean, where some values are only known to be low."""

    mean: float
    sd: float
    error: float

    def __repr__(self):
        return f"mean {self.mean:.3f} (standard error {self.error:.3f}), SD {self.sd:.3f}"


# --------------------------------------------------------------------------- what is asked of the input


def _numbers(values, what, missing=True):
    """An array of any shape, numbers only; and a function that gives a result the form that came in."""
    if is_blank(values):
        values + 0  # a blank that was left says itself where it is
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense(f"Not all of {what} are numbers. Give numbers only, without names or other text.") from None
    flat = array.ndim == 0
    array = numbers(np.atleast_1d(array), what, missing=missing)

    def shaped(result):
        if flat:
            return float(result[0])
        return pd.Series(result, index=values.index, name=values.name) if isinstance(values, pd.Series) else result

    return array, shaped


def _densities(values, what="the optical densities", missing=True):
    array, shaped = _numbers(values, what, missing)
    if (array < 0).any():
        raise MakesNoSense(
            f"An optical density cannot be negative, and {what} hold {np.nanmin(array):g}. Was a background "
            "subtracted twice?"
        )
    return array, shaped


def _concentrations(values, what="the concentrations", missing=True):
    array, shaped = _numbers(values, what, missing)
    if (array < 0).any():
        raise MakesNoSense(f"A concentration cannot be negative, and {what} hold {np.nanmin(array):g}.")
    return array, shaped


def _positive(value, what):
    value = one_number(value, what)
    if value <= 0:
        raise MakesNoSense(f"{what[0].upper()}{what[1:]} should be more than 0, not {value:g}.")
    return value


def _curve(curve):
    if np.size(curve) != 4 or isinstance(curve, str):
        raise MakesNoSense(
            "A curve is four numbers: top, slope, midpoint, bottom. `fit_curve(...)` gives them in this order."
        )
    curve = Curve(*map(float, numbers(curve, "the four numbers of the curve", missing=False)))
    if curve.top <= curve.bottom:
        raise MakesNoSense(
            f"The top of the curve ({curve.top:g}) should lie above its bottom ({curve.bottom:g}): in a "
            "competitive assay, wells without oxytocin are the darkest."
        )
    if curve.slope <= 0 or curve.midpoint <= 0:
        raise MakesNoSense(
            f"Slope ({curve.slope:g}) and midpoint ({curve.midpoint:g}) should both be more than 0; otherwise "
            "the curve does not fall."
        )
    return curve


def _known_wells(concentration, density):
    x, _ = _concentrations(concentration, "the concentrations of the standards", missing=False)
    y, _ = _densities(density, "the optical densities of the standards", missing=False)
    if len(x) != len(y):
        raise MakesNoSense(
            f"There are {len(x)} concentrations and {len(y)} optical densities; each well needs one of each."
        )
    levels = np.unique(x[x > 0])
    if len(levels) < 4:
        raise MakesNoSense(
            f"Four numbers cannot be found from {len(levels)} different standard(s): at least four "
            "concentrations above 0 are needed."
        )
    means = [y[x == level].mean() for level in levels]
    for low, high, at_low, at_high in zip(levels, levels[1:], means, means[1:], strict=False):
        if at_high > at_low * ORDER_TOLERANCE:
            raise MakesNoSense(
                f"The standards do not fall: the wells labelled {high:g} pg/ml are darker ({at_high:.2f}) than "
                f"those labelled {low:g} ({at_low:.2f}). Were standards swapped, or are the columns?"
            )
    return x, y


def well_place(well):
    """Row and column of a well such as "H12", counted from 0: (7, 11). Anything off the 8 by 12 plate gets a
    sentence."""
    text = str(well).strip().upper()
    if text[:1] in tuple(ROWS) and text[1:].isdecimal() and int(text[1:]) in COLUMNS:
        return ROWS.index(text[0]), int(text[1:]) - 1
    raise MakesNoSense(f"There is no well {well!r}: a plate has rows A to H and columns 1 to 12, as in 'A1' or 'H12'.")


# --------------------------------------------------------------------------- the curve, there and back


def density_at(concentration, curve):
    """Optical density expected at a concentration: ``D + (A - D) / (1 + (x / C)**B)`` (the 4PL).

    concentration : pg/ml in the well, a number or (n,) of them, 0 allowed. curve : top, slope, midpoint,
    bottom. Returns what came in (number, array or Series), as optical densities.
    """
    x, shaped = _concentrations(concentration)
    top, slope, midpoint, bottom = _curve(curve)
    return shaped(bottom + (top - bottom) / (1 + (x / midpoint) ** slope))


def concentration_at(density, curve):
    """Concentration of a well with this optical density: ``C * ((A - D) / (y - D) - 1)**(1 / B)``.

    The 4PL turned round. density : a number or (n,) of them. curve : as in :func:`density_at`. Returns pg/ml in
    the well, in the form that came in; nan where the curve never goes, at or above its top (no less than
    nothing) and at or below its bottom.
    """
    y, shaped = _densities(density)
    top, slope, midpoint, bottom = _curve(curve)
    inside = (y > bottom) & (y < top)
    ratio = np.full(y.shape, np.nan)
    ratio[inside] = (top - bottom) / (y[inside] - bottom) - 1
    return shaped(midpoint * ratio ** (1 / slope))


def reading_sd(density, relative=0.035, constant=0.006):
    """How much a reading varies, SD in units of optical density: ``sqrt((relative * y)**2 + constant**2)``.

    Variance that grows with the reading is usual in immunoassays (Finney, 1976); the two shares are those that
    the course's plates were made with.
    """
    y, shaped = _densities(density)
    return shaped(np.hypot(relative * y, constant))


def curve_sum_of_squares(concentration, density, curve):
    """Sum over wells of (optical density - curve)², without weights. concentration, density : (n,)."""
    x, _ = _concentrations(concentration, missing=False)
    y, _ = _densities(density, missing=False)
    if len(x) != len(y):
        raise MakesNoSense(f"There are {len(x)} concentrations and {len(y)} optical densities.")
    return float(((y - density_at(x, curve)) ** 2).sum())


def fit_curve(concentration, density, start=START, weighted=True):
    """The four-parameter logistic by least squares (scipy's ``curve_fit``), readings weighted by their noise.

    concentration : (n,) pg/ml that the labels of standards and zero-dose wells (0) say, at least four different
    ones above 0. density : (n,) their optical densities. start : where the search begins, as top, slope,
    midpoint, bottom. weighted : whether a reading counts by ``1 / reading_sd(y)**2``; otherwise all count
    alike. The search goes on the logarithm of the midpoint, so that it stays above 0.
    Returns a :class:`Curve`. Raises MakesNoSense where standards are darker than lower ones by more than 5 %.
    """
    from scipy.optimize import curve_fit

    x, y = _known_wells(concentration, density)
    top, slope, midpoint, bottom = _curve(start)

    def curve(x, top, slope, log_midpoint, bottom):
        return bottom + (top - bottom) / (1 + (x / np.exp(log_midpoint)) ** slope)

    try:
        found, _ = curve_fit(
            curve, x, y, p0=[top, slope, np.log(midpoint), bottom],
            sigma=reading_sd(y) if weighted else None,
            bounds=([0, 0.05, np.log(1e-3), 0], [10, 10, np.log(1e6), 10]),
        )  # fmt: skip
    except RuntimeError:
        raise MakesNoSense(
            "No curve was found from these starting values. Look at the plot: is the top near the zero dose, "
            "the bottom near the highest standard, the midpoint where the curve is half-way?"
        ) from None
    return _curve((found[0], found[1], np.exp(found[2]), found[3]))


# --------------------------------------------------------------------------- single quantities


def percent_bound(density, zero, nonspecific):
    """Percent bound, ``100 * (y - NSB) / (B0 - NSB)``: 100 without oxytocin, 0 when all is displaced.

    density : a number or (n,). zero, nonspecific : mean optical densities of zero-dose and NSB wells.
    """
    y, shaped = _densities(density)
    zero, nonspecific = one_number(zero, "the zero dose (B0)"), one_number(nonspecific, "the NSB")
    if zero <= nonspecific or nonspecific < 0:
        raise MakesNoSense(
            f"The zero dose (B0, {zero:g}) should be darker than the non-specific binding (NSB, {nonspecific:g})."
            " Are the two exchanged?"
        )
    return shaped(100 * (y - nonspecific) / (zero - nonspecific))


def duplicate_cv(first, second):
    """Coefficient of variation of duplicates in percent, ``100 * SD / mean``, SD with n - 1 (= 1) below.

    For two values that is ``100 * sqrt(2) * |a - b| / (a + b)``. first, second : (n,) concentrations of the two
    wells; nan where either is missing. Returns (n,), or a Series if ``first`` is one.
    """
    a, shaped = _concentrations(first, "the first values")
    b, _ = _concentrations(second, "the second values")
    if len(a) != len(b):
        raise MakesNoSense(f"There are {len(a)} first values and {len(b)} second values; duplicates come in pairs.")
    total = a + b
    cv = np.full(len(a), np.nan)
    np.divide(100 * np.sqrt(2) * abs(a - b), total, out=cv, where=total > 0)
    return shaped(cv)


def detection_limit(zero, curve, sds=2):
    """The least oxytocin that can be told from none: where the curve passes ``mean(B0) - sds * SD(B0)``.

    *Minus*, because in a competitive assay oxytocin makes a well paler. zero : (n,) optical densities of
    zero-dose wells, at least three. Returns a :class:`Limit` (its ``pg_ml`` is what stands in the well).
    """
    y, _ = _densities(zero, "the zero-dose readings", missing=False)
    if len(y) < 3:
        raise MakesNoSense(
            f"From {len(y)} zero-dose well(s) one cannot see how much nothing varies; at least three are needed."
        )
    density = float(y.mean() - _positive(sds, "the number of SDs") * y.std(ddof=1))
    found = concentration_at(density, curve) if density >= 0 else np.nan
    if np.isnan(found):
        raise MakesNoSense(
            f"Two SDs below the zero dose is an optical density of {density:.2f}, where this curve never goes. "
            "Do curve and zero-dose wells come from the same plate?"
        )
    return Limit(density, found)


def spike_recovery(spiked, plain, added):
    """Share of added oxytocin that is found again, ``(spiked - plain) / added``. All in the same unit."""
    plain, added = one_number(plain, "the plain sample"), _positive(added, "what was added")
    return (one_number(spiked, "the spiked sample") - plain) / added


def saliva_concentration(in_well, concentration_factor=4, recovery=1.0):
    """pg/ml of saliva from pg/ml in the well: divided by the concentration factor and by the recovery.

    concentration_factor : how many times less volume the sample was taken up in. recovery : share that
    survives extraction, above 0 and at most 1.5 (a noisy estimate may pass 1).
    """
    x, shaped = _concentrations(in_well)
    recovery = _positive(recovery, "the recovery")
    if recovery > 1.5:
        raise MakesNoSense(f"A recovery of {recovery:g} is too much. Is it a percentage? Then divide by 100.")
    return shaped(x / _positive(concentration_factor, "the concentration factor") / recovery)


def censored_mean(values, limit, below):
    """Mean and SD of normal values, some of which are only known to lie below a limit (Tobin, 1958).

    Maximum likelihood: a value that was seen counts with its density, one under the limit with the
    probability of lying there. values : (n,); those marked in ``below`` are ignored and may be nan. limit : a
    number or (n,), in the same unit (take logarithms of both). below : (n,) True where under the limit.
    Returns a :class:`Censored`.
    """
    from scipy.optimize import minimize
    from scipy.stats import norm

    values = numbers(values, "the values")
    try:
        below = np.asarray(below).astype(bool)
        limit = np.broadcast_to(np.asarray(limit, dtype=float), values.shape)
    except (TypeError, ValueError):
        raise MakesNoSense("Limit and marks should be one number, or one for each value.") from None
    if below.shape != values.shape:
        raise MakesNoSense(f"There are {len(values)} values and {below.size} marks that say which lie below.")
    seen = values[~below]
    if np.isnan(seen).any() or np.isnan(limit[below]).any():
        raise MakesNoSense("Some values are missing (nan) and not marked as below the limit, or the limit is.")
    if len(np.unique(seen)) < 2:
        raise MakesNoSense("At least two different values above the limit are needed to see a mean and a spread.")

    def surprise(parameters):
        mean, log_sd = parameters
        sd = np.exp(log_sd)
        return -norm.logpdf(seen, mean, sd).sum() - norm.logcdf((limit[below] - mean) / sd).sum()

    best = minimize(surprise, [seen.mean(), np.log(seen.std(ddof=1))], method="BFGS")
    mean, log_sd = best.x
    return Censored(float(mean), float(np.exp(log_sd)), float(np.sqrt(best.hess_inv[0, 0])))


# --------------------------------------------------------------------------- a whole study


def read_plates(wells, *, relabel=None, rescale_edge=None, concentration_factor=4, recovery=0.9, sds=2):
    """Every sample of every plate, from optical densities to pg/ml of saliva.

    wells : a table like the dataset ``elisa_plates``. relabel : standards that stood in each other's wells, as
    ``{plate: (one, other)}``. rescale_edge : the factor by which a plate's 36 outermost wells read too high,
    as ``{plate: factor}``. For each plate a curve is fitted to standards and zero dose; duplicates' optical
    densities are averaged and read off it. A sample is below the limit when its mean reading lies above
    ``mean(B0) - sds * SD(B0)``, with the SD pooled over plates.

    Returns a table with one row per sample: sample_id, plate, pg_ml (of saliva; nan below the limit), cv_pct
    (of the two wells' concentrations), below_limit, limit_pg_ml (of saliva).
    """
    needed = ["plate", "row", "column", "role", "sample_id", "nominal_pg_ml", "optical_density"]
    lacking = [name for name in needed if name not in getattr(wells, "columns", ())]
    if lacking:
        raise MakesNoSense(f'The table of wells lacks {", ".join(lacking)}. Load it with `load("elisa_plates")`.')
    wells = wells[needed].copy()
    for row, column in zip(wells["row"], wells["column"], strict=True):
        well_place(f"{row}{column}")
    for plate, pair in (relabel or {}).items():
        mine = (wells["plate"] == plate) & (wells["role"] == "standard")
        exchanged = wells.loc[mine, "nominal_pg_ml"].replace(dict(zip(pair, reversed(pair), strict=True)))
        wells.loc[mine, "nominal_pg_ml"] = exchanged
    for plate, factor in (rescale_edge or {}).items():
        edge = wells["row"].isin(["A", "H"]) | wells["column"].isin([1, 12])
        wells.loc[edge & (wells["plate"] == plate), "optical_density"] /= _positive(factor, "the factor of the edge")
    zero = wells[wells["role"] == "b0"].groupby("plate")["optical_density"]
    freedom = zero.size() - 1
    pooled = np.sqrt((zero.var() * freedom).sum() / freedom.sum())
    tables = []
    for plate, here in wells.groupby("plate"):
        known = here[here["role"].isin(["standard", "b0"])]
        curve = fit_curve(known["nominal_pg_ml"], known["optical_density"])
        darkest = zero.mean()[plate] - sds * pooled
        pairs = here[here["role"] == "sample"].groupby("sample_id")["optical_density"]
        mean = pairs.mean()
        read = [concentration_at(single.to_numpy(), curve) for single in (pairs.first(), pairs.last())]
        below = (mean > darkest).to_numpy()
        in_well = np.where(below, np.nan, concentration_at(mean.to_numpy(), curve))
        scale = concentration_factor, recovery
        tables.append(
            pd.DataFrame({
                "sample_id": mean.index,
                "plate": plate,
                "pg_ml": saliva_concentration(in_well, *scale),
                "cv_pct": duplicate_cv(*read),
                "below_limit": below,
                "limit_pg_ml": saliva_concentration(concentration_at(darkest, curve), *scale),
            })
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True).sort_values("sample_id", ignore_index=True)
