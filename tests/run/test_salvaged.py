"""A run with a damaged journal is saved as one that was broken off at the damage: it replays, and it goes on."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from small_runs import market, settings
from small_strategies import Churn
from tickerml.cli.app import run as run_command
from tickerml.run.paper import paper
from tickerml.run.record import JOURNAL, RunTape, read_manifest
from tickerml.run.replay import replay
from tickerml.run.result import open_run
from tickerml.run.salvaged import salvage_run
from tickerml.run.sources import open_source
from tickerml.tape.errors import InputError, JournalError
from tickerml.tape.journal import Verdict, verify
from tickerml.tape.store import write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(market("busy", minutes=3, rows=9000), root)
    return root


def made(store, folder):
    source = {"spec": str(store), "format": None, "timerange": None}
    return paper(Churn(), open_source(str(store)), config=settings(), run_dir=folder, source=source)


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    return made(store, tmp_path_factory.mktemp("runs") / "night")


@pytest.fixture
def damaged(whole, tmp_path):
    """The run with one bit of its journal turned, half way."""
    folder = tmp_path / "night"
    shutil.copytree(whole.path, folder)
    (segment,) = sorted((folder / JOURNAL).glob("*.seg"))
    held = bytearray(segment.read_bytes())
    held[len(held.rstrip(b"\0")) // 2] ^= 4
    segment.write_bytes(held)
    return folder


def rows(run):
    return b"".join(block.to_bytes() for block in run.tape.blocks())


def test_what_is_whole_replays_and_goes_on_to_the_same_end(whole, damaged, store, tmp_path):
    before = {path.name: path.read_bytes() for path in damaged.rglob("*") if path.is_file()}
    saved = tmp_path / "saved"
    found = salvage_run(damaged, saved)
    assert found.problem is not None
    assert {path.name: path.read_bytes() for path in damaged.rglob("*") if path.is_file()} == before
    short = open_run(saved)
    assert 0 < len(rows(short)) < len(rows(whole))
    answer = replay(saved, chunk=7)
    assert answer.identical, answer.lines()
    assert answer.decisions > 0
    assert answer.notes == ("the run was broken off here: the command that started it goes on with it",)
    run = made(store, saved)
    assert run.manifest["decision_hash"] == whole.manifest["decision_hash"]
    assert run.tape.content_hash() == whole.tape.content_hash()
    assert verify(saved / JOURNAL).verdict is Verdict.SOUND
    assert replay(saved).identical


def test_it_has_the_manifest_of_a_run_that_was_broken_off(whole, damaged, store, tmp_path, monkeypatch):
    salvage_run(damaged, tmp_path / "saved")
    told = read_manifest(tmp_path / "saved")

    def fails(self, view, outcome):
        raise ValueError("not this")

    monkeypatch.setattr(Churn, "on_settled", fails)
    with pytest.raises(InputError):
        made(store, tmp_path / "broken")
    broken = read_manifest(tmp_path / "broken")
    assert set(told) == set(broken)
    assert set(told["source"]) == set(broken["source"])
    assert told["run"] == "saved"
    assert told["notes"][-1].startswith("Salvaged from a damaged journal: it ends at sequence ")
    assert told["notes"][:-1] == whole.manifest["notes"]


def test_saved_twice_it_tells_of_the_last_damage_alone(damaged, tmp_path):
    salvage_run(damaged, tmp_path / "one")
    (first, *_) = sorted((tmp_path / "one" / JOURNAL).glob("*.seg"))
    held = bytearray(first.read_bytes())
    held[4096 + 40] ^= 1
    first.write_bytes(held)
    salvage_run(tmp_path / "one", tmp_path / "two")
    notes = [one for one in read_manifest(tmp_path / "two")["notes"] if one.startswith("Salvaged")]
    assert len(notes) == 1
    assert "sequence 0" in notes[0]
    assert not list(RunTape(tmp_path / "two", open_run(tmp_path / "two").tape.header).blocks())


def test_a_sound_run_is_copied_with_its_end(whole, tmp_path):
    salvage_run(whole.path, tmp_path / "copy")
    assert read_manifest(tmp_path / "copy") == {**read_manifest(whole.path), "run": "copy"}
    assert replay(tmp_path / "copy").identical


def test_a_journal_alone_gives_a_journal_alone(whole, damaged, tmp_path):
    salvage_run(damaged / JOURNAL, tmp_path / "saved")
    assert not (tmp_path / "saved" / "run.json").exists()
    assert verify(tmp_path / "saved").verdict is Verdict.SOUND
    (damaged / "run.json").unlink()
    salvage_run(damaged, tmp_path / "bare")
    assert [one.name for one in (tmp_path / "bare").iterdir()] == [JOURNAL]


def test_nothing_is_written_over_and_a_broken_manifest_is_told(damaged, tmp_path):
    salvage_run(damaged, tmp_path / "saved")
    with pytest.raises(JournalError, match="There is a journal"):
        salvage_run(damaged, tmp_path / "saved")
    (damaged / "run.json").write_text(json.dumps([1])[:-1])
    with pytest.raises(InputError):
        salvage_run(damaged, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_advice_for_a_damaged_run_saves_a_run(damaged, monkeypatch, capsys):
    """It named the journal in the run's folder, which gave a journal that no command could compute again."""
    bought = damaged.rename(damaged.with_name("bought here"))
    monkeypatch.chdir(bought.parent)
    for folder in (Path(bought.name), bought):
        assert run_command(["replay", str(folder)]) == 1
        advice = capsys.readouterr().err.split("try:")[1].strip().splitlines()[0]
        assert advice == f"tickerml journal salvage '{folder}' --out '{folder}-salvaged'"
        assert run_command(shlex.split(advice)[1:]) == 0
        assert run_command(["replay", f"{folder}-salvaged"]) == 0
        shutil.rmtree(f"{folder}-salvaged")
        capsys.readouterr()


