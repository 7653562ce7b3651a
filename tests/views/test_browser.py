"""The page in a real browser: what it asks for, whether it fits, whether its scripts do what they say."""

import re

import browser
import pytest
from stories import COINS, idle, short_run, story

from tickerml.views.page import page

pytestmark = pytest.mark.skipif(
    not browser.found(), reason="no Chromium: set TICKERML_CHROMIUM to its path, or install chromium"
)

LARGE = story(2600, coins=COINS, days=400, cash=100_000, points=40_000)


def said(dom):
    """What the injected script wrote."""
    return re.search(r'<output id="said">(.*?)</output>', dom, re.S).group(1)


def with_script(html, script):
    tail = f"<script>onload=()=>{{const tell=(t)=>document.getElementById('said').textContent=t;{script}}}</script>"
    return html.replace("</body>", f'<output id="said"></output>{tail}</body>')


def test_the_count_sees_requests(tmp_path):
    html = '<!doctype html><img src="http://example.invalid/a.png"><script src="https://example.invalid/b.js"></script>'
    assert browser.visit(tmp_path, html).requests == ["http://example.invalid/a.png", "https://example.invalid/b.js"]


def test_no_request_leaves_the_page(tmp_path):
    seen = browser.visit(tmp_path, page(LARGE))
    assert "<h1>psc on 6 coins" in seen.dom
    assert seen.requests == []


def test_the_policy_stops_what_is_smuggled_in(tmp_path):
    html = page(short_run()).replace("</main>", '<img src="http://example.invalid/a.png"></main>')
    assert browser.visit(tmp_path, html).requests == []


def test_it_fits_narrow_screens(tmp_path):
    """In frames of three widths: nothing is wider than the screen, and each shows the drawing made for it."""
    script = """
        const seen = (s) => s.getBoundingClientRect().width > 0;
        const shown = (c) => [...document.querySelectorAll('svg.' + c)].some(seen);
        const fits = document.documentElement.scrollWidth <= document.documentElement.clientWidth;
        const found = [innerWidth, fits, shown('wide'), shown('narrow')];
        parent.postMessage(found.join(' '), '*');
    """
    (tmp_path / "inner.html").write_text(with_script(page(LARGE), script), "utf-8")
    frames = "".join(
        f'<iframe src="inner.html" style="width:{w}px;height:900px;border:0"></iframe>' for w in (320, 390, 768)
    )
    script = "<script>onmessage=(e)=>said.textContent+=e.data+','</script>"
    seen = browser.visit(tmp_path, f'<!doctype html><output id="said"></output>{script}{frames}')
    found = sorted(said(seen.dom).rstrip(",").split(","))
    assert found == ["320 true false true", "390 true false true", "768 true true false"]


def test_dark_and_light_come_from_the_reader(tmp_path):
    script = (
        "tell(getComputedStyle(document.body).backgroundColor+getComputedStyle(document.querySelector('.run')).stroke)"
    )
    html = with_script(page(story(81)), script)
    assert said(browser.visit(tmp_path, html).dom) == "rgb(255, 255, 255)rgb(0, 114, 178)"
    assert said(browser.visit(tmp_path, html, dark=True).dom) == "rgb(15, 20, 25)rgb(86, 180, 233)"


def test_the_crosshair_reads_the_drawn_values(tmp_path):
    script = """
        const svg = document.querySelector('svg.wide[data-unit=growth]');
        const box = svg.getBoundingClientRect(), right = Number(svg.dataset.box.split(',')[1]);
        const x = box.left + right / svg.viewBox.baseVal.width * box.width;
        svg.dispatchEvent(new PointerEvent('pointermove', {clientX: x, clientY: box.top + 50}));
        tell(svg.parentNode.querySelector('.cross').textContent);
    """
    text = said(browser.visit(tmp_path, with_script(page(story(81)), script)).dom)
    assert text == "2026-08-02 00:00 UTC   hold, scaled -0.40 %   this run -1.3 %"


def test_the_keyboard_moves_the_crosshair(tmp_path):
    script = """
        const svg = document.querySelector('svg.wide[data-unit=price]');
        for (const key of ['ArrowRight', 'ArrowLeft', 'ArrowLeft'])
            svg.dispatchEvent(new KeyboardEvent('keydown', {key}));
        const first = svg.parentNode.querySelector('.cross').textContent;
        svg.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}));
        tell(first + '|' + svg.parentNode.querySelector('.cross').textContent);
    """
    text = said(browser.visit(tmp_path, with_script(page(story(81)), script)).dom)
    assert re.fullmatch(r"2026-08-01 \d\d:\d\d UTC   price [\d,.]+\|", text)


def test_explore_unpacks_plotly_on_a_click_and_asks_for_nothing(tmp_path):
    pytest.importorskip("plotly", reason="plotly is not installed (extra `plot`)")
    script = """
        document.getElementById('open-explore').click();
        setInterval(() => tell(document.querySelectorAll('#zoom .main-svg').length + ' ' +
            document.querySelectorAll('#zoom .scatter').length), 100);
    """
    seen = browser.visit(tmp_path, with_script(page(short_run(), explore=True), script), wait_ms=15_000)
    drawn, lines = map(int, said(seen.dom).split())
    assert drawn >= 1
    assert lines >= 3
    assert seen.requests == []


def test_a_run_that_did_not_trade_has_no_script_error(tmp_path):
    html = with_script(page(idle()), "tell(window.failed || 'whole')").replace(
        "<head>", "<head><script>onerror=(e)=>window.failed=String(e)</script>"
    )
    assert said(browser.visit(tmp_path, html).dom) == "whole"
