"""SYNTHETIC: how press_claims.csv is made. The claims, in our words: course/dyadlab/studies/press_claims.py."""

from dyadlab.studies import press_claims


def generate():
    """The claims; nothing is drawn, so there is no seed."""
    return press_claims.class_study()
