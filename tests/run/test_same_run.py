"""A run folder goes on with the run that it holds only: another source, range or code is refused and named."""

import shutil
from decimal import Decimal
from types import SimpleNamespace

import pytest

from small_bars import minutes
from small_runs import settings
from tickerml.run.backtest import backtest
from tickerml.run.pending import Pending
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.replay import replay
from tickerml.run.sources import open_source
from tickerml.tape.errors import RunError
from tickerml.tape.importers.options import Options
from tickerml.tape.rows import MINUTE
from tickerml.tape.store import write_store

OWN = """
from dataclasses import dataclass

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Pass

@dataclass(frozen=True)
class Quiet:
    drop: float = 0.02
    wake = Every("1m")
    sees = ()

    def decide(self, view):
        return Pass("quiet")
"""
FIRST = 1_704_067_200_000_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(minutes(60), root)
    return root


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "quiet.py"
    path.write_text(OWN)
    return path


def made(own, store, folder, timerange=None, config=None, **more):
    tape = open_source(str(store), timerange=timerange, options=more.pop("options", Options()))
    return backtest(str(own), tape, config=config or settings(), run_dir=folder, leaks=False, **more)


def broken_off(folder):
    """As a kill leaves it that came before the first rows were written."""
    shutil.rmtree(folder / "journal")


def refused(*args, **named):
    with pytest.raises(RunError) as told:
        made(*args, **named)
    assert told.value.code == "run-differs"
    return str(told.value)


@pytest.mark.parametrize("early", [True, False])
def test_another_range_is_refused_with_both(own, store, tmp_path, early):
    to = FIRST + 40 * MINUTE
    first = made(own, store, tmp_path / "k", timerange=(FIRST, to))
    if early:
        broken_off(tmp_path / "k")
    before = (tmp_path / "k" / "run.json").read_bytes()
    said = refused(own, store, tmp_path / "k", timerange=(FIRST, to - 10 * MINUTE))
    assert f"timerange {FIRST // 10**6}-{to // 10**6} -> {FIRST // 10**6}-{(to - 10 * MINUTE) // 10**6}" in said
    assert "-> all" in refused(own, store, tmp_path / "k")
    assert (tmp_path / "k" / "run.json").read_bytes() == before
    again = made(own, store, tmp_path / "k", timerange=(FIRST, to))
    assert again.manifest["decision_hash"] == first.manifest["decision_hash"]
    assert f"--timerange {FIRST // 10**6}-{to // 10**6}" in again.manifest["command"]


def test_the_same_rows_from_another_place_or_with_other_options_are_another_run(own, store, tmp_path):
    made(own, store, tmp_path / "k")
    shutil.copytree(store, tmp_path / "copy")
    assert f"source {store} -> {tmp_path / 'copy'}" in refused(own, tmp_path / "copy", tmp_path / "k")
    said = refused(own, store, tmp_path / "k", options=Options(venue="binance"))
    assert "source option venue none -> binance" in said


def test_a_strategy_file_that_was_edited_is_refused(own, store, tmp_path):
    made(own, store, tmp_path / "k")
    broken_off(tmp_path / "k")
    own.write_text(OWN.replace('Pass("quiet")', 'Pass("still")'))
    assert "the code of quiet, which was changed since" in refused(own, store, tmp_path / "k")
    own.write_text(OWN.replace("0.02", "0.03"))
    assert "quiet.drop 0.02 -> 0.03" in refused(own, store, tmp_path / "k")


def test_a_replay_says_that_the_strategy_file_was_edited(own, store, tmp_path):
    """Another answer is then no fault of the program: compare and a restart say so, too."""
    made(own, store, tmp_path / "k")
    assert replay(tmp_path / "k").notes == ()
    own.write_text(OWN.replace('Pass("quiet")', 'Pass("still")'))
    found = replay(tmp_path / "k")
    assert (found.identical, found.notes) == (False, ("the code of quiet was changed since the run was made",))


