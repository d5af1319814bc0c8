"""SYNTHETIC: how saliva_samples.csv is made. The model and its sources: course/dyadlab/studies/assay.py."""

from pathlib import Path

from dyadlab.studies import assay, saliva_samples

SEED = "plates 716"  # the same as in elisa_plates, so that the two belong together
KIT, SALIVA, FAULTS = assay.ASSAY, assay.SALIVA, assay.FAULTS  # true parameters and planted faults; 4 * 62 tubes


def generate():
    """The tubes of the published class study, dyads."""
    dyads = assay.published_dyads(Path(__file__).parents[1])
    return saliva_samples.class_study(SEED, dyads, kit=KIT, saliva=SALIVA, faults=FAULTS)
