"""The page in a browser: it sorts, filters and folds, asks for nothing, and complains of nothing."""

import shutil

import pytest

from respine.report.page import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = [p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p]
    if not found:
        pytest.skip("no Chromium on this machine: the report is not looked at in a browser")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        chromium = driver.chromium.launch(executable_path=found[0], args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def file(make, tmp_path_factory):
    """A page of nine dendrites, one of which never changes."""
    content = make(n_subjects=3, n_dendrites=3, length_um=30.0)
    spines = content.tables["spines"].copy()
    spines.loc[(spines["subject"] == "m2") & (spines["dendrite"] == "d3"), "visible"] = True
    content = make(n_subjects=3, n_dendrites=3, length_um=30.0, tables=content.tables | {"spines": spines})
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(write_report(content), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, file):
    """The page, opened; fails the test where it wrote to the console, raised an error or asked for anything else."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert [line for line in heard if not line.startswith("data:image/png;base64,")] == [file.as_uri()]


def column(page, table, index):
    script = "(rows, i) => rows.filter(r => !r.hidden).map(r => r.cells[i].dataset.v)"
    return page.locator(table).locator("tbody tr").evaluate_all(script, index)


def test_a_table_sorts_both_ways_by_number(opened):
    table = "table[data-rows=pairs]"
    heads = opened.locator(f"{table} thead th").all_inner_texts()
    index = next(i for i, text in enumerate(heads) if text.startswith("formation"))
    button = opened.locator(f"{table} thead th").nth(index).locator("button")
    button.click()
    rising = [float(v) for v in column(opened, table, index)]
    assert rising == sorted(rising)
    assert len(set(rising)) > 2
    button.press("Enter")
    assert [float(v) for v in column(opened, table, index)] == rising[::-1]
    assert opened.locator(f"{table} thead th[aria-sort]").count() == 1


def test_missing_values_sort_last_both_ways(opened):
    grid = opened.locator("#sessions table").first
    head = grid.get_by_role("button", name="residual (µm)", exact=True)
    index = head.evaluate("button => button.closest('th').cellIndex")
    for _ in range(2):
        head.click()
        values = grid.locator("tbody tr").evaluate_all("(rows, i) => rows.map(r => r.cells[i].dataset.v)", index)
        assert values == ["0.32"] * 9 + [""] * 3


def test_pairs_of_sessions_filter(opened):
    table = "table[data-rows=pairs]"
    shown = opened.locator('[data-shown="pairs"]')
    assert (len(column(opened, table, 0)), shown.inner_text()) == (9, "9 of 18 rows shown")
    opened.get_by_label("only consecutive sessions").uncheck()
    assert (len(column(opened, table, 0)), shown.inner_text()) == (18, "18 of 18 rows shown")


def test_dendrites_without_changes_can_be_hidden(opened):
    shown = opened.locator('[data-shown="changes"]')
    assert shown.inner_text() == "9 of 9 dendrites shown"
    opened.get_by_label("only dendrites with changes").check()
    assert shown.inner_text() == "8 of 9 dendrites shown"
    hidden = opened.locator("article.dendrite[hidden]")
    assert hidden.get_attribute("data-changes") == "0"
    assert not hidden.is_visible()


def test_marks_can_be_taken_off_the_pictures(opened):
    marks = opened.locator(".strip .marks").first
    assert marks.is_visible()
    opened.get_by_label("marks on the pictures").uncheck()
    assert not marks.is_visible()


def test_pointing_at_a_spine_lights_it_up_in_all_sessions(opened):
    mark = opened.locator(".strip .marks use.present").nth(3)
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    spine = mark.get_attribute("data-s")
    lit = opened.locator("use.hot")
    assert lit.count() >= 5
    assert set(lit.evaluate_all("all => all.map(one => one.dataset.s)")) == {spine}


def test_animals_fold_and_unfold(opened):
    opened.get_by_role("button", name="Fold all", exact=True).click()
    assert opened.locator("details.animal[open]").count() == 0
    opened.get_by_role("button", name="Unfold all").click()
    assert opened.locator("details.animal[open]").count() == 3


@pytest.mark.parametrize(("media", "width"), [("screen", 1400), ("screen", 700), ("screen", 360), ("print", 703)])
def test_the_page_is_never_wider_than_its_window(opened, media, width):
    # A4 with margins of 12 mm is 703 px wide.
    opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    opened.emulate_media(media=media)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_pictures_are_drawn_and_marks_lie_over_them(opened):
    opened.locator(".strip img").first.scroll_into_view_if_needed()
    decode = "async (picture) => { await picture.decode(); return picture.naturalWidth; }"
    assert opened.locator(".strip img").first.evaluate(decode) > 100
    boxes = opened.evaluate(
        "() => { const strip = document.querySelector('.strip'); return [strip.querySelector('img'), "
        "strip.querySelector('.marks')].map(e => { const b = e.getBoundingClientRect(); "
        "return [b.x, b.y, b.width, b.height].map(Math.round); }); }"
    )
    assert boxes[0] == boxes[1]


def test_a_keyboard_reaches_what_can_be_used(opened):
    reached = set()
    for _ in range(25):
        opened.keyboard.press("Tab")
        reached.add(opened.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
    assert {"A.skip", "INPUT.", "BUTTON."} <= reached
    assert any(name.startswith("DIV.scroll") for name in reached)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened, scheme):
    opened.emulate_media(color_scheme=scheme)
    script = """() => {
      const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => {
        v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(", 0)")) return c; }
        return "rgb(255, 255, 255)"; };
      const worst = {};
      for (const e of document.querySelectorAll("p, small, th, td, h2, h3, dt, dd, a, summary, .kind, figcaption, b")) {
        if (!e.textContent.trim() || !e.checkVisibility()) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) worst[`${e.tagName}.${e.className}`] = ratio;
      }
      return worst;
    }"""
    assert opened.evaluate(script) == {}
