"""Sums, correlations and ranks in plain Python, exact enough to be the same on every platform.

``math.fsum`` rounds once, at the end, so the order of the values and the processor do not matter.
Sequences of numbers in, a number or a list out. Standard library only.
"""

import math


def mean(values):
    """The arithmetic mean."""
    return math.fsum(values) / len(values)


def sd(values, ddof=1):
    """The standard deviation with divisor n - ddof."""
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - ddof))


def standardise(values):
    """The values with mean 0 and sum of squares 1, so that a sum of products is a correlation."""
    centre = mean(values)
    moved = [v - centre for v in values]
    length = math.sqrt(math.fsum(m * m for m in moved))
    return [m / length for m in moved]


def dot(x, y):
    """The sum of products."""
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def correlation(x, y):
    """Pearson's correlation."""
    return dot(standardise(x), standardise(y))


def partial_correlation(x, y, given):
    """The correlation of x and y with ``given`` held constant (first order)."""
    xy, xz, yz = correlation(x, y), correlation(x, given), correlation(y, given)
    return (xy - xz * yz) / math.sqrt((1 - xz * xz) * (1 - yz * yz))


def ranks(values):
    """Ranks from 1, ties sharing their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for at in range(first, last + 1):
            found[order[at]] = (first + last) / 2 + 1
        first = last + 1
    return found


def correlation_t(r, n, held_constant=0):
    """Student's t of a correlation from ``n`` cases."""
    df = n - 2 - held_constant
    return r * math.sqrt(df / (1 - r * r))


def welch_t(x, y):
    """Welch's t of the difference mean(x) - mean(y)."""
    return (mean(x) - mean(y)) / math.sqrt(sd(x) ** 2 / len(x) + sd(y) ** 2 / len(y))


def rank_sum_z(x, y):
    """The normal approximation of the Mann-Whitney test, without correction for ties or continuity."""
    nx, ny = len(x), len(y)
    u = math.fsum(ranks([*x, *y])[:nx]) - nx * (nx + 1) / 2
    return (u - nx * ny / 2) / math.sqrt(nx * ny * (nx + ny + 1) / 12)


def cholesky(matrix):
    """The lower triangle L with L L' = matrix (a list of rows, positive definite)."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            left = matrix[i][j] - math.fsum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j:
                if left <= 0:
                    raise ValueError("these correlations cannot hold together: the matrix is not positive definite")
                lower[i][i] = math.sqrt(left)
            else:
                lower[i][j] = left / lower[j][j]
    return lower
