"""Is 60 % said 60 % happened? A dot at the mean of each bin with its interval, the diagonal, n under the axis."""

from __future__ import annotations

from tickerml.views.calibration import Bin, Calibration, calibration
from tickerml.views.charts.axes import Area, Picture, corner, value_axis
from tickerml.views.charts.scale import Scale
from tickerml.views.charts.svg import Sheet, number, text_width
from tickerml.views.figures import ENOUGH_TO_CALIBRATE
from tickerml.views.story import Story
from tickerml.views.words import count, whole_percent


def calibration_chart(story: Story) -> Picture | None:
    """The picture; with fewer than 200 settled forecasts only how many were said where. None without any."""
    found = calibration(story)
    if found is None:
        return None
    head = ("said", "mean said", "happened", "95 %", "n")
    table = tuple(_row(b) for b in found.bins)
    sheets = (_draw(story, found, 620), _draw(story, found, 380))
    return Picture("Confidence said and wins that happened", _sentence(found), sheets, head, table)


def _sentence(found: Calibration) -> str:
    kind = "raw confidence" if found.raw else "calibrated confidence"
    if not found.enough:
        return (
            f"Uncalibrated: {found.n} forecasts are settled, needs {ENOUGH_TO_CALIBRATE - found.n} more. "
            f"Shown is only how often each {kind} was said. "
            f"Said {whole_percent(found.said)} on average, happened {whole_percent(found.happened.value)} "
            f"({whole_percent(found.happened.low)} to {whole_percent(found.happened.high)})."
        )
    better = "better" if found.brier < found.brier_floor else "no better"
    within = "no more than" if found.error <= 1.5 * found.error_floor else "more than"
    return (
        f"Dots: what happened when the {kind} was in that tenth, with 95 % intervals; on the diagonal it is true. "
        f"Brier score {found.brier:.3f}, {better} than always saying the base rate ({found.brier_floor:.3f}). "
        f"Calibration error {found.error:.3f}, {within} a perfect forecaster shows with {count(found.n)} "
        f"({found.error_floor:.3f})."
    )


def _draw(story: Story, found: Calibration, width: int) -> Sheet:
    plot = 300 if found.enough else 0
    sheet = Sheet(width, plot + 96)
    area = Area(52, 18, width - 84, 18 + plot)
    x = Scale(0, 1, area.left, area.right)
    if found.enough:
        _dots(sheet, found, area, x)
    _strip(sheet, found, area, x, area.bottom)
    corner(sheet, story)
    return sheet


def _dots(sheet: Sheet, found: Calibration, area: Area, x: Scale) -> None:
    y = Scale(0, 1, area.bottom, area.top)
    marks = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    value_axis(sheet, area, y, marks, [whole_percent(m) for m in marks], zero=-1)
    sheet.line(x(0), y(0), x(1), y(1), "diagonal")
    base = found.happened.value
    sheet.line(area.left, y(base), area.right, y(base), "hold dash")
    sheet.text(area.right + 6, y(base) + 4, f"base {whole_percent(base)}", "mute")
    for b in found.bins:
        sheet.line(x(b.said), y(b.happened.low), x(b.said), y(b.happened.high), "whisker")
        sheet.dot(x(b.said), y(b.happened.value), 4.5, "run-f")


def _strip(sheet: Sheet, found: Calibration, area: Area, x: Scale, top: float) -> None:
    """How many forecasts fell into each tenth, as bars under the axis with n."""
    most = max(b.happened.n for b in found.bins)
    base = top + 62
    for tenth in range(0, 11, 2):
        sheet.text(x(tenth / 10), base + 16, whole_percent(tenth / 10), "mute", "middle")
    sheet.line(area.left, base, area.right, base, "zero")
    for b in found.bins:
        height = 36 * b.happened.n / most
        left, right = x(b.low) + 2, x(b.high) - 2
        sheet.box(left, base - height, right - left, height, "ref")
        label = count(b.happened.n) if text_width(count(b.happened.n)) <= right - left + 6 else number(b.happened.n)
        sheet.text((left + right) / 2, base - height - 4, label, "mute", "middle", 11)
    sheet.text(2, base - 8, "n", "mute")
    sheet.text(2, base + 16, "said", "mute")


def _row(b: Bin) -> tuple[str, ...]:
    happened = b.happened
    return (
        f"{whole_percent(b.low)} to {whole_percent(b.high)}",
        whole_percent(b.said),
        whole_percent(happened.value),
        f"{whole_percent(happened.low)} to {whole_percent(happened.high)}",
        count(happened.n),
    )
