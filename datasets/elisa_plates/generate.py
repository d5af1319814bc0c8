"""SYNTHETIC: how elisa_plates.csv is made. The model and its sources: course/dyadlab/studies/assay.py."""

from pathlib import Path

from dyadlab.studies import assay, elisa_plates

SEED = "plates 716"  # the same as in saliva_samples; chosen among others so that each planted fault can be seen
KIT, SALIVA, FAULTS = assay.ASSAY, assay.SALIVA, assay.FAULTS  # true parameters and planted faults; 8 plates


def generate():
    """The plates on which the saliva of the published class study, dyads, was measured."""
    dyads = assay.published_dyads(Path(__file__).parents[1])
    return elisa_plates.class_study(SEED, dyads, kit=KIT, saliva=SALIVA, faults=FAULTS)
