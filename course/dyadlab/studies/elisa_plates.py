"""Eight plates of a competitive oxytocin assay, one row per well. The science is in :mod:`dyadlab.studies.assay`."""

from dataclasses import asdict

from dyadlab.studies import assay
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "plate": WHOLE,
    "row": TEXT,
    "column": WHOLE,
    "well": TEXT,
    "role": TEXT,
    "sample_id": TEXT,
    "replicate": WHOLE,
    "nominal_pg_ml": decimals(3),
    "optical_density": decimals(3),
}

WORLDS = {"anchor-like": assay.ASSAY}


def class_study(seed, dyads, *, kit=assay.ASSAY, saliva=assay.SALIVA, faults=assay.FAULTS):
    """The plates on which the saliva of these dyads was measured (768 wells for 62 dyads).

    dyads : the class study as a list of dictionaries, one for each dyad.
    """
    wells, _samples, _declared = assay.run(dyads, seed, kit, saliva, faults)
    return Table(COLUMNS, wells)


def truth(world="anchor-like"):
    """The kit's true parameters and the planted faults, by name."""
    return {**asdict(assay.ASSAY), **asdict(assay.FAULTS)}
