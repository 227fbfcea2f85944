"""The page as text: it is valid, loads nothing, escapes everything, and says every number with its denominator."""

import base64
import re
from html.parser import HTMLParser
from itertools import pairwise

import imagecodecs
import numpy as np
import pandas as pd
import pytest

from respine.core.tables import TABLES
from respine.report.content import ReportContent
from respine.report.page import write_report

VOID = {"meta", "br", "img", "input", "link", "hr"}
LOADING = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "formaction", "background", "ping"}


class Page(HTMLParser):
    """Collects elements, checks that they close in order, and keeps the text of each table cell."""

    def __init__(self, html):
        super().__init__()
        self.stack, self.elements, self.problems, self.text, self.rows = [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if self.stack and self.stack[-1] in ("script", "style"):
            return
        self.text.append(data)
        if {"td", "th"} & set(self.stack[-4:]):
            self.rows[-1][-1] += data

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def html(content):
    return write_report(content)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def words(page):
    return re.sub(r"\s+", " ", " ".join(page.text))


def test_elements_close_in_order(page):
    assert (page.problems, page.stack) == ([], [])


def test_the_same_content_gives_the_same_page(content, html):
    assert write_report(content) == html


def test_nothing_is_loaded_from_a_network(page, html):
    for tag, attrs in page.elements:
        for name in LOADING & set(attrs):
            inside = attrs[name].startswith(("data:image/png;base64,", "#"))
            doi = tag == "a" and attrs[name].startswith("https://doi.org/10.")
            assert inside or doi, f"<{tag} {name}={attrs[name][:60]}>"
    assert not page.of("link")
    assert not page.of("iframe")
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    script = re.search(r"<script>(.*?)</script>", html, re.S)[1]
    assert "url(" not in style.replace("url(#", "")
    assert "@import" not in style
    assert not re.search(r"fetch\(|XMLHttpRequest|https?:|import\(", script)
    (policy,) = [a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_every_rate_of_every_dendrite_and_animal_stands_with_its_denominator(page, content):
    rows = [" ".join(re.sub(r"\s+", " ", c).strip() for c in row) for row in page.rows]
    for name in ("turnover", "turnover_by_subject"):
        for row in content.tables[name].to_dict("records"):
            n = row["n_first"]
            wanted = [f"{100 * row['formation']:.1f} % {row['gained']} of {n}"]
            wanted += [f"{100 * row['elimination']:.1f} % {row['lost']} of {n}"]
            wanted += [f"{row['interval_h']:.0f} h"]
            assert any(all(w in shown for w in wanted) for shown in rows), wanted


def test_every_density_stands_with_spines_and_length(page, content):
    rows = [" ".join(re.sub(r"\s+", " ", c).strip() for c in row) for row in page.rows]
    for name in ("density", "density_by_subject"):
        for row in content.tables[name].to_dict("records"):
            wanted = f"{row['density_per_um']:.2f} {row['n_present']} on {row['length_um']:.0f} µm"
            assert any(wanted in shown for shown in rows), wanted


def test_the_head_counts_what_there_is(page, content):
    said = words(page)
    seen = content.tables["spines"].query("visible.fillna(False)")
    n = len(seen[["subject", "fov", "spine"]].drop_duplicates())
    sites = len(content.tables["spines"][["subject", "fov", "spine"]].drop_duplicates())
    assert f"spines {n} seen at least once, of {sites} candidate sites" in said
    assert "animals 2 2 fields of view" in said
    assert "imaging sessions 8 8 of 8 scorable" in said


def test_the_page_says_that_counts_are_raw(page):
    assert "they are not yet corrected for missed spines" in words(page)


@pytest.mark.parametrize("name", ["turnover", "turnover_by_subject", "density", "density_by_subject", "registration"])
def test_a_missing_value_is_a_dash_with_its_reason(make, name):
    content = make()
    frame = content.tables[name].copy()
    optional = [c.name for c in TABLES[name].columns if not c.required and c.name != "reason"]
    frame[optional] = pd.NA
    frame["reason"] = "the laser was off"
    html = write_report(make(tables=content.tables | {name: frame}))
    assert html.count('title="the laser was off"') >= len(frame) * 3
    for word in ("nan", "NaN", "NA", "None", "inf", "null"):
        assert not re.search(rf">\s*−?{word}\s*<|&lt;{word}&gt;", html), word


def test_a_value_that_is_missing_everywhere_is_nowhere_zero(make):
    content = make()
    frame = content.tables["turnover_by_subject"].copy()
    frame[["formation", "elimination", "turnover", "net", "survival_fraction"]] = pd.NA
    page = Page(write_report(make(tables={"turnover_by_subject": frame})))
    assert not [c for row in page.rows for c in row if re.search(r"\d %", c)]


NASTY = """<script>alert("1")</script>&'"><img src=x onerror=alert(1)>"""


def test_names_are_escaped_wherever_they_stand(make):
    content = make(n_subjects=1, n_dendrites=1)
    swap = {"m1": "m1" + NASTY, "fov1": "fov1" + NASTY, "d1": "d1" + NASTY, "s1": "s1" + NASTY, "vehicle": NASTY}
    swap |= {name: name + NASTY for name in content.tables["spines"]["spine"].unique()}

    def nasty(frame):
        texts = [c for c in frame.columns if c in ("subject", "fov", "dendrite", "spine", "treatment", "phase")]
        texts += [c for c in frame.columns if c.startswith("session")]
        changed = {c: frame[c].astype(object).map(lambda v: swap.get(v, v)) for c in texts}
        if "reason" in frame:
            changed["reason"] = NASTY
        return frame.assign(**changed)

    crop = content.crops[0]
    sessions = tuple(swap.get(s, s) for s in crop.sessions)
    evil = ReportContent(
        study=NASTY,
        tables={name: nasty(frame) for name, frame in content.tables.items()},
        subjects=nasty(content.subjects).rename(columns={"treatment": "treat" + NASTY}),
        sessions=nasty(content.sessions),
        crops=(type(crop)(**(vars(crop) | {k: swap[getattr(crop, k)] for k in ("subject", "fov", "dendrite")}
                             | {"sessions": sessions})),),
        marks=nasty(content.marks),
        settings={"stage" + NASTY: {"key" + NASTY: NASTY}},
        provenance={"inputs": [{NASTY: [NASTY, 1]}]},
    )  # fmt: skip
    html = write_report(evil)
    page = Page(html)
    assert len(page.of("script")) == 1
    assert all(a["src"].startswith("data:image/png") for a in page.of("img"))
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert (page.problems, page.stack) == ([], [])
    assert html.count("&lt;script&gt;alert(&#34;1&#34;)") > 100
    assert len(page.of("img")) == 4


def test_a_mark_lies_on_its_spot(make):
    """One bright spot left of the shaft: its mark lies at the same place of the picture, in the upper half."""
    content = make(n_subjects=1, n_dendrites=1)
    crop = content.crops[0]
    images = np.zeros_like(crop.images)
    row, column = 45, 200
    images[:, row, column] = 9.0
    x = crop.position_start_um + column * crop.position_step_um
    y = crop.lateral_start_um + row * crop.lateral_step_um
    crop = type(crop)(**(vars(crop) | {"images": images}))
    page = Page(write_report(make(n_subjects=1, n_dendrites=1, crops=(crop,),
                                  marks=content.marks.assign(position_um=x, lateral_um=y))))  # fmt: skip
    picture = imagecodecs.png_decode(base64.b64decode(page.of("img")[0]["src"].partition(",")[2]))
    spot = np.array(np.unravel_index(picture.argmax(), picture.shape)) + 0.5
    box = next(a["viewbox"] for a in page.of("svg") if a.get("class") == "marks")
    left, top, width, height = map(float, box.split())
    mark = next(a for a in page.of("use") if "data-s" in a and a["class"] == "present")
    share = np.array([(float(mark["y"]) - top) / height, (float(mark["x"]) - left) / width])
    np.testing.assert_allclose(share * picture.shape, spot, atol=0.1)
    assert share[0] < 0.5


def test_pictures_are_described_and_wait_until_they_are_looked_at(page):
    pictures = page.of("img")
    assert len(pictures) >= 2 * 2 * 4
    assert all(a["alt"] and a["loading"] == "lazy" for a in pictures)
    first = pictures[0]["alt"]
    assert re.fullmatch(
        r"Dendrite d1, 0 to 50 µm, session s0: \d+ spines seen, of them 0 gained; 0 lost; 0 not scorable", first
    )


def test_the_page_is_made_for_screen_readers(page):
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels)), levels
    assert len(page.of("caption")) == len(page.of("table")) > 5
    assert all("scope" in a for a in page.of("th"))
    assert all(a.get("title") for a in page.of("th") if a["scope"] == "col")
    assert all(a.get("role") == "img" or a.get("aria-hidden") for a in page.of("svg"))
    identities = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identities) == len(set(identities))
    links = {a["href"][1:] for a in page.of("a") if a["href"].startswith("#")}
    assert links <= set(identities)


