"""SYNTHETIC: how support_trial.csv is made. The model and its sources: course/dyadlab/studies/support_trial.py."""

from dyadlab.studies import support_trial

# Chosen among 11,000: 8 and 4 mothers lost, adherence, means and the adjusted effect near the published trial's.
SEED = "support 6422"
PARAMETERS = support_trial.WORLDS["anchor-like"]  # true parameters; N is 76 in each arm, the true odds ratio 1.50


def generate():
    """The class study."""
    return support_trial.class_study(SEED, PARAMETERS)
