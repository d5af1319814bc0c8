"""The coding tool without a page: decisions, their file, and what may happen to it."""

import csv
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from dyadlab import coding, datasets
from dyadlab.coding import codes, sessions
from dyadlab.coding.codes import Codes, Mark

FILE = "w01_codes.csv"


def decide(kept, key, code, kind="desire"):
    """Go through the steps to a code."""
    kept.answer(key, 1, code != "not_mind_related")
    if code != "not_mind_related":
        kept.answer(key, 2, kind)
        kept.answer(key, 3, code == "appropriate")


def rows(folder, name=FILE):
    with open(folder / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# --- what is coded ---


def test_the_graded_session_is_coded_whole_and_shows_no_code_of_the_expert():
    comments = sessions.comments("graded")
    table = datasets.load("transcripts").query("used_for == 'graded'")
    assert [comment.text for comment in comments] == table["text"].tolist()
    assert all(comment.to_code and comment.expert is None for comment in comments)


def test_practice_asks_for_ten_comments_with_reasons_and_shows_the_flow_around_them():
    comments = sessions.comments("practice")
    wanted = [comment for comment in comments if comment.to_code]
    assert len(wanted) == 10
    assert all(comment.expert.reason for comment in wanted)
    assert all(comment.expert is None for comment in comments if not comment.to_code)
    for place, comment in enumerate(comments):
        if comment.to_code and comment.number > 4:
            before = [other.number for other in comments[place - 4 : place]]
            assert before == list(range(comment.number - 4, comment.number))


def test_practice_meets_every_code_and_both_bodily_states_and_own_states():
    table = datasets.load("transcripts")
    keys = {comment.key for comment in sessions.to_code("practice")}
    picked = table[[f"{row.session}-{row.comment}" in keys for row in table.itertuples()]]
    assert set(picked["expert_code"]) == set(codes.CODES)
    assert {"physical_state", "own_state", "own_state_projected", "past_talk", "praise"} <= set(picked["hard_case"])


def test_a_pause_is_told_as_a_lull_only_where_the_data_say_so():
    table = datasets.load("transcripts").query("session == 'S03'")
    lulls = [comment.number for comment in sessions.comments("graded") if comment.lull]
    assert lulls == table.loc[table["lull"] == 1, "comment"].tolist()
    assert all(c.pause_s >= 10 for c in sessions.comments("graded") if c.lull)


@pytest.mark.parametrize("name", ["S03", "", None, 3])
def test_an_unknown_session_is_a_sentence(name):
    with pytest.raises(sessions.UnknownSession, match="There is nothing to code called"):
        sessions.task(name)


def test_the_model_needs_neither_numpy_nor_pandas_nor_a_widget():
    line = "import sys, dyadlab.coding as c; c.codes_in_file; from dyadlab.coding.codes import Codes; Codes('graded'); "
    line += "print([m for m in ('numpy', 'pandas', 'anywidget', 'IPython') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


# --- the steps ---


def test_steps_lead_to_the_codes_of_the_manual():
    begun = Mark().answer(1, True)
    assert Mark().answer(1, False).code == "not_mind_related"
    assert begun.code == begun.answer(2, "emotion").code == ""
    assert begun.answer(2, "emotion").answer(3, True).code == "appropriate"
    assert begun.answer(2, "emotion").answer(3, False).code == "non_attuned"


def test_a_bodily_state_counts_only_when_it_does_not_fit_and_then_as_emotion():
    tired = Mark().answer(1, True).answer(2, "bodily_state")
    assert (tired.answer(3, True).code, tired.answer(3, True).category) == ("not_mind_related", "")
    assert (tired.answer(3, False).code, tired.answer(3, False).category) == ("non_attuned", "emotion")


def test_answering_step_1_begins_the_comment_anew():
    coded = Mark(unsure=True, note="hm").answer(1, True).answer(2, "desire").answer(3, True)
    again = coded.answer(1, True)
    assert (again.code, again.kind, again.fits) == ("", "", None)
    assert (again.unsure, again.note) == (True, "hm")


@pytest.mark.parametrize("step, value", [(2, "desire"), (3, True), (1, "yes"), (4, True), (2, "joy")])
def test_a_step_whose_turn_it_is_not_is_refused(step, value):
    with pytest.raises(codes.NotAnAnswer):
        Mark().answer(step, value)


# --- saved at once, opened where one stopped ---


def test_each_step_is_in_the_file_as_soon_as_it_is_taken(tmp_path):
    kept = Codes("graded", tmp_path)
    assert not (tmp_path / FILE).exists()
    kept.answer("S03-6", 1, True)
    assert rows(tmp_path)[0]["mind_related"] == "yes"
    assert rows(tmp_path)[0]["code"] == ""
    kept.answer("S03-6", 2, "desire")
    kept.answer("S03-6", 3, True)
    assert (rows(tmp_path)[0]["comment"], rows(tmp_path)[0]["code"], rows(tmp_path)[0]["category"]) == (
        "6", "appropriate", "desire",
    )  # fmt: skip


def test_opening_alone_writes_nothing(tmp_path):
    Codes("graded", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_session_opens_again_as_it_was_and_where_the_coder_stopped(tmp_path):
    kept = Codes("graded", tmp_path)
    for number in (1, 2, 3):
        decide(kept, f"S03-{number}", "not_mind_related")
    kept.set("S03-2", note='says "hiya",\nagain; = no', unsure=True)
    decide(kept, "S03-40", "appropriate", "emotion")
    again = Codes("graded", tmp_path)
    assert again.marks == kept.marks
    assert again.mark("S03-2").note == 'says "hiya",\nagain; = no'
    assert again.start() == "S03-41"
    again.answer("S03-41", 1, True)
    assert Codes("graded", tmp_path).start() == "S03-41"


def test_a_finished_session_opens_at_the_comment_changed_last(tmp_path):
    coding.write("graded", {}, others="not_mind_related", folder=tmp_path)
    kept = Codes("graded", tmp_path)
    kept.set("S03-33", unsure=True)
    assert Codes("graded", tmp_path).start() == "S03-33"


def test_undo_takes_back_one_change_after_another_also_in_the_file(tmp_path):
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-1", "not_mind_related")
    decide(kept, "S03-2", "non_attuned")
    assert [kept.undo() for _ in range(3)] == ["S03-2"] * 3
    assert Codes("graded", tmp_path).coded() == ["S03-1"]
    assert kept.undo() == "S03-1"
    assert kept.undo() is None
    assert Codes("graded", tmp_path).coded() == []


def test_filters_and_summary_count_what_is_there(tmp_path):
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-1", "not_mind_related")
    decide(kept, "S03-6", "appropriate", "desire")
    decide(kept, "S03-70", "non_attuned", "bodily_state")
    kept.set("S03-6", unsure=True)
    kept.set("S03-8", note="whose?")
    kept.answer("S03-9", 1, True)
    summary = kept.summary()
    assert (summary["comments"], summary["coded"]) == (86, 3)
    assert summary["codes"] == {"not_mind_related": 1, "appropriate": 1, "non_attuned": 1}
    assert summary["categories"] == {"desire": 1, "emotion": 1}
    assert (summary["unsure"], summary["noted"]) == (["S03-6"], ["S03-8"])
    assert len(kept.filtered("not coded")) == 83 and "S03-9" in kept.filtered("not coded")


# --- two copies, crashes, damage ---


def test_two_open_copies_keep_each_others_work(tmp_path):
    first, second = Codes("graded", tmp_path), Codes("graded", tmp_path)
    decide(first, "S03-1", "not_mind_related")
    decide(second, "S03-2", "appropriate")
    decide(first, "S03-3", "non_attuned")
    assert Codes("graded", tmp_path).coded() == ["S03-1", "S03-2", "S03-3"]
    second.refresh()
    assert second.coded() == ["S03-1", "S03-2", "S03-3"]


def test_of_two_copies_the_later_decision_on_a_comment_counts_even_if_a_clock_goes_back(tmp_path, monkeypatch):
    first, second = Codes("graded", tmp_path), Codes("graded", tmp_path)
    decide(first, "S03-1", "not_mind_related")

    class Earlier(codes.datetime):
        @classmethod
        def now(cls, zone):
            return cls(2001, 1, 1, tzinfo=zone)

    monkeypatch.setattr(codes, "datetime", Earlier)
    decide(second, "S03-1", "appropriate")
    first.refresh()
    assert first.mark("S03-1").code == second.mark("S03-1").code == "appropriate"


def test_undo_leaves_alone_what_another_copy_has_changed_since(tmp_path):
    first, second = Codes("graded", tmp_path), Codes("graded", tmp_path)
    decide(first, "S03-1", "not_mind_related")
    second.refresh()
    decide(second, "S03-1", "appropriate")
    first.refresh()
    first.undo()
    assert Codes("graded", tmp_path).mark("S03-1").code == "appropriate"


def _code_many(folder, numbers):
    kept = Codes("graded", folder)
    for number in numbers:
        kept.answer(f"S03-{number}", 1, False)


def test_two_processes_that_write_at_the_same_time_lose_nothing(tmp_path):
    start = multiprocessing.get_context("spawn")
    both = [start.Process(target=_code_many, args=(tmp_path, range(begin, 87, 2))) for begin in (1, 2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert len(Codes("graded", tmp_path).coded()) == 86


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_at_any_instant_the_file_is_whole_and_holds_all_that_was_called_saved(tmp_path):
    line = (
        "import sys; from dyadlab.coding.codes import Codes\n"
        "kept = Codes('graded', sys.argv[1])\n"
        "for number in range(1, 87):\n"
        "    kept.answer(f'S03-{number}', 1, False); print(number, flush=True)\n"
    )
    rng = random.Random(4)
    for turn in range(4):
        folder = tmp_path / str(turn)
        folder.mkdir()
        process = subprocess.Popen([sys.executable, "-c", line, folder], stdout=subprocess.PIPE, text=True)
        stop_at = rng.randrange(2, 60)
        said = [process.stdout.readline() for _ in range(stop_at)]
        time.sleep(rng.random() / 100)
        process.kill()
        said += process.stdout.readlines()
        process.wait()
        reopened = Codes("graded", folder)
        assert reopened.notice == ""
        assert len(reopened.coded()) >= len([line for line in said if line.endswith("\n")])


def test_a_lock_left_by_a_crash_does_not_stop_the_coder(tmp_path):
    lock = tmp_path / f".{FILE}.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    Codes("graded", tmp_path).answer("S03-1", 1, False)
    assert not lock.exists()
    assert len(rows(tmp_path)) == 1


def test_what_cannot_be_written_is_a_sentence_and_is_written_with_the_next_decision(tmp_path, monkeypatch):
    kept = Codes("graded", tmp_path)
    whole = codes.write_whole

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(codes, "write_whole", full)
    with pytest.raises(codes.NotSaved, match="could not be written"):
        kept.answer("S03-1", 1, False)
    monkeypatch.setattr(codes, "write_whole", whole)
    kept.answer("S03-2", 1, False)
    assert Codes("graded", tmp_path).coded() == ["S03-1", "S03-2"]


DAMAGED = {
    "cut in the middle of a row": lambda text: text[: int(len(text) * 0.6)].encode(),
    "a word where a code belongs": lambda text: text.replace("not_mind_related", "dunno", 1).encode(),
    "a number made text": lambda text: text.replace("S03,2,", "S03,two,").encode(),
    "not a table": lambda text: b"\x00\x01\x02" * 50,
    "empty": lambda text: b"",
    "no column of codes": lambda text: text.replace("code", "colour", 1).encode(),
    "another session": lambda text: text.replace("S03", "S07").encode(),
    "a comment that is not there": lambda text: text.replace("S03,2,", "S03,902,").encode(),
}


@pytest.mark.parametrize("harm", DAMAGED, ids=list(DAMAGED))
def test_a_damaged_file_gets_a_sentence_and_a_copy_and_the_work_goes_on(tmp_path, harm):
    kept = Codes("graded", tmp_path)
    for number in range(1, 11):
        decide(kept, f"S03-{number}", "not_mind_related")
    found = DAMAGED[harm]((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_bytes(found)
    again = Codes("graded", tmp_path)
    assert "could not be read whole" in again.notice or harm.startswith("cut")
    again.answer("S03-80", 1, False)
    if again.notice:
        assert (tmp_path / "w01_codes_as_found_1.csv").read_bytes() == found
        assert not (tmp_path / "w01_codes_as_found_2.csv").exists()
    healthy = Codes("graded", tmp_path)
    assert healthy.notice == ""
    assert "S03-80" in healthy.coded()


def test_damage_that_cuts_the_last_row_costs_that_row_alone(tmp_path):
    coding.write("graded", {}, others="not_mind_related", folder=tmp_path)
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text[: text.rindex("S03,86") + 8])
    assert len(Codes("graded", tmp_path).coded()) == 85


@pytest.mark.parametrize(
    "save",
    [
        lambda text: "\ufeff".encode() + text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace("plain", "caf\u00e9").encode("cp1252"),
    ],
    ids=["byte-order mark", "semicolons", "tabs", "Windows letters"],
)
def test_a_file_saved_by_a_spreadsheet_program_is_read_without_complaint(tmp_path, save):
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-6", "appropriate")
    kept.set("S03-6", note="plain")
    (tmp_path / FILE).write_bytes(save((tmp_path / FILE).read_text()))
    again = Codes("graded", tmp_path)
    assert again.notice == ""
    assert again.mark("S03-6").code == "appropriate"


def test_a_code_changed_by_hand_counts_more_than_the_steps_beside_it(tmp_path):
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-6", "appropriate", "desire")
    text = (tmp_path / FILE).read_text().replace("appropriate", "non_attuned")
    (tmp_path / FILE).write_text(text)
    assert Codes("graded", tmp_path).mark("S03-6").code == "non_attuned"


# --- read and write in a notebook ---


def test_read_gives_every_comment_and_says_what_is_open(tmp_path, capsys):
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-6", "appropriate", "desire")
    table = coding.read("graded", tmp_path)
    assert len(table) == 86
    assert table["code"].notna().sum() == 1
    assert table.set_index("comment").loc[6, "category"] == "desire"
    assert capsys.readouterr().out.startswith("1 of 86 comments coded.\nNot coded yet: 1, 2, 3")


def test_read_changes_nothing_even_where_the_file_is_damaged(tmp_path):
    (tmp_path / FILE).write_text("session,comment,code\nS03,1,appropriate\nS03,x,appropriate\n")
    coding.read("graded", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_reading_before_coding_is_a_sentence(tmp_path):
    with pytest.raises(codes.NoCodesYet, match=r"no file w01_codes\.csv beside this notebook"):
        coding.read("graded", tmp_path)


def test_reading_a_file_of_another_session_is_a_sentence(tmp_path):
    (tmp_path / FILE).write_text("session,comment,code\nS01,8,appropriate\n")
    with pytest.raises(codes.NoCodesYet, match=r"no code for a comment of session S03.*session S01"):
        coding.read("graded", tmp_path)


def test_practice_comes_with_the_experts_codes_and_the_graded_session_without(tmp_path):
    coding.write("practice", {8: "appropriate"}, folder=tmp_path)
    coding.write("graded", {8: "appropriate"}, folder=tmp_path)
    assert coding.read("practice", tmp_path)["expert_code"].notna().all()
    assert not [c for c in coding.read("graded", tmp_path).columns if "expert" in c or c == "reason"]


def test_write_refuses_what_is_no_code_and_no_comment(tmp_path):
    for wrong in ({8: "fine"}, {999: "appropriate"}):
        with pytest.raises(codes.NotAnAnswer):
            coding.write("graded", wrong, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_class_report_reads_what_the_tool_writes(tmp_path):
    class_codes = pytest.importorskip("dyadlab.grading.class_codes")
    kept = Codes("graded", tmp_path)
    decide(kept, "S03-6", "non_attuned")
    decide(kept, "S03-7", "not_mind_related")
    kept.answer("S03-8", 1, True)
    found = class_codes.collected({"sim01": tmp_path}).codes["sim01"]
    assert found == {6: "non_attuned", 7: "not_mind_related"}


# --- the view, as far as it can be known without a page ---


def test_the_tool_shows_itself_as_a_table_where_nothing_can_be_clicked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = Codes("graded")
    decide(kept, "S03-6", "appropriate", "desire")
    kept.set("S03-6", note="<b>bold</b>")
    tool = coding.code_session("graded")
    shown = tool._repr_mimebundle_()
    bundle = shown[0] if isinstance(shown, tuple) else shown
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].count("<tr>") == 87
    assert "appropriate, desire" in bundle["text/html"]
    assert "&lt;b&gt;bold" in bundle["text/html"]
    assert "SYNTHETIC" in bundle["text/html"]
    assert bundle["text/plain"] == "The graded session: 1 of 86 comments coded."


class Page:
    """Stands in for the page: keeps what the tool sends."""

    def __init__(self, tool):
        self.tool, self.heard, self.count = tool, [], 0
        tool.send = self.heard.append

    def say(self, **message):
        self.count += 1
        self.tool._heard(self.tool, {"id": f"page-{self.count}", **message}, [])
        return self.heard[-1]


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = Page(coding.code_session("graded"))
    opened.say(do="open")
    return opened


def test_the_page_hears_of_a_decision_only_after_it_is_in_the_file(page, tmp_path):
    answer = page.say(do="answer", key="S03-1", answers=[False, "", None])
    assert answer["saved"] and list(answer["marks"]) == ["S03-1"]
    assert rows(tmp_path)[0]["code"] == "not_mind_related"


def test_a_message_that_was_overtaken_by_a_later_one_changes_nothing(page, tmp_path):
    page.say(do="answer", key="S03-1", answers=[True, "desire", True], id="page-9")
    page.say(do="set", key="S03-1", said={"unsure": True}, id="page-10")
    page.say(do="answer", key="S03-1", answers=[True, "desire", None], id="page-8")
    page.say(do="set", key="S03-1", said={"unsure": False}, id="page-7")
    assert (rows(tmp_path)[0]["code"], rows(tmp_path)[0]["unsure"]) == ("appropriate", "1")


def test_messages_handled_by_several_threads_at_once_are_all_saved(page, tmp_path):
    numbers = range(1, 41)
    threads = [
        threading.Thread(target=page.say, kwargs={"do": "answer", "key": f"S03-{n}", "answers": [False, "", None]})
        for n in numbers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {int(row["comment"]) for row in rows(tmp_path)} == set(numbers)
    told = [answer["number"] for answer in page.heard]
    assert told == sorted(told) and len(set(told)) == len(told)


def test_the_page_hears_what_another_copy_decided(page, tmp_path):
    decide(Codes("graded", tmp_path), "S03-5", "appropriate")
    answer = page.say(do="answer", key="S03-1", answers=[False, "", None])
    assert set(answer["marks"]) == {"S03-1", "S03-5"}


def test_a_page_that_opens_again_gets_everything(page):
    page.say(do="answer", key="S03-1", answers=[False, "", None])
    answer = page.say(do="open")
    assert len(answer["marks"]) == 86
    assert answer["go"] == "S03-2"


def test_the_page_hears_why_something_is_not_saved(page, monkeypatch):
    monkeypatch.setattr(codes, "write_whole", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    answer = page.say(do="answer", key="S03-1", answers=[False, "", None])
    assert not answer["saved"]
    assert "No space left" in answer["why"]


@pytest.mark.parametrize(
    "message",
    [
        {"do": "answer", "key": "S03-1", "answers": [True, "", True]},
        {"do": "answer", "key": "nowhere", "answers": [True]},
        {"do": "answer", "key": "S03-1", "answers": []},
        {"do": "set", "key": "S03-1", "said": {"code": "appropriate"}},
        {"do": "set", "key": "S03-1", "said": {"unsure": "perhaps"}},
        {},
    ],
)
def test_a_message_that_makes_no_sense_changes_nothing(page, tmp_path, message):
    page.say(**message)
    assert list(tmp_path.iterdir()) == []


def test_the_graded_tool_sends_no_expert_code_to_the_page():
    from dyadlab.coding.widget import setup

    assert not [item for item in setup(Codes("graded"))["items"] if "expert" in item]
    assert sum("expert" in item for item in setup(Codes("practice"))["items"]) == 10
