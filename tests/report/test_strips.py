"""Pictures: nothing of a dendrite is lost or shown twice, and the grey levels say what the image says."""

import base64
from itertools import pairwise

import imagecodecs
import numpy as np
import pytest

from respine.report.content import DendriteCrop
from respine.report.strips import LARGE_PIXELS, choose_levels, encode_png, pictures_of, spans_of, stretch


def crop_of(images, step_um=0.1, start_um=0.0):
    return DendriteCrop(
        "m", "f", "d", tuple(f"s{k}" for k in range(len(images))), images, start_um, step_um, -1.0, 0.1
    )  # fmt: skip


@pytest.mark.parametrize(("length_um", "n"), [(5, 1), (40, 1), (60, 1), (62, 1), (70, 2), (120, 2), (130, 3), (400, 7)])
def test_pieces_tile_the_dendrite(length_um, n):
    spans = spans_of(crop_of(np.zeros((1, 3, length_um * 10)), start_um=0.05))
    assert len(spans) == n
    assert (spans[0].first, spans[-1].last) == (0, length_um * 10)
    assert all(a.last == b.first for a, b in pairwise(spans))
    assert sum(s.length_um for s in spans) == pytest.approx(length_um)
    assert spans[0].start_um == pytest.approx(0.0)
    assert max(s.page_share for s in spans) <= 1 + 1e-9


def test_pieces_of_a_dendrite_are_drawn_at_one_scale():
    spans = spans_of(crop_of(np.zeros((1, 3, 1301))))
    assert len({round(s.page_share / s.length_um, 6) for s in spans}) == 1


def test_a_short_dendrite_is_not_blown_up():
    (span,) = spans_of(crop_of(np.zeros((1, 3, 100))))
    assert span.page_share == pytest.approx(10 / 40)


@pytest.mark.parametrize("x", [-3.0, 0.0, 34.99, 35.0, 35.01, 70.0, 75.0])
def test_every_position_belongs_to_one_piece(x):
    spans = spans_of(crop_of(np.zeros((1, 3, 700))))
    assert sum(span.holds(x) for span in spans) == 1
    assert sum(span.holds(spans[0].reach_um[1]) for span in spans) == 1


def test_no_position_belongs_nowhere():
    (span,) = spans_of(crop_of(np.zeros((1, 3, 100))))
    assert not span.holds(None)


def test_stretch_keeps_the_order_of_grey_levels():
    image = np.random.default_rng(0).gamma(2, 30, (40, 60))
    grey = stretch(image)
    assert grey.dtype == np.uint8
    assert (grey.min(), grey.max()) == (0, 255)
    order = np.argsort(image, axis=None)
    assert (np.diff(grey.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5)), np.full((4, 5), np.nan), np.full((4, 5), 7, np.uint8), np.full((4, 5), np.inf)]
)
def test_an_image_without_contrast_is_black(image):
    assert (stretch(image) == 0).all()


def test_a_dim_session_is_stretched_like_a_bright_one():
    image = np.random.default_rng(1).gamma(2, 30, (40, 60))
    np.testing.assert_array_equal(stretch(image), stretch(image * 0.1))


def decode(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return imagecodecs.png_decode(base64.b64decode(data))


def test_a_picture_reads_back_as_it_was():
    grey = np.random.default_rng(2).integers(0, 256, (9, 31)).astype(np.uint8)
    np.testing.assert_array_equal(decode(encode_png(grey, np.ones(grey.shape, bool))), grey)


def test_what_lies_outside_the_stack_is_transparent():
    known = np.ones((9, 31), bool)
    known[:, 20:] = False
    grey = np.full((9, 31), 200, np.uint8)
    back = decode(encode_png(grey, known))
    np.testing.assert_array_equal(back[..., 1] > 0, known)
    assert (back[..., 0][known] == 200).all()


def test_pictures_are_cut_where_the_pieces_are():
    images = np.random.default_rng(3).gamma(2, 30, (2, 8, 700))
    images[1, :, 340:] = np.nan
    crop = crop_of(images)
    spans = spans_of(crop)
    pictures = pictures_of(crop, spans)
    whole = np.concatenate([decode(pictures["s0", i]) for i in range(len(spans))], axis=1)
    # The left side, which has the largest offsets and so the last rows, is drawn at the top.
    np.testing.assert_array_equal(whole, stretch(images[0])[::-1])
    assert decode(pictures["s1", 0]).shape == (8, 350, 2)
    assert pictures["s1", 1] == ""


def test_a_large_study_gets_fewer_grey_levels():
    small = [crop_of(np.zeros((1, 4, 10)))]
    large = crop_of(np.broadcast_to(np.uint8(0), (1, 3000, int(LARGE_PIXELS) // 3000 + 1)))
    assert choose_levels(small) == 32
    assert choose_levels([*small, large]) == 16
    assert len(np.unique(stretch(np.linspace(0, 1, 600).reshape(20, 30), 16))) == 16
