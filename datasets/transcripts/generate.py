"""SYNTHETIC: how transcripts.csv is made. The truth is the authored text in sessions/: ten sessions, no random draw.

The expert codes of the graded session (S03) are not here. Rules and vocabulary: course/dyadlab/studies/transcripts.py.
"""

from pathlib import Path

from dyadlab.studies import transcripts


def generate():
    """All comments of all sessions in one table."""
    return transcripts.class_study(Path(__file__).parent / "sessions")
