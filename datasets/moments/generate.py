"""SYNTHETIC: how moments.csv is made. The model and its sources: course/dyadlab/studies/moments.py."""

from dyadlab.studies import moments

SEED = "twelve times five minutes"
POPULATION = moments.ANCHOR_LIKE  # true parameters; N is 6 elevated and 6 other dyads, 300 seconds each


def generate():
    """The class study."""
    return moments.class_study(SEED, POPULATION)