@pytest.fixture
def helped(own):
    """The same with what it says in a file of a file beside it."""
    own.write_text(OWN.replace('Pass("quiet")', "Pass(helper.word())").replace("from data", "import helper\nfrom data"))
    own.with_name("helper.py").write_text("import words\n\ndef word():\n    return words.WORD\n")
    own.with_name("words.py").write_text('WORD = "quiet"\n')
    return own


def test_a_file_that_the_strategy_imports_is_its_code(helped, store, tmp_path):
    made(helped, store, tmp_path / "k")
    broken_off(tmp_path / "k")
    before = (tmp_path / "k" / "run.json").read_bytes()
    runs = settings(data={"runs": str(tmp_path / "runs")})
    first = made(helped, store, None, config=runs)
    helped.with_name("words.py").write_text('WORD = "still"\n')
    assert "the code of quiet, which was changed since" in refused(helped, store, tmp_path / "k")
    assert (tmp_path / "k" / "run.json").read_bytes() == before
    assert made(helped, store, None, config=runs).path != first.path  # without a name it is another run
    assert replay(first.path).first_difference["recorded"]["figures"]["reason"] == "quiet"


def test_a_run_from_before_imports_counted_goes_on_with_its_file(helped, store, tmp_path):
    first = made(helped, store, tmp_path / "k")
    manifest = read_manifest(tmp_path / "k")
    write_manifest(tmp_path / "k", manifest | {"code": manifest.pop("code_files")})
    assert made(helped, store, tmp_path / "k").manifest["decision_hash"] == first.manifest["decision_hash"]
    assert replay(tmp_path / "k").identical
    helped.write_text(helped.read_text() + "\n# edited\n")
    assert "the code of quiet, which was changed since" in refused(helped, store, tmp_path / "k")


def test_every_setting_that_differs_is_named_once(own, store, tmp_path):
    made(own, store, tmp_path / "k")
    said = refused(own, store, tmp_path / "k", config=settings(fees={"taker": 0.002}), cash=Decimal(7), seed=3)
    assert "cash 10000 -> 7; seed 0 -> 3; fees.taker 0.0005 -> 0.002" in said
    other = own.with_name("other.py")
    other.write_text(OWN.replace("Quiet", "Other"))
    assert "strategy quiet -> other" in refused(other, store, tmp_path / "k")


def test_rows_that_come_out_otherwise_name_the_run_to_replay():
    known = Pending([minutes(3).held[0]], "tickerml replay runs/k1")
    with pytest.raises(RunError) as told:
        known.match(minutes(3, seed=4).held[0])
    assert told.value.try_ == "tickerml replay runs/k1"


def test_the_advice_is_a_replay_only_where_the_source_can_be_opened_again(tmp_path):
    from tickerml.run.drive import _advice

    folder = tmp_path / "my run"
    assert _advice(SimpleNamespace(source={"spec": "s"}, folder=folder)).startswith(f"tickerml replay '{folder}'")
    assert "--run-dir" in _advice(SimpleNamespace(source={}, folder=folder))


@pytest.mark.parametrize(
    ("told", "what"), [("{}", "a sweep"), ('{"tune": {}}', "a tune"), ('{"walkforward": {}}', "a walkforward")]
)
def test_a_run_does_not_go_into_the_folder_of_a_search(own, store, tmp_path, told, what):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "sweep.json").write_text(told)
    assert f"holds {what}" in refused(own, store, folder)
    assert [path.name for path in folder.iterdir()] == ["sweep.json"]


def test_rows_that_come_out_otherwise_leave_the_run_as_it_was(store, tmp_path):
    word, path = tmp_path / "word.txt", tmp_path / "quiet.py"
    path.write_text(OWN.replace('Pass("quiet")', f"Pass(__import__('pathlib').Path({str(word)!r}).read_text())"))
    word.write_text("calm")
    made(path, store, tmp_path / "k")
    before = (tmp_path / "k" / "run.json").read_bytes()
    word.write_text("loud")
    refused(path, store, tmp_path / "k")
    assert (tmp_path / "k" / "run.json").read_bytes() == before