def test_marks_differ_by_shape_and_not_by_colour_alone(page):
    used = {a["href"] for a in page.of("use")}
    assert {"#gained", "#lost", "#stable", "#unscorable"} <= used
    shapes = {a["id"]: (tag, a.get("d"), a.get("r")) for tag, a in page.elements if "#" + a.get("id", "") in used}
    assert len({shapes[name] for name in ("gained", "lost", "stable", "unscorable", "absent")}) == 5


def test_settings_and_provenance_are_there_in_full(page):
    said = words(page)
    for text in ("search_um 12.0", "block_um 16, 16, 8", "sha256 ab12", "seed 7"):
        assert text in said


@pytest.mark.parametrize("value", [None, float("nan"), True, 1e-9, [], {}, (1, None), [[1, 2], [3]]], ids=str)
def test_any_setting_can_be_shown(make, value):
    html = write_report(make(tables={}, crops=(), settings={"stage": {"key": value}}))
    assert "<dt>key</dt>" in html


def test_an_empty_study_says_what_is_not_there(make):
    said = words(Page(write_report(make(tables={}, crops=()))))
    for text in (
        "No rate and no density could be computed",
        "No two sessions could be compared.",
        "No session was registered.",
        "No dendrite was traced.",
    ):
        assert text in said


def test_a_session_that_stands_out_is_named_with_its_number(page):
    said = words(page)
    assert "m1 · fov1 · s2 dim brightness 60 is 0.43 of the field's median (140)." in said
    assert "Read with care: s2 (dim, noisy" in said


def test_a_study_of_many_dendrites_opens_folded(make, html):
    folded = write_report(make(n_subjects=2, n_dendrites=7, length_um=10.0))
    assert folded.count('<details class="animal">') == 2
    assert html.count('<details class="animal" open>') == 2


def test_a_large_study_stays_small(make):
    """A twelfth of 8 animals x 12 dendrites x 6 sessions, so at most a twelfth of 30 MB."""
    html = write_report(make(n_subjects=1, n_dendrites=8, n_sessions=6, length_um=47.0))
    assert len(html.encode()) < 30e6 / 12
