"""What crosses between the student's process and the one that judges: the same value, or none at all."""

import base64
import collections
import contextlib
import copy
import datetime as dt
import decimal
import enum
import fractions
import itertools
import math
import random
import socket
import threading
import time
import tracemalloc
import warnings
import zoneinfo

import dyadlab
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
import statsmodels.formula.api as smf
from dyadlab import checks
from dyadlab.blanks import ____
from dyadlab.grading import wire
from dyadlab.grading.wire import core, crowds, figures, functions
from dyadlab.sentences import NotJudged, Sentence
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

steadily = settings(derandomize=True, deadline=None, max_examples=150, database=None)


class Notebook:
    """The student's side of a call, for tests: keeps the functions and answers calls of them, through bytes."""

    def __init__(self):
        self.kept = []

    def remember(self, function):
        self.kept.append(function)
        return len(self.kept) - 1

    def call(self, key, request):
        reply = wire.perform(self.kept[key], _sent(request), self.remember, self.kept.__getitem__)
        return _sent(reply)

    def cross(self, value):
        return wire.decode(_sent({"v": wire.encode(value, self.remember)})["v"], self.call)


def _sent(message):
    return wire.loads(wire.dumps(message))


def cross(value):
    return Notebook().cross(value)


def same(one, other):
    """Whether two values are of one type and alike to the last bit, NaN being like NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ma.MaskedArray):
        return same(np.ma.getdata(one), np.ma.getdata(other)) and same(
            np.ma.getmaskarray(one), np.ma.getmaskarray(other)
        )
    if isinstance(one, np.ndarray):
        alike = one.dtype == other.dtype and one.shape == other.shape
        if one.dtype == object:
            return alike and all(map(same, one.ravel(), other.ravel()))
        return alike and one.tobytes() == other.tobytes()
    if isinstance(one, np.generic):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True, check_freq=True)
        return same(one.attrs, other.attrs)
    if isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_exact=True, check_freq=True)
        return same(one.attrs, other.attrs)
    if isinstance(one, pd.Index):
        pd.testing.assert_index_equal(one, other, exact=True, check_exact=True)
        return getattr(one, "freq", None) == getattr(other, "freq", None)
    if isinstance(one, pd.api.extensions.ExtensionArray):
        pd.testing.assert_extension_array_equal(one, other, check_exact=True)
        return True
    if isinstance(one, float):
        if math.isnan(one):  # whose sign means nothing
            return math.isnan(other)
        return math.copysign(1, one) == math.copysign(1, other) and one == other
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return one == other and sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, decimal.Decimal) and one.is_nan():
        return str(one) == str(other)
    if one is pd.NA:
        return other is pd.NA
    if one is pd.NaT or one is None:
        return one is other
    return one == other and hash(repr(one)) == hash(repr(other))


# --- Python's own values

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_keys = st.one_of(st.integers(), _text, st.booleans(), st.none(), st.tuples(st.integers(), _text), st.dates())
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**5000), 2**5000),
    st.floats(),
    st.complex_numbers(),
    _text,
    st.binary(max_size=30),
    st.builds(bytearray, st.binary(max_size=30)),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.datetimes(timezones=st.just(dt.timezone(dt.timedelta(hours=-3, minutes=-30)))),
    st.datetimes(timezones=st.just(zoneinfo.ZoneInfo("Europe/Athens"))),
    st.timedeltas(),
    st.builds(range, st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 9)),
    st.sets(_keys, max_size=5),
    st.frozensets(_keys, max_size=5),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(_keys, inner, max_size=5),
        st.dictionaries(_keys, inner, max_size=5).map(collections.OrderedDict),
        st.dictionaries(_keys, st.integers(), max_size=5).map(collections.Counter),
    ),
    max_leaves=20,
)


@settings(steadily, max_examples=200)
@given(_values)
def test_values_of_python_arrive_as_they_were(value):
    assert same(cross(value), value)


def test_what_is_built_on_a_plain_value_arrives_as_that_value():
    class Level(enum.IntEnum):
        high = 3

    class Mood(enum.StrEnum):
        calm = "calm"

    class Liar(float):
        def __eq__(self, other):
            return True

        def __float__(self):
            return 0.5

        __hash__ = float.__hash__

    class Longer(list):
        def __len__(self):
            return 99

    kappa = dyadlab.agreement.cohens_kappa(["a", "b", "b"], ["a", "b", "a"])
    assert same(cross(Level.high), 3)
    assert same(cross(Mood.calm), "calm")
    assert same(cross(Liar(0.2)), 0.2)
    assert same(cross(Longer([1, 2])), [1, 2])
    assert same(cross(kappa), tuple(kappa))
    assert same(cross(collections.defaultdict(int, a=1)), {"a": 1})


def test_views_of_a_dictionary_arrive_as_views():
    counts = {"a": 1, "b": 2}
    for view in (counts.keys(), counts.values(), counts.items()):
        assert type(cross(view)) is type(view) and list(cross(view)) == list(view)


def test_a_blank_arrives_as_the_blank_also_within_a_list():
    assert cross(____) is ____
    assert cross([1, ____])[1] is ____
    assert cross(...) is ...
    with pytest.raises(checks.CheckFailed, match="still a blank"), checks.answers_from({"n": cross(____)}):
        checks.number("n")


def test_half_a_character_becomes_a_question_mark():
    assert cross("a\ud800b") == "a?b"
    assert cross(np.array(["a\ud800b"]))[0] == "a?b"


# --- numpy

_dtypes = st.one_of(
    st.sampled_from("? b B h H i I l L e f d F D".split()).map(np.dtype),
    st.sampled_from([f"<{kind}8[{unit}]" for kind in "Mm" for unit in ("D", "h", "s", "ms", "us", "ns")]).map(np.dtype),
    st.sampled_from(["U5", "S5", "U1", "S1"]).map(np.dtype),
)


@steadily
@given(_dtypes.flatmap(lambda dtype: some.arrays(dtype, some.array_shapes(min_dims=0, min_side=0))))
def test_arrays_arrive_with_their_type_shape_and_bits(array):
    assert same(cross(array), np.ascontiguousarray(array).reshape(array.shape))
    assert all(same(cross(each), each) for each in array.ravel()[:3])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy would rather have no np.matrix
def test_arrays_of_any_layout_arrive_with_their_values():
    grid = np.arange(24.0).reshape(2, 3, 4)
    for array in (grid.T, grid[:, ::-1], np.asfortranarray(grid), grid.astype(">f8"), grid[:0], np.array(2.5)):
        assert np.array_equal(cross(array), array) and cross(array).shape == array.shape
        assert cross(array).dtype == np.float64
    assert cross(np.longdouble(0.25)) == 0.25
    assert same(cross(np.matrix([[1, 2]])), np.array([[1, 2]]))


def test_arrays_of_objects_arrive():
    mixed = np.array([1, "two", None, [3, 4], 5.5, pd.NA], dtype=object)
    assert same(cross(mixed), mixed)
    assert same(cross(mixed.reshape(2, 3)), mixed.reshape(2, 3))


def test_what_is_masked_arrives_as_missing_so_that_no_comparison_skips_it():
    masked = np.ma.masked_less(np.array([1.0, 5.0, 2.0]), 2)
    assert same(cross(masked), np.array([np.nan, 5.0, 2.0]))
    assert same(cross(np.ma.masked_less([1, 5], 2)), np.array([np.nan, 5.0]))
    assert same(cross(np.ma.masked_less([1, 5], 0)), np.array([1, 5]))
    assert math.isnan(cross(np.ma.masked))
    with pytest.raises(wire.CannotCross):
        cross(np.ma.masked_equal(np.array(["a", "b"]), "a"))


def test_an_array_is_one_of_its_own_and_can_be_written_to():
    array = cross(np.zeros(3))
    array[0] = 1
    assert array.sum() == 1


# --- pandas

_MOTHERS = pd.Index(["M1", "M2", "M3", "M4"], name="mother")
_TIMES = pd.to_datetime(["2024-03-01 10:00", "2024-03-02 11:30", None, "2024-05-01 00:00"])
_COLUMNS = {
    "whole": [3, 1, 2, 2],
    "number": [1.5, np.nan, -0.0, np.inf],
    "truth": [True, False, True, True],
    "text": ["a", None, "é 😀", ""],
    "mixed": pd.Series([1, "a", None, [1]], dtype=object),
    "words kept as objects": pd.Series(["a", "b", "c", "d"], dtype=object),
    "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
    "small": pd.array([1, None, 3, 4], dtype="UInt8"),
    "nullable number": pd.array([1.5, None, 3, np.nan], dtype="Float64"),
    "nullable truth": pd.array([True, None, False, True], dtype="boolean"),
    "string": pd.array(["a", None, "c", "d"], dtype="string"),
    "category": pd.Categorical(["low", "high", None, "low"], categories=["low", "middle", "high"], ordered=True),
    "codes": pd.Categorical([1, 2, 2, 1]),
    "cut": pd.cut([1, 5, 9, 3], bins=[0, 4, 8, 12], right=False),
    "time": _TIMES,
    "time in seconds": _TIMES.as_unit("s"),
    "zoned": _TIMES.tz_localize("Europe/Berlin"),
    "offset": _TIMES.tz_localize(dt.timezone(dt.timedelta(hours=2))),
    "length": _TIMES - _TIMES[0],
    "month": pd.array(pd.period_range("2024-11", periods=4, freq="M")),
    "quarter": pd.array(pd.period_range("2024Q1", periods=4, freq="Q-NOV")),
    "interval": pd.arrays.IntervalArray.from_breaks([0, 1.5, 2, 5, 9], closed="left"),
    "small float": np.array([1, 2, 3, 4], dtype="float32"),
}


@pytest.mark.parametrize("kind", _COLUMNS)
def test_columns_of_every_kind_arrive(kind):
    series = pd.Series(_COLUMNS[kind], name=kind)
    labelled = series.set_axis(_MOTHERS)
    for value in (series, labelled, series[:0], series.array, series.to_frame(), labelled.to_frame()):
        assert same(cross(value), value)
    assert all(map(same, cross(series.tolist()), series.tolist()))
    if kind != "mixed":
        index = pd.Index(series)
        assert same(cross(index), index)
        assert same(cross(series.iloc[::-1].value_counts()), series.iloc[::-1].value_counts())


def test_a_table_of_all_kinds_arrives_and_answers_as_the_original_does():
    table = pd.DataFrame(_COLUMNS).set_axis(_MOTHERS).replace(np.inf, 7.0)
    table.attrs = {"source": "simulated", "n": 4}
    table.columns.name = "variable"
    arrived = cross(table)
    assert same(arrived, table)
    assert arrived.loc["M2", "whole"] == 1 and arrived["category"].max() == "high"
    assert (arrived.isna() == table.isna()).all().all()
    assert arrived.select_dtypes("number").columns.equals(table.select_dtypes("number").columns)
    assert same(cross(table.T), table.T)
    assert same(cross(table.describe()), table.describe())
    assert same(cross(table[[]]), table[[]]) and same(cross(pd.DataFrame()), pd.DataFrame())


def test_indexes_of_every_kind_arrive():
    levels = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["group", None])
    gap = pd.MultiIndex.from_tuples([("a", 1), ("a", np.nan), ("b", 1)])
    for index in (
        pd.RangeIndex(3, 99, 7, name="n"), pd.Index([]), pd.Index([0.5, np.nan]), pd.Index([("a", 1), "b"]), levels,
        gap, levels[1:4], pd.date_range("2024-01-31", periods=5, freq="ME"),
        pd.timedelta_range("1h", periods=3, freq="30min"),
        pd.date_range("2024-01-01", periods=3, freq="B", tz="UTC", name="day"), pd.CategoricalIndex(["u", "v", "u"]),
        pd.interval_range(0, 5), pd.period_range("2024-01-01", periods=3, freq="W-MON"),
    ):  # fmt: skip
        assert same(cross(index), index), index
        series = pd.Series(range(len(index)), index=index, name=("a", 1))
        assert same(cross(series), series)
    wide = pd.DataFrame(np.arange(12).reshape(2, 6), columns=levels)
    assert same(cross(wide), wide)


def test_single_values_of_pandas_arrive():
    for value in (
        pd.Timestamp("2024-02-29 12:00:00.123456789"), pd.Timestamp("2024-02-29", tz="Asia/Tokyo"),
        pd.Timedelta("-1ns"), pd.Timestamp("2024-02-29").as_unit("s"), pd.NaT, pd.NA, pd.Period("2024-05", "M"),
        pd.Interval(0, 1.5, "both"), pd.Interval(pd.Timestamp("2024"), pd.Timestamp("2025"), "left"),
    ):  # fmt: skip
        assert same(cross(value), value)
    assert cross(pd.Timestamp("2024").as_unit("s")).unit == "s"


@pytest.mark.parametrize("name", dyadlab.names())
def test_every_dataset_of_the_course_arrives(name):
    table = dyadlab.load(name)
    assert same(cross(table), table)
    summary = table.describe(include="all")
    assert same(cross(summary), summary)


@steadily
@given(st.integers(0, 10**6))
def test_tables_put_together_at_random_arrive(seed):
    chance = random.Random(seed)
    rows = [chance.randrange(4) for _ in range(chance.randrange(6))]
    names = chance.sample(list(_COLUMNS), chance.randrange(len(_COLUMNS)))
    table = pd.DataFrame({name: pd.Series(_COLUMNS[name]) for name in names}, index=range(4)).iloc[rows]
    if chance.random() < 0.5:
        table.index = pd.MultiIndex.from_arrays([rows, [str(row) for row in rows]], names=["n", "s"])
    if names and chance.random() < 0.3:
        table.columns = [names[0]] * len(names)
    assert same(cross(table), table)


# --- figures


@pytest.fixture
def dyads():
    yield dyadlab.load("dyads")
    plt.close("all")


def test_figures_arrive_as_their_facts(dyads):
    x, y = "n_comments", "appropriate_pct"
    _, four = plt.subplots(2, 2)
    four[0, 0].plot([1, 2], [np.nan, 4])
    for figure in (
        sns.histplot(dyads, x=x, hue="elevated"), sns.displot(dyads, x=x), sns.lmplot(dyads, x=x, y=y), plt.gcf(),
        sns.heatmap(dyads[[x, y]].corr()).figure, dyads[x].plot.hist(), dyads.plot.scatter(x, y), four, list(four[0]),
        sns.jointplot(dyads, x=x, y=y).ax_joint, sns.PairGrid(dyads[[x, y]]).map(sns.scatterplot),
    ):  # fmt: skip
        facts, arrived = checks.figure_facts(figure), checks.figure_facts(cross(figure))
        assert same(arrived, facts)
        with checks.answers_from({"drawn": cross(figure)}):
            assert same(checks.figure("drawn", xlabel=False, ylabel=False, drawn=False), facts)


def test_facts_have_the_keys_that_the_wire_knows(dyads):
    facts = checks.figure_facts(sns.histplot(dyads, x="n_comments"))
    assert facts.keys() == {*figures.TEXTS, *figures.COUNTS, *figures.NUMBERS, *figures.LISTS_OF_TEXT}


def test_what_is_no_figure_here_is_none_there(dyads):
    figure, axes = plt.subplots()
    for no_figure in (
        5,
        "x",
        [1],
        None,
        (figure, axes),
        [],
        axes.plot([1, 2]),
        axes.hist([1, 2]),
        dyads,
        len,
        {"a": axes},
    ):
        for value in (no_figure, cross(no_figure)):
            with checks.answers_from({"drawn": value}), pytest.raises(checks.CheckFailed):
                checks.figure("drawn")


def test_a_figure_given_for_a_number_is_called_a_figure(dyads):
    drawn = cross(sns.histplot(dyads, x="n_comments"))
    with checks.answers_from({"n": drawn}), pytest.raises(checks.CheckFailed, match="`n` is a figure, and one number"):
        checks.number("n")


# --- objects that stay behind


class Thing:
    def __eq__(self, other):
        return True

    def __float__(self):
        return 0.5

    def __getattr__(self, name):
        raise RuntimeError("a trap")

    __hash__ = None


USES = {
    "==": lambda it: it == 1, "in": lambda it: 1 in it, "bool": bool, "len": len, "float": float, "iter": list,
    "+": lambda it: 1 + it, "[]": lambda it: it[0], ".": lambda it: it.x, "np.asarray": np.asarray, "np.log": np.log,
    "isclose": lambda it: np.isclose(it, 1), "set": lambda it: {it}, "Series": lambda it: pd.Series([1.5]) + it,
    "format": lambda it: f"{it:.2f}", "<": lambda it: it < 1, "hasattr": lambda it: hasattr(it, "x"),
    "sum": lambda it: sum([it]), "round": round, "max": lambda it: max(it, 1),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_every_use_of_an_object_left_behind_says_what_it_is_and_is_no_error_a_check_may_forgive(use):
    with pytest.raises(wire.CannotCross, match="a Thing, which cannot be judged by the computer"):
        try:
            USES[use](cross(Thing()))
        except Exception:
            pytest.fail("taken for an ordinary error")


def test_checks_name_the_type_of_an_object_left_behind():
    fit = smf.ols("n_comments ~ epds_total", dyadlab.load("dyads")).fit()
    with checks.answers_from({"slope": cross(fit)}):
        for check in (checks.number, checks.numbers, checks.table, checks.text, checks.function, checks.figure):
            with pytest.raises(checks.CheckFailed, match="`slope` is a RegressionResultsWrapper, and"):
                check("slope")
    assert "RegressionResultsWrapper" in repr(cross(fit))


def test_an_item_lets_through_that_it_could_not_be_judged_and_says_which_item():
    found = cross([1, Thing()])
    with (
        pytest.raises(NotJudged, match=r"^4\.3 could not be judged: the answer is or holds a Thing"),
        checks.item("4.3"),
        contextlib.suppress(Exception),
    ):
        checks.require(found == [1, 2], "these are not the values.")


def test_iterators_modules_and_a_column_grouped_stay_behind():
    for thing in (
        (n for n in [1]),
        iter([1]),
        zip([1], [2], strict=True),
        math,
        dyadlab.load("dyads").groupby("elevated"),
        slice(1),
    ):
        assert type(cross(thing)) is wire.Opaque


def test_a_value_too_large_or_tangled_is_not_judged_rather_than_called_wrong():
    loop = [1]
    loop.append(loop)
    deep = [1]
    for _ in range(200):
        deep = [deep]
    twins = [1]
    for _ in range(60):
        twins = [twins, twins]
    for value in (loop, deep, twins, range(10**12), [0] * 3_000_000, "x" * 50_000_000, np.zeros(7_000_000), 10**5000):
        with checks.answers_from({"n": cross(value)}), pytest.raises(wire.CannotCross, match="A person has to look"):
            checks.number("n")


def test_encoding_survives_whatever_an_object_does_when_it_is_looked_at():
    class Class(type):
        @property
        def __name__(cls):
            raise RuntimeError

    class Trap(list, metaclass=Class):
        def __len__(self):
            raise RuntimeError

    class Named:
        __name__ = "x" * 10**6

        def __call__(self):
            pass

    class Unreadable(pd.Series):
        @property
        def index(self):
            raise RuntimeError

    assert cross(Named()).__name__ == "x" * 80
    assert type(cross(Unreadable([1]))) is wire.Opaque
    assert type(cross(Trap())) is list
    assert type(cross([Thing()])[0]) is wire.Opaque


# --- functions


def test_a_function_is_called_where_it_is_and_its_result_arrives():
    here = threading.get_ident

    def share(values, above=0, *, percent=False):
        return (100 if percent else 1) * (values > above).mean()

    crossed = cross(share)
    assert callable(crossed) and crossed.__name__ == "share" and crossed is not share
    values = pd.Series([1, 2, 3, 4])
    assert crossed(values, 2) == 0.5 and crossed(values, above=1, percent=True) == 75
    assert cross(here)() == here()
    assert same(cross(np.cumsum)([1, 2]), np.array([1, 3]))
    with checks.answers_from({"share": crossed}):
        assert checks.function("share")(values) == 1


def test_what_a_function_does_to_its_lists_dictionaries_and_sets_is_seen_here():
    def fill(numbers, table, *, names):
        numbers.append(len(numbers))
        table["n"] = numbers
        names.discard("a")

    numbers, table, names = [5], {"m": 1}, {"a", "b"}
    assert cross(fill)(numbers, table, names=names) is None
    assert numbers == [5, 1] and table == {"m": 1, "n": [5, 1]} and names == {"b"}


def test_what_a_function_prints_is_printed_here_up_to_a_limit(capsys):
    def talk(times):
        print("é" * times)
        return times

    assert cross(talk)(3) == 3
    assert capsys.readouterr().out == "ééé\n"
    assert cross(talk)(10**6) == 10**6
    assert len(capsys.readouterr().out) == functions.MOST_OUTPUT


@pytest.mark.parametrize("name", sorted(functions._ERRORS))
def test_errors_of_python_arrive_as_themselves(name):
    def fail():
        raise functions._ERRORS[name]("half a sentence")

    with pytest.raises(functions._ERRORS[name], match="half a sentence") as raised:
        cross(fail)()
    assert type(raised.value) is functions._ERRORS[name]


class Own(ValueError):
    pass


@pytest.mark.parametrize(
    "error", [AssertionError, Own, SystemExit, KeyboardInterrupt, GeneratorExit, checks.CheckFailed]
)
def test_any_other_error_arrives_as_a_sentence(error):
    def fail():
        raise error("so")

    with pytest.raises(wire.CallFailed, match=f"calling `fail` led to “{error.__name__}: so”") as raised:
        cross(fail)()
    assert isinstance(raised.value, Sentence) and not isinstance(raised.value, AssertionError | ValueError)


def test_functions_go_to_and_fro():
    def twice(function):
        return lambda value: function(function(value))

    book = Notebook()
    add, double = book.cross(lambda n: n + 1), book.cross(twice)
    assert double(add)(5) == 7
    assert book.cross([add._call and len])[0]("abc") == 3


def test_a_function_of_the_check_is_not_handed_over():
    apply = cross(lambda function: function(1))
    for argument in (lambda n: n, np.sin, object(), [object()], cross(Thing()), (n for n in [1]), range(10**12)):
        with pytest.raises(wire.CannotCross, match="cannot be"):
            apply(argument)


REPLIES = [
    None, [], {}, {"value": 1}, {"output": "", "value": 1}, {"output": 5, "value": 1, "arguments": []},
    {"output": "", "value": 1, "arguments": []}, {"output": "", "value": 1, "arguments": [None, None]},
    {"output": "", "value": {"k": "pickle", "v": ""}, "arguments": [None]},
    {"output": "", "value": 1, "arguments": {"0": 1}}, {"output": "", "error": 5, "message": ""},
    {"output": "", "error": "ValueError", "message": None},
    {"output": "x" * (functions.MOST_OUTPUT + 1), "value": 1, "arguments": [None]},
    {"output": "", "value": 1, "arguments": [None], "error": "ValueError"},
]  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_that_is_not_as_agreed_is_no_result_of_the_function(reply):
    function = wire.decode({"k": "function", "name": "f", "key": 0}, lambda key, request: reply)
    with pytest.raises(wire.CannotCross):
        function([1])


@pytest.mark.parametrize(
    "name", ["AssertionError", "BaseException", "exit", "__import__", "Exception\nfoo", "x" * 5000, "CheckFailed"]
)
def test_the_name_of_an_error_chooses_nothing_but_the_errors_on_the_list(name):
    reply = {"output": "", "error": name, "message": "m"}
    function = wire.decode({"k": "function", "name": "f", "key": 0}, lambda key, request: reply)
    with pytest.raises(wire.CallFailed) as raised:
        function()
    assert "\n" not in str(raised.value)


# --- malicious data

_PLAIN_TYPES = (
    type(None), bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, range, type(...),
    collections.Counter, collections.OrderedDict, type({}.keys()), type({}.values()), type({}.items()), dt.date,
    dt.time, dt.datetime, dt.timedelta, decimal.Decimal, fractions.Fraction, np.ndarray, np.ma.MaskedArray,
    type(np.ma.masked), pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, type(pd.NaT), type(pd.NA), pd.Series,
    pd.DataFrame, wire.Facts, wire.Opaque, wire.Function, type(____),
)  # fmt: skip


def _is_plain(value):
    kind = type(value)
    if kind.__module__.split(".")[0] == "pandas" and isinstance(value, pd.Index | pd.api.extensions.ExtensionArray):
        return True
    if isinstance(value, np.generic):
        return kind.__module__ == "numpy"
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is np.ndarray and value.dtype == object:
        return all(map(_is_plain, value.ravel()))
    return kind in _PLAIN_TYPES


def _honest():
    """Written values of every kind there is."""
    table = pd.DataFrame(_COLUMNS).set_axis(_MOTHERS)
    _, axes = plt.subplots()
    axes.plot([1, 2], [3, 4])
    values = [
        table, table["number"], pd.MultiIndex.from_product([["a"], [1, 2]]), pd.RangeIndex(5), table.index, axes,
        Thing(), len, np.zeros((2, 3)), np.array(["a", "bc"]), np.array([b"a"]), np.array([1, "a"], dtype=object),
        np.float64(2), np.ma.masked, np.ma.masked_less([1, 2], 2), 2**70, math.nan, 1j, b"ab", bytearray(b"c"),
        decimal.Decimal("1.50"), fractions.Fraction(1, 3), (1, 2), {1, 2}, frozenset("a"), {"a": 1},
        collections.Counter("aab"), collections.OrderedDict(a=1), {1: 2}.keys(), {1: 2}.values(), {1: 2}.items(),
        range(3), dt.datetime(2024, 1, 2), dt.date(2024, 1, 2), dt.time(1, 2), dt.timedelta(1),
        pd.Timestamp("2024", tz="Asia/Tokyo"), pd.Timedelta(1), pd.NaT, pd.NA, pd.Period("2024", "D"),
        pd.Interval(0, 1), ____, ..., pd.date_range("2024", periods=3, freq="D"),
        pd.array([1.0, 2.0], dtype=np.dtype(float)), [1, [2, "x", None, True, 0.5]],
    ]  # fmt: skip
    written = [wire.encode(value, lambda function: 0) for value in values]
    plt.close("all")
    return written


def _places(data, found):
    """Every list and object in ``data``."""
    if isinstance(data, list | dict):
        found.append(data)
        for each in data.values() if isinstance(data, dict) else data:
            _places(each, found)
    return found


def test_every_kind_that_can_be_read_is_among_the_values_of_these_tests():
    kinds = {place["k"] for place in _places(_honest(), []) if isinstance(place, dict)}
    assert kinds == core._READERS.keys()


JUNK = [
    None, True, -1, 0, 1, 2**31, 2**63, -(2**63), 10**4000, 0.5, "", "nan", "x", "<f8", "|O8", "O", "|V8",
    "<U999999999", "datetime64[ns]", "\x00", "a" * 1000, "AAAAAAAA", "Zm9v", "!!!", "../../etc/passwd", "posixrules",
    "Europe", "category", "__class__", [], {}, [0], [-1], [2**31, 2**31], [[]], {"k": "list"},
    {"k": "opaque", "type": "x", "why": ""}, {"k": "blank"}, {"k": []}, {"k": None}, {"v": 1},
    {"k": "float", "v": "nan"}, {"k": "tuple", "v": [1]}, {"k": "int", "v": "0x" + "f" * 3000},
    {"k": "range", "ends": [0, 10**9, 1]}, {"k": "function", "name": "__class__", "key": 0},
    {"k": "array", "dtype": "<f8", "shape": [10**6, 10**6], "v": ""},
    {"k": "array", "dtype": "<i8", "shape": [1], "v": "AAAAAAAAAIA="},
    {"k": "array", "dtype": "<M8[s]", "shape": [1], "v": "/////////38="},
    {"k": "array", "dtype": "|b1", "shape": [3], "v": "AQL/"}, {"k": "objects", "shape": [1], "v": [None]},
]  # fmt: skip


def _spoilt(honest, chance):
    """A copy of one honest value in which a few things are other than they should be."""
    data = copy.deepcopy(chance.choice(honest))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        places = [place for place in _places([data], []) if place]
        place = chance.choice(places)
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        how = chance.randrange(6)
        if how == 0:
            place[key] = copy.deepcopy(chance.choice(JUNK))
        elif how == 1:
            place[key] = copy.deepcopy(chance.choice(_places(chance.choice(honest), []) or [None]))
        elif how == 2 and isinstance(place[key], str) and place[key]:
            at = chance.randrange(len(place[key]))
            place[key] = place[key][:at] + chance.choice(["", "A", "/", "=", "é", "9"]) + place[key][at + 1 :]
        elif how == 3 and type(place[key]) is int:
            place[key] += chance.choice([-1, 1, 10**9, -(10**9)])
        elif how == 4:
            del place[key]
        elif isinstance(place, list):
            place.append(copy.deepcopy(chance.choice(place)))
        else:
            place[chance.choice(["k", "v", "extra"])] = copy.deepcopy(chance.choice(JUNK))
        data = data[0] if isinstance(data, list) and len(data) == 1 and chance.random() < 0.1 else data
    return data


def test_spoilt_data_give_a_plain_value_or_none_and_take_no_memory():
    honest, chance, refused = _honest(), random.Random(7), 0
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(6000):
            data = _spoilt(honest, chance)
            try:
                value = wire.decode(data, None)
            except wire.CannotCross:
                refused += 1
            else:
                assert _is_plain(value), data
                with contextlib.suppress(Exception, wire.CannotCross):
                    repr(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 2000
    assert peak < 60 * 2**20


def _base64(array):
    return base64.b64encode(array.tobytes()).decode()


_TIMES_A_DAY = wire.encode(pd.date_range("2024", periods=3, freq="D"))
HUGE = [
    {"k": "array", "dtype": "<f8", "shape": [2**31], "v": "AAAA"},
    {"k": "array", "dtype": "<f8", "shape": [2**31, 2**31, 0], "v": ""},
    {"k": "array", "dtype": "|S1", "shape": [2**20], "v": ""},
    {"k": "array", "dtype": "<f8", "shape": [-1, -1], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "<f8", "shape": [1.0], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "<f8", "shape": [True], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "<f8", "shape": [1] * 100, "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "|O", "shape": [1], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "O", "shape": [1], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "f8,O", "shape": [1], "v": "AAAAAAAAAAA="},
    {"k": "array", "dtype": "<f16", "shape": [1], "v": "AAAAAAAAAAAAAAAAAAAAAA=="},
    {"k": "texts", "width": 10**6, "shape": [100], "v": ["a"] * 100},
    {"k": "texts", "width": 10**9, "shape": [1], "v": ["a"]},
    {"k": "bytes array", "width": 0, "shape": [2**31], "v": ""},
    {"k": "objects", "shape": [2**31], "v": []},
    {"k": "range", "ends": [0, 2**61, 1]},
    {"k": "range index", "ends": [0, 2**40, 1], "name": None},
    {"k": "range", "ends": [0, 5, 0]},
    [{"k": "range", "ends": [0, 1_900_000, 1]}] * 2,
    {"k": "decimal", "v": "1E+999999999"},
    {"k": "int", "v": "0x" + "f" * 10**6},
    {"k": "period", "freq": "D", "ordinal": 2**60},
    {"k": "period", "freq": "1000000000D", "ordinal": 0},
    {"k": "set", "v": [n * core.BIG for n in range(9_000)]},
    {"k": "dict", "keys": [n * core.BIG for n in range(9_000)], "values": [0] * 9_000},
    {"k": "set", "v": [{"k": "complex", "real": float(-1_000_003 * n), "imag": float(n)} for n in range(9_000)]},
    [n * core.BIG for n in range(20_000)],
    [{"k": "int", "v": hex(n * core.BIG)} for n in range(20_000)],
    {"k": "set", "v": list(range(60_000))},
    list(range(60_000)),
    [f"a{n}" for n in range(20_000)],
    {"k": "tuple", "v": [n / 7 for n in range(60_000)]},
    {"k": "objects", "shape": [20_000], "v": list(range(20_000))},
    {"k": "texts", "width": 6, "shape": [20_000], "v": [f"a{n}" for n in range(20_000)]},
    {"k": "strings", "missing": "NA", "v": [f"a{n}" for n in range(20_000)]},
    {"k": "bytes array", "width": 4, "shape": [20_000], "v": _base64(np.arange(20_000, dtype=np.int32))},
    [_TIMES_A_DAY] * 1000,
    {"k": "set", "v": [[1]]},
    {"k": "float", "v": "1e999"},
    float("inf"),
    {"k": "bytes", "v": "A" * (60 * 2**20)},
    {"k": "opaque", "type": "x\ny", "why": ""},
    {"k": "opaque", "type": "x", "why": "give full marks"},
    {"k": "function", "name": "f", "key": -1},
    {"k": "function", "name": "f", "key": "os.system"},
    {"k": "datetime", "v": "2024-01-01", "zone": "../../../etc/passwd"},
    {"k": "datetime", "v": "2024-01-01", "zone": "/etc/passwd"},
    {"k": "blank", "v": 1},
    {"k": "figure", "facts": {"k": "dict", "keys": ["points"], "values": [5]}},
    "\ud800",
    ["a", "b\udfff"],
    object(),
    (1, 2),
]  # fmt: skip


@pytest.mark.parametrize("data", HUGE, ids=lambda data: "an object" if type(data) is object else str(data)[:50])
def test_lies_about_size_type_and_shape_are_refused_before_room_is_made(data):
    tracemalloc.start()
    with pytest.raises(wire.CannotCross):
        wire.decode(data, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def _crowd(n):
    """Different whole numbers that pandas, whose hash is key>>33 ^ key ^ key<<11, gives one and the same hash."""
    low = np.arange(1, 4 * n, dtype=np.uint64)
    high = (np.uint64(12345) ^ low ^ (low << np.uint64(11))) & np.uint64(0xFFFF_FFFF)
    fit = high < 2**31
    return np.roll(((high[fit] << np.uint64(33)) | low[fit])[:n].astype(np.int64), 1)


def _alike(n):
    """Different texts that pandas, which hashes some texts as C programs do, gives one and the same hash."""
    return ["".join(pairs) for pairs in itertools.islice(itertools.product(("Aa", "BB"), repeat=17), n)]


def _index_of(array):
    plain = {"k": "array", "dtype": array.dtype.str, "shape": [len(array)], "v": _base64(array)}
    return {"k": "index", "v": plain, "name": None, "freq": None}


def _seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def test_values_chosen_to_have_one_hash_really_are_slow_to_find():
    """Or the tests below say nothing about this pandas."""
    crowded, spread = _crowd(20_000), np.random.default_rng(1).permutation(20_000)
    assert _seconds(lambda: pd.Index(crowded).is_unique) > 10 * _seconds(lambda: pd.Index(spread).is_unique)
    texts = pd.Series(_alike(5000)), pd.Series([f"{n:034}" for n in range(5000)])
    assert _seconds(texts[0].unique) > 10 * _seconds(texts[1].unique)


def _crowded_places(index):
    """Where decoding looks an index of a submission through for equal values."""
    codes = {"k": "array", "dtype": "|i1", "shape": [1], "v": "AA=="}
    yield {"k": "categorical", "codes": codes, "of": index, "ordered": False}
    yield {"k": "multi index", "levels": [index], "codes": [codes], "names": [None]}


@pytest.mark.parametrize("place", [0, 1], ids=["categories", "levels"])
def test_values_chosen_to_have_one_hash_are_refused_before_pandas_sees_them(place):
    data = [*_crowded_places(_index_of(_crowd(200_000)))][place]

    def decode():
        with pytest.raises(wire.CannotCross):
            wire.decode(data)

    assert _seconds(decode) < 3  # it was most of a minute


@pytest.mark.parametrize("place", [0, 1], ids=["categories", "levels"])
def test_as_many_as_may_come_cost_seconds_at_most_even_if_all_have_one_hash(place):
    data = [*_crowded_places(_index_of(_crowd(crowds.MOST_NUMBERS)))][place]
    assert _seconds(lambda: wire.decode(data)) < 15


DIFFERENT = {
    "numbers": lambda n: np.arange(n),
    "floats": lambda n: np.arange(n) / 7,
    "small floats": lambda n: np.arange(n, dtype=np.float32),
    "complex": lambda n: np.arange(n) * 1j,
    "times": lambda n: np.arange(n).astype("M8[s]"),
    "a list": lambda n: list(range(n)),
    "a tuple": lambda n: tuple(range(n)),
    "a column": lambda n: pd.Series(np.arange(n)),
    "a nullable column": lambda n: pd.Series(np.arange(n), dtype="Int64"),
    "categories": lambda n: pd.Categorical.from_codes([0], categories=np.arange(n)),
    "an index": lambda n: pd.Index(np.arange(n)[::-1]),
    "periods": lambda n: pd.array(pd.PeriodIndex.from_ordinals(np.arange(n), freq="s")),
}
DIFFERENT_THINGS = {
    "texts": lambda n: [f"a{k}" for k in range(n)],
    "an array of texts": lambda n: np.array([f"a{k}" for k in range(n)]),
    "an array of bytes": lambda n: np.array([b"a%d" % k for k in range(n)]),
    "a column of texts": lambda n: pd.Series([f"a{k}" for k in range(n)]),
    "a column of nullable texts": lambda n: pd.Series([f"a{k}" for k in range(n)], dtype="string"),
    "a column of objects": lambda n: pd.Series(range(n), dtype=object),
    "a multi-index": lambda n: pd.MultiIndex.from_arrays([[1] * n, np.arange(n)]),
}
TOO_MANY = {
    **{kind: (make, crowds.MOST_NUMBERS) for kind, make in DIFFERENT.items()},
    **{kind: (make, crowds.MOST_THINGS) for kind, make in DIFFERENT_THINGS.items()},
}


@pytest.mark.parametrize("kind", TOO_MANY)
def test_of_too_many_different_values_a_person_is_told_and_one_fewer_arrive(kind):
    make, most = TOO_MANY[kind]
    assert len(cross(make(most))) in (most, 1)
    told = pytest.raises(wire.CannotCross, match=r"too many different values\). A person has to look")
    with checks.answers_from({"n": cross(make(most + 1))}), told:
        checks.number("n")


def test_many_values_of_which_few_differ_arrive():
    table = pd.DataFrame({"town": ["north", "south", None] * 50_000, "n": np.arange(150_000) % 40_000, "x": math.nan})
    assert same(cross(table), table)
    for many in ([1.5, math.nan, "a"] * 20_000, [[k, k + 1] for k in range(30_000)], np.zeros(3_000_000)):
        assert same(cross(many), many)


def test_a_figure_with_a_carpet_of_points_is_for_a_person_also_if_its_facts_were_forged(dyads):
    def drawn(n):
        _, axes = plt.subplots()
        axes.scatter(np.arange(n), np.arange(n))
        axes.set(xlabel="x", ylabel="y")
        return axes

    most = figures.MOST_POINTS
    with checks.answers_from({"f": cross(drawn(most))}):
        assert checks.figure("f")["points"] == most
    for carpet in (drawn(most + 1), [drawn(most + 1)], drawn(most + 1).figure):
        with checks.answers_from({"f": cross(carpet)}), pytest.raises(wire.CannotCross, match="A person has to look"):
            checks.figure("f")
    plt.close("all")
    honest = {**cross(sns.scatterplot(dyads, x="infant_age_months", y="epds_total"))}
    for key in (*figures.NUMBERS, *figures.LISTS_OF_TEXT):
        many = np.zeros(most + 1) if key in figures.NUMBERS else ["a"] * (most + 1)
        facts = {name: np.array(held) if name in figures.NUMBERS else held for name, held in honest.items()}
        with pytest.raises(wire.CannotCross, match="more than 20,000 points"):
            wire.decode({"k": "figure", "facts": wire.encode({**facts, key: many})})
    plt.close("all")


def test_lists_within_lists_without_end_are_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(wire.CannotCross):
        wire.decode(deep, None)
    nested = {"k": "tuple", "v": []}
    for _ in range(500):
        nested = {"k": "tuple", "v": [nested]}
    with pytest.raises(wire.CannotCross):
        wire.decode(nested, None)
    while deep:
        deep = deep.pop()  # unwound by hand: Python would do it on the stack


def test_a_truth_value_that_is_neither_is_true():
    odd = wire.decode({"k": "array", "dtype": "|b1", "shape": [3], "v": "AAL/"}, None)
    assert odd.view(np.uint8).tolist() == [0, 1, 1]


def test_only_what_was_agreed_is_decoded():
    for kind in ("pickle", "eval", "module", "class", "list", "__class__", ""):
        with pytest.raises(wire.CannotCross):
            wire.decode({"k": kind, "v": []}, None)


# --- messages


def _frame(body):
    return len(body).to_bytes(4, "big") + body


@steadily
@given(
    st.dictionaries(
        _text, st.recursive(st.one_of(st.none(), st.integers(), _text), lambda x: st.lists(x, max_size=3)), max_size=4
    )
)
def test_messages_arrive(message):
    assert wire.loads(wire.dumps(message)) == message


GARBLED = {
    "empty": b"", "half": b'{"a": 1', "a list": b"[1]", "a number": b"1", "null": b"null", "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}', "a key twice": b'{"a": 1, "a": 2}',
    "a key twice within": b'{"a": [{"k": 1, "k": 2}]}', "no text": b"\xff\xfe{}", "two": b"{}{}",
    "half a character": b'{"a": "\\ud800"}', "half a character after a backslash": b'{"a": "\\\\\\uDFFF"}',
    "half of it raw": b'{"a": "\xed\xa0\x80"}', "nested": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open": b"[" * 2_000_000, "objects": b'{"a":' * 100_000, "a number without end": b'{"a": ' + b"9" * 100_000 + b"}",
    "pickle": b"\x80\x04N.", "zeros": bytes(1000),
}  # fmt: skip


@pytest.mark.parametrize("body", GARBLED.values(), ids=list(GARBLED))
def test_a_message_that_is_none_is_lost(body):
    with pytest.raises(wire.Lost) as lost:
        wire.loads(_frame(body))
    assert lost.value.why == "garbled"


def test_text_that_only_looks_like_half_a_character_is_let_through():
    for text in ("C:\\users\\udo", "\\ud800", "\\\\ud800", "😀", "\\😀"):
        assert wire.loads(wire.dumps({"a": text})) == {"a": text}


def test_spoilt_bytes_are_a_message_or_lost():
    chance, lost = random.Random(3), 0
    frames = [wire.dumps({"v": value}) for value in _honest()]
    for _ in range(3000):
        body = bytearray(chance.choice(frames)[4:])
        for _ in range(chance.choice([1, 1, 2, 5])):
            at = chance.randrange(len(body))
            body[at : at + chance.choice([0, 1, 1, 9])] = chance.choice(
                [b"", b'"', b"\\", b"[", b"}", b"\xff", b"\0", b"9", b"-", b"NaN"]
            )
        try:
            message = wire.loads(_frame(bytes(body)))
        except wire.Lost:
            lost += 1
        else:
            assert type(message) is dict
            with contextlib.suppress(wire.CannotCross):
                assert _is_plain(wire.decode(message.get("v"), None))
    assert lost > 1000


def test_a_frame_must_be_as_long_as_it_says():
    for frame in (b"", b"\0\0", b"\0\0\0\5{}", b"\0\0\0\1{}", b"\xff\xff\xff\xff{}"):
        with pytest.raises(wire.Lost):
            wire.loads(frame)


def test_a_message_of_many_small_things_is_too_large():
    for piece in (b"[],", b"{},", b"1,", b'"\\u0041",'):
        with pytest.raises(wire.Lost) as lost:
            wire.loads(_frame(b'{"a":[' + piece * 6_000_001 + b"0]}"))
        assert lost.value.why == "large"
    with pytest.raises(wire.Lost):
        wire.dumps({"a": [0] * 6_000_001})
    with pytest.raises(wire.Lost):
        wire.dumps({"a": "x" * (wire.MOST_BYTES + 1)})
    with (
        checks.answers_from({"n": wire.decode(wire.TOO_LARGE_VALUE)}),
        pytest.raises(wire.CannotCross, match="too large"),
    ):
        checks.number("n")


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _lost(why, do):
    with pytest.raises(wire.Lost) as lost:
        do()
    assert lost.value.why == why and str(lost.value).startswith("the notebook's process")


def test_messages_cross_a_socket_in_order_and_large_ones_whole(pair):
    ours, theirs = pair
    large = {"v": "é" * 3_000_000}
    sender = threading.Thread(target=lambda: [wire.send(theirs, message) for message in ({"n": 1}, large, {"n": 2})])
    sender.start()
    deadline = time.monotonic() + 60
    assert [wire.receive(ours, deadline) for _ in range(3)] == [{"n": 1}, large, {"n": 2}]
    sender.join()


def test_a_process_that_is_silent_or_slow_is_lost(pair):
    ours, theirs = pair
    _lost("slow", lambda: wire.receive(ours, time.monotonic() + 0.05))
    _lost("slow", lambda: wire.receive(ours, time.monotonic() - 1))
    theirs.sendall(b"\0\0\1\0{")
    _lost("slow", lambda: wire.receive(ours, time.monotonic() + 0.05))
    _lost("slow", lambda: wire.send(ours, {"v": "x" * 30_000_000}, time.monotonic() + 0.05))


def test_a_process_that_talks_too_much_or_has_ended_is_lost(pair):
    ours, theirs = pair
    theirs.sendall(b"\x7f\xff\xff\xff")
    _lost("large", lambda: wire.receive(ours, time.monotonic() + 60))
    theirs.sendall(_frame(b'{"a": 1}'))
    _lost("large", lambda: wire.receive(ours, time.monotonic() + 60, max_bytes=7))
    theirs.close()
    assert ours.recv(100) == b'{"a": 1}'
    _lost("dead", lambda: wire.receive(ours, time.monotonic() + 60))
    _lost("dead", lambda: wire.send(ours, {"v": 1}, time.monotonic() + 60))


def test_a_length_that_is_only_announced_takes_no_memory(pair):
    ours, theirs = pair
    theirs.sendall((60 * 2**20).to_bytes(4, "big") + b"{")
    tracemalloc.start()
    _lost("slow", lambda: wire.receive(ours, time.monotonic() + 0.05))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20


def test_what_is_lost_or_cannot_cross_is_no_exception():
    for error in (wire.Lost, wire.CannotCross):
        assert issubclass(error, NotJudged) and not issubclass(error, Exception)
