"""The machinery behind the panel models: normal likelihood with missing values, and its maximum.

Everybody contributes what was seen of them (full-information maximum likelihood; Arbuckle, 1996): people with
the same pattern of missing values are put together, and a pattern needs only its number of people, its means and
its covariances. With ``V`` the inverse of the covariances that a model implies for the variables of a pattern,
``d`` observed minus implied means and ``T = V (S + d d') V``, minus the log-likelihood and its derivatives are::

    f        = Σ n/2 (k log 2π + log|Σ| + tr(V (S + d d')))
    ∂f/∂σ    = Σ n/2 (V - T)                    ∂f/∂μ = -Σ n V d
    ∂²f/∂σ²  = Σ n/2 (V⊗T + T⊗V - V⊗V)          ∂²f/∂μ² = Σ n V         ∂²f/∂μ∂σ = Σ n V ⊗ V d
    expected:  Σ n/2 V⊗V                                    Σ n V                   0

All patterns are worked out at once: what a pattern has not seen is given variance 1 and no covariance, which changes
neither determinant nor inverse of the rest, and is blanked out afterwards.
"""

import numpy as np

_MOST_STEPS = 300
_NEAR = 1e-3  # from here on Newton's method is tried
_SMALL_ENOUGH = 1e-13  # half the squared length of the step, in standard errors, per person


class Patterns:
    """What a table of people says, sorted by pattern of missing values.

    data : (n, p) float array, nan where missing; people of whom nothing was seen are left out.
    """

    def __init__(self, data):
        seen = ~np.isnan(data)
        kept = seen.any(axis=1)
        data, seen = data[kept], seen[kept]
        self.n, self.p = data.shape
        patterns, which = np.unique(seen, axis=0, return_inverse=True)
        which = which.reshape(-1)
        filled = np.where(seen, data, 0.0)
        count = np.bincount(which, minlength=len(patterns))
        self.count = count.astype(float)
        self.seen = patterns.astype(float)
        self.pairs = self.seen[:, :, None] * self.seen[:, None, :]
        self.rest = np.eye(self.p) * (1 - self.seen)[:, :, None]
        sums = np.zeros((len(patterns), self.p))
        np.add.at(sums, which, filled)
        self.means = sums / self.count[:, None]
        apart = (filled - self.means[which]) * seen
        self.covariances = np.stack([apart[which == g].T @ apart[which == g] for g in range(len(patterns))])
        self.covariances /= self.count[:, None, None]
        self.complete = bool(seen.all())
        self.constant = -0.5 * np.log(2 * np.pi) * seen.sum()
        # each variable by itself, which is what a model without any relation fits
        self.seen_of_each = seen.sum(axis=0)
        self.mean_of_each = filled.sum(axis=0) / self.seen_of_each
        self.variance_of_each = (((filled - self.mean_of_each) * seen) ** 2).sum(axis=0) / self.seen_of_each
        self.seen_together = seen.T.astype(float) @ seen.astype(float)

    def log_likelihood(self, mean, covariance):
        """The log-likelihood; minus infinity where ``covariance`` is not positive definite."""
        padded = covariance * self.pairs + self.rest
        try:
            roots = np.linalg.cholesky(padded)
        except np.linalg.LinAlgError:
            return -np.inf
        log_determinants = 2 * np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        off = (self.means - mean) * self.seen
        inverse = np.linalg.inv(padded)
        misfit = (inverse * self.covariances).sum(axis=(1, 2)) + np.einsum("gi,gij,gj->g", off, inverse, off)
        return self.constant - 0.5 * float(self.count @ (log_determinants + misfit))

    def derivatives(self, mean, covariance, *, expected):
        """Minus the log-likelihood's slopes and curvature by means and covariances, as the module's formulas have them.

        Returns slope_mean (p,), slope (p, p), and curvatures: by means (p, p), mixed (p, p²), by covariances (p², p²).
        """
        p = self.p
        inverse = np.linalg.inv(covariance * self.pairs + self.rest) * self.pairs
        off = (self.means - mean) * self.seen
        pull = np.einsum("gij,gj->gi", inverse, off)
        twice = inverse @ self.covariances @ inverse + pull[:, :, None] * pull[:, None, :]
        weighted = self.count[:, None, None] * inverse
        slope_mean = -self.count @ pull
        slope = 0.5 * np.tensordot(self.count, inverse - twice, 1)
        flat = inverse.reshape(-1, p * p)
        if expected:
            curved = _crossed(weighted.reshape(-1, p * p).T @ flat, p)
            mixed = np.zeros((p, p * p))
        else:
            # on symmetric matrices T⊗V does what V⊗T does
            curved = _crossed(weighted.reshape(-1, p * p).T @ (2 * twice - inverse).reshape(-1, p * p), p)
            mixed = np.einsum("gij,gk->ijk", weighted, pull).reshape(p, p * p)
        return slope_mean, slope, weighted.sum(axis=0), mixed, 0.5 * curved

    def saturated(self):
        """Means and covariances with the highest likelihood of all, and that likelihood (no model at all).

        Straight from the data when nothing is missing; otherwise the EM algorithm (Dempster, Laird & Rubin, 1977)
        brings it near, and Newton's method to the top.
        """
        if self.complete:
            mean, covariance = self.means[0], self.covariances[0]
            return mean, covariance, self.log_likelihood(mean, covariance), True
        mean, covariance = self.mean_of_each.copy(), np.diag(self.variance_of_each)
        for _ in range(15):
            mean, covariance = self._em_step(mean, covariance)
        rows, columns = np.tril_indices(self.p)
        directions = np.zeros((len(rows), self.p, self.p))
        directions[np.arange(len(rows)), rows, columns] = 1
        directions[np.arange(len(rows)), columns, rows] = 1

        def free(theta):
            return np.tensordot(theta, directions, 1), directions.reshape(len(rows), -1).T, None

        top = maximise(self, free, covariance[rows, columns], mean)
        return top.mean, top.covariance, top.log_likelihood, top.converged

    def _em_step(self, mean, covariance):
        inverse = np.linalg.inv(covariance * self.pairs + self.rest) * self.pairs
        slopes = covariance @ inverse  # of everything on what was seen
        guess = mean + np.einsum("gij,gj->gi", slopes, (self.means - mean) * self.seen)
        new_mean = self.count @ guess / self.n
        off = guess - new_mean
        spread = (
            slopes @ self.covariances @ slopes.transpose(0, 2, 1)
            + off[:, :, None] * off[:, None, :]
            + covariance
            - slopes @ covariance
        )
        new = np.tensordot(self.count, spread, 1) / self.n
        return new_mean, (new + new.T) / 2

    def independence(self):
        """The highest log-likelihood of a model in which no variable is related to any other."""
        return self.constant - 0.5 * float(self.seen_of_each @ (np.log(self.variance_of_each) + 1))


