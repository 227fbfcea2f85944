import numpy as np

from painted import BACKGROUND, SHAFT, Spot, paint_ribbon
from respine.structure.spines.evidence import compute_evidence


def at(ribbon, position, lateral, axial=0.0):
    return tuple(
        int(np.argmin(np.abs(axis - value)))
        for axis, value in ((ribbon.position_um, position), (ribbon.lateral_um, lateral), (ribbon.axial_um, axial))
    )


def evidence_of(spots, noise=1.0, floor=0.5, **options):
    ribbon = paint_ribbon(spots, noise=noise, **options)
    return ribbon, compute_evidence(ribbon, noise, floor, BACKGROUND)


def test_a_bare_shaft_gives_evidence_like_noise():
    ribbon, evidence = evidence_of([])
    flank = np.abs(ribbon.lateral_um) >= 0.45
    values = evidence.snr[:, flank]
    assert np.nanpercentile(values, 99.9) < 3.0
    assert np.nanmean(np.abs(values)) < 1.0


def test_a_stubby_spine_on_the_flank_of_a_bright_shaft_is_a_maximum():
    """In the image it is none: brightness only falls from the shaft outwards."""
    ribbon, evidence = evidence_of([Spot(20.0, 0.7, peak=25.0)])
    row, column, plane = at(ribbon, 19.0, 0.7)
    profile = ribbon.values[row, 40:60, plane]
    assert (np.diff(profile[:8]) < 0).all()
    assert evidence.snr[row, column, plane] > 6
    assert evidence.snr[row, column, plane] > 3 * np.nanmax(evidence.snr[row - 40 : row - 20, 45:])


def test_the_shaft_brightness_is_what_was_painted():
    _, evidence = evidence_of([Spot(20.0, 1.5)])
    np.testing.assert_allclose(np.median(evidence.shaft), 0.75 * SHAFT, rtol=0.1)


def test_twice_the_light_is_root_two_the_evidence():
    """The noise of light grows with its root; the floor of the detector is set aside here."""
    dim, bright = (evidence_of([Spot(20.0, 0.6, peak=p * 40)], noise=0.2, floor=1e-3, shaft=p * SHAFT) for p in (1, 2))
    index = at(dim[0], 19.0, 0.6)
    assert np.isclose(bright[1].snr[index] / dim[1].snr[index], 2**0.5, rtol=0.1)


def test_outside_the_stack_there_is_no_evidence():
    ribbon = paint_ribbon([], length_um=40.0)
    ribbon.values[:30] = np.nan
    evidence = compute_evidence(ribbon, 1.0, 0.5, BACKGROUND)
    assert np.isnan(evidence.snr[:30]).all()
    assert np.isfinite(evidence.snr[40:200, 40, 6]).all()


def test_the_edge_of_the_stack_does_not_look_like_a_spine():
    ribbon = paint_ribbon([], noise=1.0)
    ribbon.values[:150] = np.nan
    ribbon.values[:, :30] = np.nan
    evidence = compute_evidence(ribbon, 1.0, 0.5, BACKGROUND)
    flank = np.abs(ribbon.lateral_um) >= 0.45
    assert np.nanmax(evidence.snr[:, flank]) < 4.5


def test_a_dendrite_that_a_session_does_not_show_at_all_gives_no_evidence():
    ribbon = paint_ribbon([])
    ribbon.values[:] = np.nan
    assert np.isnan(compute_evidence(ribbon, 1.0, 0.5, BACKGROUND).snr).all()
