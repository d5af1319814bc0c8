"""SYNTHETIC: how worlds.csv is made. The model: course/dyadlab/studies/worlds.py (it tells what the game hides)."""

from dyadlab.studies import worlds

SEED = worlds.SEED
POPULATION = worlds.FOUR  # true parameters; 62 dyads as found and 150 in each arm of two trials, in each world


def generate():
    """The four worlds."""
    return worlds.class_study(SEED, POPULATION)
