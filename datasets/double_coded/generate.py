"""SYNTHETIC: how double_coded.csv is made. The error model: course/dyadlab/studies/double_coded.py."""

from pathlib import Path

from dyadlab.studies import double_coded, transcripts

SEED = "four coders"
CODERS = double_coded.CODERS  # true rates of the trained student and the novice; the keyword bot is a real rule
SESSIONS = Path(__file__).parent.parent / "transcripts" / "sessions"  # the nine coded ones are used


def generate():
    """One row for each comment of the nine coded sessions."""
    return double_coded.class_study(SEED, transcripts.class_study(SESSIONS), CODERS)
