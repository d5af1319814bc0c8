"""Which covariances a panel model implies, with their first and second derivatives.

Variables are ordered x1, y1, x2, y2, ... A model with stable parts says, for wave t::

    observed(t) = mean(t) + stable + moving(t)            stable: variances and covariance B (2 by 2)
    moving(1)                                             variances and covariance Q1
    moving(t)   = A(t) moving(t - 1) + new(t)             new(t): variances and covariance Q(t)

so ``Σ = 1 1'⊗B + L Q L'`` with ``L = (I - G)⁻¹`` and the arrows A(t) below the diagonal blocks of G. Without stable
parts B is left out (the cross-lagged panel model); constrained, A and Q of waves 2, 3, ... are the same.
"""

import numpy as np

_ARROWS = ("x_to_x", "y_to_x", "x_to_y", "y_to_y")  # row by row of A
_PARTS = ("var_x", "cov", "var_y")


class Structure:
    """The covariance structure of a panel model with ``waves`` waves; ``names`` says what each theta is.

    stable : with random intercepts. constrained : the same arrows and new parts at every wave.
    Calling it with theta gives what :func:`dyadlab.models.panel_likelihood.maximise` asks for.
    """

    def __init__(self, waves, *, stable, constrained):
        self.waves, self.stable, self.constrained = waves, stable, constrained
        self.p = p = 2 * waves
        names, arrows, parts = [], [], []  # (theta, row, column) in G and in Q
        if stable:
            names += [f"stable_{part}" for part in _PARTS]
        names += [f"first_{part}" for part in _PARTS]
        at = 3 if stable else 0
        parts += [(at, 0, 0), (at + 1, 1, 0), (at + 2, 1, 1)]
        for wave in range(1, waves):
            if wave == 1 or not constrained:
                start = len(names)
                mark = "" if constrained else f"_{wave + 1}"
                names += [arrow + mark for arrow in _ARROWS] + [f"new_{part}{mark}" for part in _PARTS]
            row, before = 2 * wave, 2 * wave - 2
            arrows += [(start + k, row + k // 2, before + k % 2) for k in range(4)]
            parts += [(start + 4 + k, row + r, row + c) for k, (r, c) in enumerate(((0, 0), (1, 0), (1, 1)))]
        self.names = names
        self._arrows, self._parts = np.array(arrows).T, np.array(parts).T
        self._twice = np.where(self._parts[1] == self._parts[2], 1.0, 2.0)
        # The elements of G, then of Q, to the thetas that they are made of.
        which = np.concatenate([self._arrows[0], self._parts[0]])
        self._gather = np.zeros((len(which), len(names)))
        self._gather[np.arange(len(which)), which] = 1
        self._stable_directions = np.zeros((3, p, p))
        for k, (r, c) in enumerate(((0, 0), (1, 0), (1, 1))):
            self._stable_directions[k, r::2, c::2] = 1
            self._stable_directions[k, c::2, r::2] = 1

    def matrices(self, theta):
        """B (2, 2) or None, and G and Q (p, p)."""
        arrow, part = np.zeros((self.p, self.p)), np.zeros((self.p, self.p))
        arrow[self._arrows[1], self._arrows[2]] = theta[self._arrows[0]]
        part[self._parts[1], self._parts[2]] = part[self._parts[2], self._parts[1]] = theta[self._parts[0]]
        level = np.array([[theta[0], theta[1]], [theta[1], theta[2]]]) if self.stable else None
        return level, arrow, part

    def moving(self, theta):
        """Covariances (p, p) of the moving parts alone."""
        _, arrow, part = self.matrices(theta)
        carried = self._carried(arrow)
        return carried @ part @ carried.T

    def _carried(self, arrow):
        """(I - G)⁻¹, which is I + G + G² + ... and ends, since no arrow points back in time."""
        return np.linalg.inv(np.eye(self.p) - arrow)

    def __call__(self, theta):
        level, arrow, part = self.matrices(theta)
        carried = self._carried(arrow)
        moving = carried @ part @ carried.T
        covariance = moving if level is None else moving + np.tile(level, (self.waves, self.waves))

        rows, columns = self._arrows[1], self._arrows[2]
        by_arrow = carried.T[rows][:, :, None] * moving[columns][:, None, :]
        by_arrow = by_arrow + by_arrow.transpose(0, 2, 1)
        r, c = self._parts[1], self._parts[2]
        by_part = carried.T[r][:, :, None] * carried.T[c][:, None, :]
        by_part = (by_part + by_part.transpose(0, 2, 1)) * (self._twice / 2)[:, None, None]
        directions = self._gather.T @ np.concatenate([by_arrow, by_part]).reshape(-1, self.p**2)
        if self.stable:
            directions[:3] = self._stable_directions.reshape(3, -1)

        def bend(weight):
            """Σ weight · second derivatives of the covariances, an (m, m) matrix."""
            # With M the weight, R = L'ML and P = L'M(LQL'): d(LQL')/dG_rc = L e_r (LQL')_c' + its transpose,
            # and dL = L E L. Elements of Q bend nothing by themselves.
            pulled = carried.T @ weight @ carried
            reached = carried.T @ weight @ moving
            a, b = rows[:, None], columns[:, None]
            k, m = rows[None, :], columns[None, :]
            twice_arrow = 2 * (
                carried[m, a] * reached[k, b] + pulled[a, k] * moving[m, b] + reached[a, m] * carried[b, k]
            )
            mixed = (carried[b, r] * pulled[a, c] + pulled[r, a] * carried[b, c]) * self._twice
            elements = np.block([[twice_arrow, mixed], [mixed.T, np.zeros((len(r), len(r)))]])
            return self._gather.T @ elements @ self._gather

        return covariance, directions.T, bend

    def start(self, covariance):
        """A theta to begin with: what all later waves share is taken as stable, the rest as moving."""
        blocks = covariance.reshape(self.waves, 2, self.waves, 2).transpose(0, 2, 1, 3)
        now = blocks[np.arange(self.waves), np.arange(self.waves)].mean(axis=0)
        theta = np.zeros(len(self.names))
        level = np.zeros((2, 2))
        if self.stable:
            # half the covariance of the waves furthest apart and half the variance: always a possible beginning
            far = blocks[0, -1] + blocks[0, -1].T
            level = np.diag(np.clip(np.diag(far) / 2, 0.3 * np.diag(now), 0.6 * np.diag(now)))
            r = now[0, 1] / np.sqrt(now[0, 0] * now[1, 1])
            level[0, 1] = level[1, 0] = 0.9 * r * np.sqrt(level[0, 0] * level[1, 1])
            theta[:3] = level[[0, 1, 1], [0, 0, 1]]
        rest = now - level
        carry = 0.2 if self.stable else 0.5
        for name, value in (("var_x", rest[0, 0]), ("var_y", rest[1, 1]), ("cov", rest[0, 1])):
            for place, found in enumerate(self.names):
                if found.startswith("first_" + name):
                    theta[place] = value
                elif found.startswith("new_" + name):
                    theta[place] = (1 - carry**2) * value
        for place, found in enumerate(self.names):
            if found.startswith(("x_to_x", "y_to_y")):
                theta[place] = carry
        return theta

    def faults(self, theta):
        """Names of the parts ("stable", "first", "new", "new_3", ...) whose variances and covariance cannot be."""
        found = []
        starts = [place for place, name in enumerate(self.names) if "_var_x" in name]
        for place in starts:
            a, b, c = theta[place : place + 3]
            if a <= 0 or c <= 0 or a * c - b * b <= 0:
                found.append(self.names[place].replace("_var_x", ""))
        return found
