"""The synthetic studies: one module for each, the science of its generative model inside.

**How to add a dataset called NAME** (no list has to be edited; `dyadlab.datasets` finds it):

1. ``studies/NAME.py``, standard library only, drawing from :class:`dyadlab.studies.stream.Stream`, with

   ``COLUMNS``
       column name to format (``TEXT``, ``WHOLE``, ``decimals(1)`` of the module ``tables``), in order;
   a frozen dataclass of named true parameters, and ``WORLDS``, one instance of it for each world
       (``{"anchor-like": ..., "meta-analytic": ..., "null": ...}``; a study which is the same in every
       world has ``{"anchor-like": ...}`` alone, and is handed that one whatever the course's world);
   ``class_study(seed, ...) -> Table``
       the study that is the same for everybody, called by ``datasets/NAME/generate.py``;
   ``replicate(student_id, world) -> Table``, if students get their own
       an honest random sample, decided by the id alone, with the same columns, drawn from
       ``Stream("NAME", student_id)``; ``world`` is a key of ``WORLDS``;
   ``truth(world) -> dict``
       the true parameters by name, for instructors and reveal cells.

2. ``datasets/NAME/NAME.json``: the codebook (``datasets/dyads/dyads.json`` shows the form): a description
   that says SYNTHETIC, what one row is, how many, declared dirt, and for every column description, unit,
   range or levels, missing code, how it is measured, source.

3. ``datasets/NAME/generate.py``: a few lines with N, seed and true parameters, and a function ``generate()``
   that returns the Table.

4. ``dyadlab data build NAME`` (or ``dyadlab.data_build.build(["NAME"])``) writes ``NAME.csv``, its checksum
   and the index. ``dyadlab data verify`` compares.

5. ``tests/test_NAME.py``: calibration with the figure in the test's name, source and tolerance in the
   docstring. The general claims (schema, ranges, regeneration on other Pythons, ids) are tested for every
   dataset that is found.
"""
