"""SYNTHETIC: how dyads.csv is made. The model and its sources: course/dyadlab/studies/dyads.py."""

from dyadlab.studies import dyads

SEED = "first study"
POPULATION = dyads.ANCHOR_LIKE  # true parameters; N is 62, of whom 26 score 9 or more
MATCHED = dyads.MATCHED  # the three sample correlations that the class study is brought to


def generate():
    """The class study."""
    return dyads.class_study(SEED, POPULATION, MATCHED)
