"""SYNTHETIC: how panel.csv is made. The model (what is true): course/dyadlab/studies/panel.py."""

from dyadlab.studies import panel

SEED = "visit by visit"
POPULATION = panel.ANCHOR_LIKE  # true parameters; N is 400 dyads in each of two towns, four waves


def generate():
    """The class study."""
    return panel.class_study(SEED, POPULATION)
