"""The template of errors, letter for letter, and the closed list of codes with their pages."""

import ast
import io
import re
from pathlib import Path

import pytest

import tickerml
from tickerml.cli import errors
from tickerml.cli.terminal import Terminal
from tickerml.tape.errors import ConfigError, InputError, Where

SOURCE = Path(tickerml.__file__).parent
RAISED = {"TickerMLError", "InputError", "ConfigError", "JournalError", "RunError"}
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def drawn(error, *, colour=False, width=100, level="error"):
    stream = io.StringIO()
    errors.render(error, Terminal(stream, animate=False, colour=colour, ascii=False, width=width), level)
    return stream.getvalue()


def test_the_template():
    where = Where("config.yaml", 12, 3, "  max_opne_positions: 5", 18, "did you mean max_open_positions?")
    error = ConfigError("config-key", '"max_opne_positions" is not a setting', where=where)
    second = Where("config.yaml", 14, 14)
    also = ConfigError("config-range", "risk.per_trade is 0.2", where=second, means="2 problems, nothing was started")
    error.more = (also,)
    assert drawn(error) == (
        'error[config-key]: "max_opne_positions" is not a setting\n'
        "  --> config.yaml:12:3\n"
        "   12 |   max_opne_positions: 5\n"
        "      |   ^^^^^^^^^^^^^^^^^^ did you mean max_open_positions?\n"
        "error[config-range]: risk.per_trade is 0.2\n"
        "  --> config.yaml:14:14\n"
        "  means: 2 problems, nothing was started\n"
    )


def test_a_place_without_its_line_shows_the_note_beside_it():
    where = Where("x.dat.gz", 41207, note="last whole line, 2024-07-24 03:12:55 UTC")
    error = InputError(
        "file-truncated", "x.dat.gz ends in the middle", where=where, means="safe", try_="fetch it again"
    )
    assert drawn(error, level="warning") == (
        "warning[file-truncated]: x.dat.gz ends in the middle\n"
        "  --> x.dat.gz:41207 (last whole line, 2024-07-24 03:12:55 UTC)\n"
        "  means: safe\n"
        "  try:   fetch it again\n"
    )


def test_a_long_line_is_cut_around_the_mark():
    text = "x" * 300 + "BAD" + "y" * 300
    shown = drawn(InputError("c", "m", where=Where("f", 1, 301, text, 3)), width=80).splitlines()
    assert all(len(line) <= 80 for line in shown)
    column = shown[3].index("^^^")
    assert shown[2][column : column + 3] == "BAD"


def test_what_it_means_is_wrapped_and_what_to_try_is_not():
    shown = drawn(InputError("c", "m", means="word " * 40, try_="tickerml " + "x" * 200), width=80).splitlines()
    assert [line[:9] for line in shown[1:4]] == ["  means: ", " " * 9, " " * 9]
    assert max(map(len, shown[1:4])) <= 80
    assert shown[-1] == "  try:   tickerml " + "x" * 200


def test_colour_changes_no_word():
    error = InputError("c", "m", where=Where("f", 1, 1, "\tabc", 3), means="a", try_="b")
    coloured = drawn(error, colour=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == drawn(error)


def literals():
    """Every string literal of the source, docstrings aside, with whether it stands first in a raised error."""
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISED:
                if node.args and isinstance(node.args[0], ast.Constant):
                    yield path, node.args[0].value, True
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value, False


NOT_REASONS = {
    "utf-8",
    "binance-raw",
    "hftbacktest-npz",
    "tickerml-store",
    "binance-usdm",
    "binance-coinm",
    "binance-us",
    "usd-m",
    "usds-m",
    "coin-m",
}
READERS = (SOURCE / "tape" / "importers", SOURCE / "venues")


def counted():
    """Reasons that readers count instead of raising: `data import` names them and points to `explain`.

    Any kebab-case literal in a reader is one, unless it is listed above: a new reason cannot be forgotten.
    """
    for path in (path for folder in READERS for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if "-" in text and KEBAB.fullmatch(text) and text not in NOT_REASONS:
                yield path, text


def test_every_code_has_a_page():
    missing = {(code, path.name) for path, code, raised in literals() if raised and errors.page(code) is None}
    missing |= {(code, path.name) for path, code in counted() if errors.page(code) is None}
    assert not missing, f"write src/tickerml/cli/pages/CODE.md for: {sorted(missing)}"


def test_no_page_without_a_code():
    known = {text for _, text, _ in literals()}
    assert not [code for code in errors.codes() if code not in known]


def test_codes_are_kebab_case():
    assert [code for _, code, raised in literals() if raised and not KEBAB.fullmatch(code)] == []


@pytest.mark.parametrize("code", errors.codes())
def test_a_page_says_what_why_and_what_to_do(code):
    text = errors.page(code)
    assert re.match(r"# [A-Z`\"]", text), "the first line is a title"
    assert len(text.split()) >= 25, "a page says what happened, why, and what to do"
    assert "\n## What to do\n" in text
    assert not re.search(r"\b([Ii]nvalid|[Uu]nexpected|[Pp]lease)\b", text)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "act",
    [lambda path: (path / "a").mkdir(), lambda path: (path / "a" / "b").mkdir(parents=True), lambda path: path.mkdir()],
)
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path, act):
    path = tmp_path / "afile"
    path.touch()
    with pytest.raises(OSError, match="afile") as caught:
        act(path)
    told = errors.translate(caught.value)
    assert (told.code, told.message) == ("file-kind", f"{path} is a file where a folder is needed")
    assert isinstance(told, InputError)


def test_codes_of_the_system_have_pages():
    assert all(errors.page(code) for code, _ in errors._SYSTEM.values())


def test_explain_prints_a_page_and_lists_all(tickerml):
    told = tickerml("explain", "usage")
    assert told.out.startswith("# ")
    listed = tickerml("explain").out
    assert all(f"  {code} " in listed for code in errors.codes())
    told = tickerml("explain", "usagee")
    assert told.code == 2
    assert "tickerml explain usage" in told.err


def test_control_characters_of_others_are_written_out():
    where = Where("a\nb.py", 3, 1, 'x = "\x1b[31m"', 4)
    error = InputError("strategy", "no \x1b[31mluck\nat all", where=where, means="\x07", try_="\x9b")
    told = drawn(error)
    assert "no \\x1b[31mluck\\nat all" in told
    assert all(c.isprintable() or c == "\n" for c in told)
    assert "\x1b[1;31merror" in drawn(error, colour=True)


def test_lines_for_people_have_no_control_characters():
    stream = io.StringIO()
    Terminal.of(stream, env={}).folded("one \x1b[31m\ntwo")
    assert stream.getvalue() == "one \\x1b[31m\ntwo\n"
