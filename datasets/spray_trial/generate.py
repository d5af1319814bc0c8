"""SYNTHETIC: how spray_trial.csv is made. The model and its sources: course/dyadlab/studies/spray_trial.py."""

from dyadlab.studies import spray_trial

SEED = "spray 108"  # chosen among 500: standard error and correlation of the visits near those of a large sample
PARAMETERS = spray_trial.WORLDS["anchor-like"]  # true parameters; N is 62, the true odds ratio 1.00


def generate():
    """The class study."""
    return spray_trial.class_study(SEED, PARAMETERS)
