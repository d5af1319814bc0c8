"""The manifest of the saliva tubes, one row per sample. The science is in :mod:`dyadlab.studies.assay`."""

from dataclasses import asdict

from dyadlab.studies import assay
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "sample_id": TEXT,
    "dyad_id": TEXT,
    "person": TEXT,
    "moment": TEXT,
    "clock_time_h": decimals(1),
    "minutes_since_feed": WHOLE,
    "plate": WHOLE,
    "well_1": TEXT,
    "well_2": TEXT,
    "reported_pg_ml": decimals(1),
}

WORLDS = {"anchor-like": assay.SALIVA}


def class_study(seed, dyads, *, kit=assay.ASSAY, saliva=assay.SALIVA, faults=assay.FAULTS):
    """The samples of these dyads: mother and infant, before and after play (248 for 62 dyads).

    dyads : the class study as a list of dictionaries, one for each dyad. With the seed of `elisa_plates` the two
    belong together.
    """
    _wells, samples, _declared = assay.run(dyads, seed, kit, saliva, faults)
    return Table(COLUMNS, samples)


def truth(world="anchor-like"):
    """How the two moments truly differ, what a sample goes through, and the planted faults, by name."""
    kit = assay.ASSAY
    return {
        **asdict(assay.SALIVA),
        "concentration_factor": kit.concentration_factor,
        "recovery": kit.recovery,
        **asdict(assay.FAULTS),
    }