def _crossed(product, p):
    """Σ a_ik b_jl, indexed [ik, jl], as a (p², p²) matrix indexed [ij, kl]."""
    return product.reshape(p, p, p, p).transpose(0, 2, 1, 3).reshape(p * p, p * p)


class Maximum:
    """Where the climb ended: theta, mean, covariance, log_likelihood, converged, and the curvature on demand."""

    def __init__(self, patterns, structure, theta, mean, converged):
        self.patterns, self.structure = patterns, structure
        self.theta, self.mean, self.converged = theta, mean, converged
        self.covariance = structure(theta)[0]
        self.log_likelihood = patterns.log_likelihood(mean, self.covariance)

    def information(self, *, expected):
        """Curvature by (means, theta): the information matrix, expected or observed."""
        return _slopes_and_curvature(self.patterns, self.structure, self.theta, self.mean, expected)[1]

    def standard_errors(self, *, expected):
        """Standard errors of theta, or nan for all where the information cannot be inverted."""
        information = self.information(expected=expected)
        scale = np.sqrt(np.abs(np.diag(information)))
        scale[scale == 0] = 1.0
        try:
            values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        except np.linalg.LinAlgError:
            values = np.zeros(1)
        if values.min() < 1e-9:
            return np.full(len(self.theta), np.nan)
        errors = np.sqrt(((vectors**2) / values).sum(axis=1)) / scale
        return errors[self.patterns.p :]


def _slopes_and_curvature(patterns, structure, theta, mean, expected):
    covariance, directions, bend = structure(theta)
    slope_mean, slope, by_mean, mixed, by_covariance = patterns.derivatives(mean, covariance, expected=expected)
    within = directions.T @ by_covariance @ directions
    if not expected and bend is not None:
        within = within + bend(slope)
    across = mixed @ directions
    curvature = np.block([[by_mean, across], [across.T, within]])
    return np.concatenate([slope_mean, slope.reshape(-1) @ directions]), curvature


def maximise(patterns, structure, theta, mean):
    """Climb to the maximum of the likelihood: Fisher scoring, then Newton once that is safe.

    structure(theta) gives the covariance matrix (p, p), its slopes (p², m), and a function from a (p, p) weight
    to the (m, m) sum of weighted second derivatives (None where they are all zero). Returns a :class:`Maximum`.
    """
    theta, mean = np.array(theta, dtype=float), np.array(mean, dtype=float)
    here = patterns.log_likelihood(mean, structure(theta)[0])
    converged, newton = False, False
    for _ in range(_MOST_STEPS):
        slopes, curvature = _slopes_and_curvature(patterns, structure, theta, mean, expected=not newton)
        step = _solve(curvature, slopes)
        if newton and (step is None or slopes @ step <= 0):
            newton = False
            continue
        if step is None:
            step = np.linalg.lstsq(curvature, slopes, rcond=1e-10)[0]
        gain = slopes @ step
        if gain < _SMALL_ENOUGH * patterns.n:
            converged = True
            break
        size = 1.0
        while size > 1e-8:
            new_mean, new_theta = mean - size * step[: patterns.p], theta - size * step[patterns.p :]
            there = patterns.log_likelihood(new_mean, structure(new_theta)[0])
            if there > here:
                break
            size /= 2
        else:
            # No way up. Near enough to the top this is rounding, anywhere else a failure.
            converged = gain < 1e-7
            if newton or converged:
                break
            newton = True
            continue
        newton = gain < _NEAR * patterns.n and size == 1.0
        theta, mean, here = new_theta, new_mean, there
    return Maximum(patterns, structure, theta, mean, converged)


def _solve(matrix, vector):
    """The solution where ``matrix`` is positive definite, otherwise None."""
    scale = np.sqrt(np.abs(np.diag(matrix)))
    if not np.isfinite(scale).all() or (scale == 0).any():
        return None
    scaled = matrix / np.outer(scale, scale)
    try:
        np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        return None
    return np.linalg.solve(scaled, vector / scale) / scale
