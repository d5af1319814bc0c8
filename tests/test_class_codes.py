"""Claims about the instructor's view of a class's codes."""

import numpy as np
import pandas as pd
import pytest
from dyadlab.grading import class_codes, course
from dyadlab.grading.class_codes import NoCodes

NO, A, N = class_codes.CODES


def test_comments_that_split_the_class_come_first():
    codes = {
        "ann": {1: NO, 2: A, 3: A},
        "bea": {1: NO, 2: N, 3: A},
        "cid": {1: NO, 2: NO, 3: A},
        "dan": {1: NO, 2: A, 3: N},
    }
    table = class_codes.split_table(codes, expert={1: NO, 2: N, 3: A})
    assert table["comment"].tolist() == [2, 3, 1]
    assert table.loc[0, [NO, A, N, "students"]].tolist() == [1, 2, 1, 4]
    assert table["expert"].tolist() == [N, A, NO]
    assert table["with_expert"].tolist() == [0.25, 0.75, 1.0]


def test_split_is_the_chance_that_two_students_differ():
    codes = {str(k): {7: code} for k, code in enumerate([A, A, A, N, N, NO])}
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    differ = np.mean([codes[str(i)][7] != codes[str(j)][7] for i, j in pairs])
    assert class_codes.split_table(codes)["split"].tolist() == [pytest.approx(differ)]


def test_a_class_of_one_is_not_split_and_not_agreed():
    table = class_codes.split_table({"ann": {1: A}})
    assert table["split"].isna().all() and table["with_expert"].isna().all()
    assert table["students"].tolist() == [1]


def test_who_left_a_comment_out_is_not_counted_and_the_key_shows_it_all_the_same():
    table = class_codes.split_table({"ann": {1: A, 2: ""}, "bea": {1: A}}, expert={1: A, 2: N}).set_index("comment")
    assert table.loc[2, "students"] == 0 and pd.isna(table.loc[2, "with_expert"])
    assert table.loc[1, "split"] == 0


def test_an_unknown_code_is_shown_and_not_swallowed():
    table = class_codes.split_table({"ann": {1: "appropiate"}, "bea": {1: A}})
    assert table.loc[0, "appropiate"] == 1 and table.loc[0, "split"] == 1


def test_an_empty_class_gets_a_sentence():
    for codes in ({}, {"ann": {}}):
        with pytest.raises(NoCodes, match="nothing to compare"):
            class_codes.split_table(codes)


HEADER = "session,comment,code,category,unsure,note\n"


@pytest.fixture
def submitted(tmp_path):
    files = {
        "ann": HEADER + f'S03,1,{A},desire,0,"sure, I think"\nS03,2,,,1,\n',
        "bea": "\ufeff" + HEADER + f"S03,1,{N},,0,\nS03,1,{NO},,0,\n",
        "cid": None,
        "dan": f"session;comment;code\nS03;1;{A}\n",
        "eve": HEADER + f"S01,8,{A},desire,0,\n",
        "fay": HEADER + f"S03,one,{A},,0,\nS03,3,{NO},,0,\n",
        "gil": "comment,code\n1,appropriate\n",
    }
    for student, text in files.items():
        folder = tmp_path / student / "w01_coding"
        folder.mkdir(parents=True)
        if text is not None:
            (folder / "w01_codes.csv").write_text(text, encoding="utf-8")
    (tmp_path / "hal" / "w01_coding").mkdir(parents=True)
    (tmp_path / "hal" / "w01_coding" / "w01_codes.csv").write_bytes(b"\xff\xfe\x00session")
    return {p.name: p / "w01_coding" for p in sorted(tmp_path.iterdir())}


def test_codes_are_read_from_what_students_handed_in(submitted):
    """Not counted: a comment without a code, another session. Of a comment coded twice, the last row."""
    found = class_codes.collected(submitted)
    assert found.codes == {"ann": {1: A}, "bea": {1: NO}, "dan": {1: A}, "fay": {3: NO}}


def test_whose_codes_cannot_all_be_used_gets_a_remark_and_stops_nobody_else(submitted):
    remarks = class_codes.collected(submitted).remarks
    assert set(remarks) == {"cid", "eve", "fay", "gil", "hal"}
    assert "no w01_codes.csv" in remarks["cid"]
    for student in ("eve", "gil", "hal"):
        assert "no code for a comment of this session" in remarks[student]
    assert "line 2 is not a code of a comment" in remarks["fay"]


def test_the_key_of_the_graded_session_reads_as_codes_of_the_course():
    key = class_codes.expert_codes(course.REPOSITORY / "course" / "keys" / "w01_graded_session.csv")
    assert set(key.values()) == set(class_codes.CODES) and sorted(key) == list(range(1, len(key) + 1))
    students = {"ann": key, "bea": dict.fromkeys(key, NO)}
    table = class_codes.split_table(students, key)
    assert len(table) == len(key) and set(table.loc[table["split"] == 1, "expert"]) == {A, N}