def test_where_the_manifest_is_damaged_too_the_journal_can_be_saved(damaged, tmp_path, capsys):
    (damaged / "run.json").write_text('{"run": "night"}')
    assert run_command(["journal", "salvage", str(damaged), "--out", str(tmp_path / "saved")]) == 2
    said = capsys.readouterr().err
    assert "error[not-a-run]" in said
    assert 'it has no "mode"' in said
    assert not (tmp_path / "saved").exists()
    advice = shlex.split(said.split("try:")[1].strip().splitlines()[0])
    assert advice[1:] == ["journal", "salvage", str(damaged / JOURNAL), "--out", str(tmp_path / "saved")]
    assert run_command(advice[1:]) == 0
    assert "it is a journal alone: without the run.json of its run" in capsys.readouterr().out
    assert verify(tmp_path / "saved").verdict is Verdict.SOUND


def without(key):
    """A change that takes a key, of the source where a dot leads to it, out of a manifest."""
    first, _, inner = key.partition(".")

    def change(told):
        told[first].pop(inner) if inner else told.pop(first)
        return told

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: [1, 2], "it holds no object"),
        (lambda told: {"run": "dmg2"}, 'it has no "mode"'),
        *((without(key), f'it has no "{key}"') for key in ("config", "strategies", "source", "source.instruments")),
        (lambda told: {**told, "pairs": 3}, '"pairs" in it is not a list'),
        (lambda told: {**told, "strategies": ["dca"]}, '"strategies[0]" in it is'),
        (lambda told: {**told, "strategies": [{"name": "dca"}]}, 'it has no "strategies[0].source"'),
    ],
)
def test_a_manifest_of_another_shape_is_no_run(whole, change, said, tmp_path, capsys):
    folder = tmp_path / "other"
    shutil.copytree(whole.path, folder)
    (folder / "run.json").write_text(json.dumps(change(dict(read_manifest(whole.path)))))
    name, out = str(folder), str(tmp_path / "x")
    for words in (["why", name], ["replay", name], ["report", name], ["journal", "salvage", name, "--out", out]):
        assert run_command(words) == 2, words
        told = " ".join(capsys.readouterr().err.split())
        assert "error[not-a-run]" in told
        assert said in told
        assert "run.json" in told
    assert not Path(out).exists()
