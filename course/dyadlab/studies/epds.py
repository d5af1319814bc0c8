"""How a mother's liability to depression shows in ten answers: a graded-threshold model of the EPDS.

Liability D ~ N(0, 1) in the community. Item j is answered k or more (k = 1, 2, 3) when
``loading * D + sqrt(1 - loading**2) * e > threshold + (k - 1) * gap`` with e ~ N(0, 1). The thirty values
below were fitted to the item means of 9,028 mothers eight weeks after birth (ALSPAC: .31 .27 1.01 1.01 .55
1.22 .23 .73 .44 .07, sum 5.84) and to the accuracy of the scale against a diagnostic interview (Levis and
others, 2020, 15,557 women). Items are known here by number only, because their wording is under copyright.
"""

import math
from dataclasses import dataclass

PRINTED_REVERSED = (3, 5, 6, 7, 8, 9, 10)
"""Items whose answers are printed from most to least symptoms: the first box printed scores 3."""


@dataclass(frozen=True)
class Questionnaire:
    """Loadings, first thresholds and gaps between thresholds of items 1 to 10, on the scale of liability."""

    loadings: tuple = (0.72, 0.75, 0.55, 0.60, 0.65, 0.68, 0.72, 0.80, 0.75, 0.55)
    thresholds: tuple = (0.67, 0.76, -0.40, -0.40, 0.22, -0.68, 0.90, -0.04, 0.43, 1.58)
    gaps: tuple = (0.95, 0.95, 0.95, 0.95, 0.95, 1.00, 0.85, 0.95, 0.90, 0.70)

    def steps(self):
        """For each item: (loading, first threshold, gap), all divided by the residual SD."""
        return [
            (loading / rest, threshold / rest, gap / rest)
            for loading, threshold, gap in zip(self.loadings, self.thresholds, self.gaps, strict=True)
            for rest in [math.sqrt(1 - loading * loading)]
        ]


EPDS = Questionnaire()
_STEPS = EPDS.steps()


def answers(stream, liability):
    """Ten item scores, 0 (no symptom) to 3, of a mother with this liability."""
    scores = []
    for e, (loading, threshold, gap) in zip(stream.normals(10), _STEPS, strict=True):
        above = e + loading * liability - threshold
        scores.append(0 if above <= 0 else 1 if above <= gap else 2 if above <= 2 * gap else 3)
    return scores
