"""SYNTHETIC: how mind_mindedness.csv is made. The model and its sources: course/dyadlab/studies/mind_mindedness.py."""

from pathlib import Path

from dyadlab.studies import mind_mindedness

SEED = "kinds of inner states"
POPULATION = mind_mindedness.MIX  # true parameters; N is the 62 dyads of the class study
DYADS = Path(__file__).parents[1] / "dyads" / "dyads.csv"


def generate():
    """The class study's comments by category."""
    counted = mind_mindedness.read_dyads(DYADS.read_bytes())
    return mind_mindedness.class_study(SEED, counted, POPULATION)
