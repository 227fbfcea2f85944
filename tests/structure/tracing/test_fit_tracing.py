"""Known displacements between the reference frame and a session, and what must not draw a line aside."""

import numpy as np
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.geometry import resample_line
from respine.core.warp import Warp
from respine.structure.tracing.fit_tracing import FitTracingSettings, fit_tracing
from tubes import HALF_WIDTH, SIGMA_UM, distances, paint_spots, paint_tubes

SETTINGS = FitTracingSettings()
LINE = np.array([(10.0, 12.1, 1.0), (12.0, 14.0, 20.0), (10.0, 12.1, 39.0)])
SHAPE_UM = (22, 26, 40)


def tracing_of(*lines, radius=0.45):
    dendrites = []
    for number, line in enumerate(lines, start=1):
        points = resample_line(np.asarray(line, float), 0.3)
        dendrites.append(Dendrite(f"d{number:02d}", points, np.full(len(points), radius)))
    return Tracing(tuple(dendrites))


def shifted(z, y, x):
    return Warp.from_affine(np.eye(3), np.array([z, y, x], float))


@pytest.mark.parametrize("error_um", [(0.0, 0.0, 0.0), (1.5, 0.6, 0.0), (-1.5, -0.6, 0.0), (0.0, 0.7, 0.0)])
def test_an_error_of_the_registration_is_taken_out(error_um):
    stack = paint_tubes([LINE], SHAPE_UM)
    fitted = fit_tracing(tracing_of(LINE), shifted(*error_um), stack, SETTINGS)
    lateral, axial = distances(fitted["d01"].points_um, LINE)
    assert np.percentile(lateral, 90) < 0.1
    assert lateral.max() < 0.3
    assert np.percentile(axial, 90) < 0.4


def test_names_and_parents_stay_and_ends_that_met_still_meet():
    first, second = [(10, 12, 1), (10, 12, 20)], [(10, 12, 20), (10, 20, 38)]
    tracing = tracing_of(first, second)
    tracing = Tracing((tracing["d01"], Dendrite("d02", tracing["d02"].points_um, tracing["d02"].radius_um, "d01")))
    fitted = fit_tracing(tracing, shifted(1, 0.4, 0.2), paint_tubes([first, second], SHAPE_UM), SETTINGS)
    assert [(d.name, d.parent) for d in fitted] == [("d01", None), ("d02", "d01")]
    np.testing.assert_array_equal(fitted["d01"].points_um[-1], fitted["d02"].points_um[0])


def test_spines_beside_the_shaft_do_not_pull_the_line():
    x = np.arange(6, 35, 3.5)
    z, y = (np.interp(x, LINE[:, 2], LINE[:, axis]) for axis in (0, 1))
    stack = paint_spots(paint_tubes([LINE], SHAPE_UM), np.stack([z, y + 0.8, x], axis=1), peak=400)
    fitted = fit_tracing(tracing_of(LINE), Warp.identity(), stack, SETTINGS)
    assert distances(fitted["d01"].points_um, LINE)[0].max() < 0.1


def test_a_brighter_neighbour_beyond_the_search_does_not_pull_the_line():
    neighbour = LINE + np.array([0, 2.0, 0])
    stack = paint_tubes([LINE, neighbour], SHAPE_UM, peaks=[60, 200])
    fitted = fit_tracing(tracing_of(LINE), shifted(0.5, 0.3, 0), stack, SETTINGS)
    assert distances(fitted["d01"].points_um, LINE)[0].max() < 0.35


def test_without_a_signal_the_line_stays_where_the_warp_puts_it():
    empty = paint_tubes([], SHAPE_UM)
    fitted = fit_tracing(tracing_of(LINE), shifted(1, 0.5, 0), empty, SETTINGS)
    lateral, axial = distances(fitted["d01"].points_um, LINE + np.array([1, 0.5, 0]))
    assert np.median(lateral) < 0.45
    assert np.median(axial) < 1.5


def test_a_dendrite_outside_the_stack_keeps_the_place_of_the_warp():
    stack = paint_tubes([LINE], SHAPE_UM)
    fitted = fit_tracing(tracing_of(LINE), shifted(0, 60, 0), stack, SETTINGS)
    np.testing.assert_allclose(distances(fitted["d01"].points_um, LINE + np.array([0, 60, 0]))[0], 0, atol=0.05)
    np.testing.assert_array_equal(fitted["d01"].radius_um, 0.45)


def test_the_part_inside_the_stack_is_fitted_where_the_rest_lies_outside():
    stack = paint_tubes([[(10, 12, 0), (10, 12, 40)]], SHAPE_UM)
    line = [(10, 12, -15), (10, 12, 39)]
    fitted = fit_tracing(tracing_of(line), shifted(0, 0.5, 0), stack, SETTINGS)["d01"]
    inside = fitted.points_um[:, 2] > 8
    np.testing.assert_allclose(fitted.points_um[inside, 1], 12, atol=0.15)


def test_the_radius_is_that_of_the_session():
    fitted = fit_tracing(tracing_of(LINE, radius=0.9), Warp.identity(), paint_tubes([LINE], SHAPE_UM), SETTINGS)
    assert np.median(fitted["d01"].radius_um) == pytest.approx(HALF_WIDTH * SIGMA_UM, rel=0.1)


def test_a_coarse_tracing_of_a_user_without_radii_is_good_enough():
    user = Tracing((Dendrite("branch A", LINE + np.array([0.6, 0.3, 0]), np.zeros(3)),))
    fitted = fit_tracing(user, Warp.identity(), paint_tubes([LINE], SHAPE_UM), SETTINGS)["branch A"]
    assert len(fitted.points_um) == pytest.approx(38.3 / 0.3, abs=3)
    assert np.percentile(distances(fitted.points_um, LINE)[0], 90) < 0.12
    assert np.median(fitted.radius_um) == pytest.approx(HALF_WIDTH * SIGMA_UM, rel=0.1)
    assert (fitted.radius_um > 0).all()


def test_an_empty_tracing_stays_empty():
    assert len(fit_tracing(Tracing(), Warp.identity(), paint_tubes([], (3, 4, 4)), SETTINGS)) == 0
