"""SYNTHETIC: how epds_items.csv is made. The model and its sources: course/dyadlab/studies/epds_items.py."""

from dyadlab.studies import epds_items

SEED = "five hundred mothers"
POPULATION = epds_items.COMMUNITY  # true parameters; N is 500


def generate():
    """The class study."""
    return epds_items.class_study(SEED, POPULATION)
