"""Two measures of the same people, wave after wave: does one run ahead of the other?

Three ways to ask. :func:`cross_lagged_equations` and :func:`cross_lagged` know no stable differences between people;
:func:`random_intercept` does. :func:`centred_regressions` looks like a short way to the same end and is a trap.

Tables are *wide*: one row per person, one column per wave, first wave first; what is missing is nan.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dyadlab.models.given import MakesNoSense, not_blank
from dyadlab.models.panel_likelihood import Patterns, maximise
from dyadlab.models.panel_structure import Structure

__all__ = ["PanelFit", "centred_regressions", "cross_lagged", "cross_lagged_equations", "random_intercept"]


# --- What is given -------------------------------------------------------------------------------


def _waves(x, y, names, least):
    """x and y as (n, waves) float arrays, after asking whether they make sense together."""
    pair = []
    for table, name in zip((x, y), names, strict=True):
        try:
            array = np.asarray(not_blank(table), dtype=float)
        except (TypeError, ValueError):
            raise MakesNoSense(
                f"Not everything in the table of {name} is a number. Give the columns of the waves only, without names."
            ) from None
        if array.ndim != 2:
            raise MakesNoSense(
                f"For {name} a wide table is wanted, with one row per person and one column per wave; this is a "
                "single column. .pivot() turns a long table into a wide one."
            )
        if np.isinf(array).any():
            raise MakesNoSense(f"Some values of {name} are infinite. Has something been divided by 0, or log(0) taken?")
        pair.append(array)
    x_values, y_values = pair
    if x_values.shape != y_values.shape:
        raise MakesNoSense(
            f"{names[0]} has {x_values.shape[0]} rows and {x_values.shape[1]} waves, {names[1]} "
            f"{y_values.shape[0]} and {y_values.shape[1]}; they should be the same people at the same waves."
        )
    if hasattr(x, "index") and hasattr(y, "index") and not x.index.equals(y.index):
        raise MakesNoSense(f"The rows of {names[0]} and {names[1]} are not the same people in the same order.")
    waves = x_values.shape[1]
    if waves < least:
        raise MakesNoSense(
            f"There are {waves} waves, and this model needs at least {least}"
            + (": with fewer, stable and moving parts cannot be told apart." if least == 3 else ".")
        )
    return x_values, y_values


def _patterns(x, y, names):
    data = np.empty((len(x), 2 * x.shape[1]))
    data[:, 0::2], data[:, 1::2] = x, y
    seen = ~np.isnan(data)
    n, p = int(seen.any(axis=1).sum()), data.shape[1]
    if n <= p:
        raise MakesNoSense(
            f"There are {n} people with any value and {p} columns; many more people than columns are needed."
        )
    if seen.any(axis=0).all():
        patterns = Patterns(data)
        if patterns.seen_together.min() > 1 and (patterns.variance_of_each > 0).all():
            return patterns
    for column in range(p):
        own = data[seen[:, column], column]
        if len(own) < 2 or (own == own[0]).all():
            raise MakesNoSense(f"{names[column % 2]} at wave {column // 2 + 1} does not vary, or is missing for all.")
    raise MakesNoSense("Two of the columns were never seen in the same person, so their relation cannot be known.")


# --- A fitted model ------------------------------------------------------------------------------


@dataclass(frozen=True)
class PanelFit:
    """A panel model fitted by maximum likelihood.

    n : people of whom anything was seen, n_complete : of whom everything was. waves : how many.
    chi2, df, p : the model against no model at all. cfi, rmsea : how well it fits (Bentler, 1990; Steiger, 1990).
    converged : whether a maximum was found. proper : whether every variance and correlation it holds is possible.
    information : "expected" or "observed", what the standard errors come from.
    """

    names: tuple
    structure: Structure = field(repr=False)
    theta: np.ndarray = field(repr=False)
    errors: np.ndarray = field(repr=False)
    means: np.ndarray = field(repr=False)
    n: int
    n_complete: int
    waves: int
    log_likelihood: float
    chi2: float
    df: int
    p: float
    cfi: float
    rmsea: float
    converged: bool
    information: str

    @cached_property
    def parameters(self):
        """Every parameter: a table with estimate, se, z, p, low, high (95 %). Units are those of the data."""
        import pandas as pd
        from scipy.stats import norm

        z = self.theta / self.errors
        half = norm.ppf(0.975) * self.errors
        columns = {
            "estimate": self.theta,
            "se": self.errors,
            "z": z,
            "p": 2 * norm.sf(np.abs(z)),
            "low": self.theta - half,
            "high": self.theta + half,
        }
        return pd.DataFrame(columns, index=pd.Index(self.structure.names, name="parameter"))

    @cached_property
    def moving_sds(self):
        """Standard deviations of the moving parts (of the whole measures, in a model without stable parts).

        A (waves, 2) array: what the model implies for x and y at each wave.
        """
        variances = np.diag(self.structure.moving(self.theta)).reshape(self.waves, 2)
        return np.sqrt(np.where(variances > 0, variances, np.nan))

    @cached_property
    def moving_sd(self):
        """The same as one number for each measure, by name: the root of the mean variance over the waves."""
        return dict(zip(self.names, np.sqrt((self.moving_sds**2).mean(axis=0)).tolist(), strict=True))

    @cached_property
    def arrows(self):
        """The arrows from one wave to the next: a table with one row per arrow, such as "talk to oxytocin".

        estimate, se, p, low, high : in the units of the data. standardised : in standard deviations of the moving
        parts. In a model that is free to differ from wave to wave a row is "talk to oxytocin, wave 2" and so on.
        """
        rows = {}
        for wave in range(1, 2 if self.structure.constrained else self.waves):
            mark = "" if self.structure.constrained else f"_{wave + 1}"
            for origin, letter in enumerate("xy"):
                for target, other in enumerate("xy"):
                    label = f"{self.names[origin]} to {self.names[target]}"
                    row = self.parameters.loc[f"{letter}_to_{other}{mark}"].drop("z")
                    if self.structure.constrained:
                        scale = self.moving_sd[self.names[origin]] / self.moving_sd[self.names[target]]
                    else:
                        label += f", wave {wave + 1}"
                        scale = self.moving_sds[wave - 1, origin] / self.moving_sds[wave, target]
                    rows[label] = {**row, "standardised": row["estimate"] * scale}
        import pandas as pd

        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arrow")

    @property
    def stable_r(self):
        """Correlation of the stable parts; nan without them, or where their variances are impossible."""
        if not self.structure.stable:
            return float("nan")
        a, b, c = self.theta[:3]
        return float(b / np.sqrt(a * c)) if a > 0 and c > 0 else float("nan")

    @property
    def stable_share(self):
        """The stable share of the variance of each measure, by name (mean over the waves); nan without stable parts."""
        level = self.theta[[0, 2]] if self.structure.stable else np.full(2, np.nan)
        moving = np.array([self.moving_sd[name] for name in self.names]) ** 2
        return dict(zip(self.names, (level / (level + moving)).tolist(), strict=True))

    @property
    def proper(self):
        """Whether all variances are above 0 and all correlations between -1 and 1."""
        return not self.structure.faults(self.theta)

    @property
    def warning(self):
        """A sentence on why this fit should not be read as a result; empty when nothing is the matter."""
        if not self.converged:
            return (
                "No maximum was found: the numbers shown are where the search stopped, and mean nothing. "
                "There may be too few people, or too little that is stable, for this model."
            )
        faults = self.structure.faults(self.theta)
        if faults:
            return (
                f"Improper solution: {' and '.join(map(self._in_words, faults))} would need a variance below 0 or a "
                "correlation beyond 1, which cannot be. Do not interpret the arrows. Common causes: few people, "
                "few waves, or a model that is not the one these data come from."
            )
        if np.isnan(self.errors).any():
            return "The data do not determine every parameter, so there are no standard errors. Do not interpret it."
        return ""

    def _in_words(self, part):
        if part == "stable":
            return "the stable parts"
        if part == "first":
            return "the moving parts at wave 1"
        return "what is new at " + (f"wave {part.split('_')[1]}" if "_" in part else "later waves")

    def __repr__(self):
        kind = "with stable parts (random intercepts)" if self.structure.stable else "without stable parts"
        equal = "the same arrows at every wave" if self.structure.constrained else "arrows free at every wave"
        lines = [
            f"Cross-lagged panel model {kind}, {equal}: {self.n} people "
            f"({self.n_complete} of them complete), {self.waves} waves",
            f"fit: chi-square({self.df}) = {self.chi2:.2f}, p = {self.p:.3f}; "
            f"CFI {self.cfi:.3f}, RMSEA {self.rmsea:.3f}",
        ]
        if self.structure.stable:
            shares = ", ".join(f"{name} {share:.2f}" for name, share in self.stable_share.items())
            lines.append(f"stable share of the variance: {shares}; correlation of the stable parts {self.stable_r:.2f}")
        lines += ["", self.arrows.to_string(float_format=lambda value: f"{value:.3f}")]
        if self.warning:
            lines += ["", self.warning]
        return "\n".join(lines)


def _fit(x, y, names, *, stable, constrained, information):
    from scipy.stats import chi2 as chi_square

    if information not in (None, "expected", "observed"):
        raise MakesNoSense('information should be "expected" or "observed".')
    names = tuple(map(str, names))
    x, y = _waves(x, y, names, 3 if stable else 2)
    patterns = _patterns(x, y, names)
    structure = Structure(x.shape[1], stable=stable, constrained=constrained)
    # In units of each measure, so that the search is not troubled by per cents beside tenths of a logarithm.
    units = np.sqrt(np.tile(patterns.variance_of_each.reshape(-1, 2).mean(axis=0), x.shape[1]))
    scaled = _in_units(patterns, units)
    mean, covariance, best, best_found = scaled.saturated()
    found = maximise(scaled, structure, structure.start(covariance), mean)
    information = information or ("expected" if patterns.complete else "observed")
    errors = found.standard_errors(expected=information == "expected")
    back = _theta_units(structure, units)
    moments = patterns.p * (patterns.p + 1) // 2
    df, df_nothing = moments - len(structure.names), moments - patterns.p
    chi2 = max(0.0, 2 * (best - found.log_likelihood))
    excess, excess_nothing = chi2 - df, 2 * (best - scaled.independence()) - df_nothing
    worst = max(excess, excess_nothing, 0)
    return PanelFit(
        names=names,
        structure=structure,
        theta=found.theta * back,
        errors=errors * back,
        means=found.mean * units,
        n=patterns.n,
        n_complete=int(patterns.count[patterns.seen.all(axis=1)].sum()),
        waves=x.shape[1],
        log_likelihood=float(found.log_likelihood - patterns.seen_of_each @ np.log(units)),
        chi2=float(chi2),
        df=df,
        p=float(chi_square.sf(chi2, df)) if df else float("nan"),
        cfi=1 - max(excess, 0) / worst if worst else 1.0,
        rmsea=float(np.sqrt(max(excess, 0) / (patterns.n * df))) if df else float("nan"),
        converged=found.converged and best_found,
        information=information,
    )


def _in_units(patterns, units):
    """The same patterns, with every variable divided by its unit."""
    scaled = object.__new__(Patterns)
    scaled.__dict__.update(patterns.__dict__)
    scaled.means = patterns.means / units
    scaled.covariances = patterns.covariances / np.outer(units, units)
    scaled.mean_of_each = patterns.mean_of_each / units
    scaled.variance_of_each = patterns.variance_of_each / units**2
    return scaled


def _theta_units(structure, units):
    """What each theta has to be multiplied with to be in the units of the data again."""
    x, y = units[:2]
    by_kind = {
        "var_x": x * x,
        "var_y": y * y,
        "cov": x * y,
        "x_to_x": 1.0,
        "y_to_y": 1.0,
        "x_to_y": y / x,
        "y_to_x": x / y,
    }
    return np.array([next(unit for kind, unit in by_kind.items() if kind in name) for name in structure.names])


def random_intercept(x, y, *, names=("x", "y"), constrained=True, information=None):
    """The random-intercept cross-lagged panel model (Hamaker, Kuiper & Grasman, 2015), by maximum likelihood.

    Each measure is a person's own stable level plus a part that moves; arrows run between the moving parts. People
    with missing waves stay in, with what was seen of them (full information; right if what is missing depends on
    what was seen). constrained : arrows and new parts the same at every wave; otherwise free. information :
    "expected" or "observed"; by default expected for complete data and observed otherwise.

    x, y : (n, waves) wide tables or arrays with nan where missing, at least 3 waves. Returns a :class:`PanelFit`,
    whose ``warning`` says so when the solution is improper or none was found.
    """
    return _fit(x, y, names, stable=True, constrained=constrained, information=information)


def cross_lagged(x, y, *, names=("x", "y"), constrained=True, information=None):
    """The cross-lagged panel model without stable parts, by maximum likelihood: as :func:`random_intercept`, less them.

    What differs between people for good has to pass through its arrows, which can make arrows where there are
    none (Hamaker, Kuiper & Grasman, 2015; Lucas, 2023). At least 2 waves.
    """
    return _fit(x, y, names, stable=False, constrained=constrained, information=information)


# --- By equations --------------------------------------------------------------------------------


def cross_lagged_equations(x, y, *, names=("x", "y")):
    """The cross-lagged panel model equation by equation: each measure at each wave on both at the wave before.

    Ordinary least squares, each equation with the people who have all it needs. x, y : (n, waves) wide tables.
    Returns a table, one row per slope: wave, outcome, predictor, slope (in the units of the data), se, t, p, n, and
    standardised (slope times SD of predictor over SD of outcome, among the people of that equation).
    """
    import pandas as pd
    from statsmodels.regression.linear_model import OLS

    names = tuple(map(str, names))
    x, y = _waves(x, y, names, 2)
    rows = []
    for wave in range(1, x.shape[1]):
        before = np.column_stack([x[:, wave - 1], y[:, wave - 1]])
        for outcome, values in zip(names, (x[:, wave], y[:, wave]), strict=True):
            used = ~np.isnan(np.column_stack([before, values])).any(axis=1)
            if used.sum() < 4:
                raise MakesNoSense(f"Only {used.sum()} people have all that the equation for wave {wave + 1} needs.")
            fit = OLS(values[used], np.column_stack([np.ones(used.sum()), before[used]])).fit()
            spread = before[used].std(axis=0) / values[used].std()
            for k, predictor in enumerate(names):
                rows.append(
                    {
                        "wave": wave + 1, "outcome": outcome, "predictor": predictor, "slope": fit.params[k + 1],
                        "se": fit.bse[k + 1], "t": fit.tvalues[k + 1], "p": fit.pvalues[k + 1], "n": int(fit.nobs),
                        "standardised": fit.params[k + 1] * spread[k],
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def centred_regressions(x, y, *, names=("x", "y")):
    """The trap: take away everybody's own mean, then regress each wave on the one before, all waves together.

    A person's mean holds the outcome itself, so with few waves the slopes come out too low; with four, carry-over
    that is truly positive comes out negative (Nickell, 1981). Shown so that nobody mistakes it for
    :func:`random_intercept`. Returns the four slopes by name, such as "talk to oxytocin".
    """
    names = tuple(map(str, names))
    x, y = _waves(x, y, names, 2)
    if (np.isnan(x).all(axis=1) | np.isnan(y).all(axis=1)).any():
        keep = ~(np.isnan(x).all(axis=1) | np.isnan(y).all(axis=1))
        x, y = x[keep], y[keep]
    x, y = (table - np.nanmean(table, axis=1, keepdims=True) for table in (x, y))
    before = np.column_stack([x[:, :-1].reshape(-1), y[:, :-1].reshape(-1)])
    slopes = {}
    for name, table in zip(names, (x, y), strict=True):
        outcome = table[:, 1:].reshape(-1)
        used = ~np.isnan(np.column_stack([before, outcome])).any(axis=1)
        design = np.column_stack([np.ones(used.sum()), before[used]])
        fitted = np.linalg.lstsq(design, outcome[used], rcond=None)[0]
        slopes |= {f"{names[0]} to {name}": float(fitted[1]), f"{names[1]} to {name}": float(fitted[2])}
    return slopes
