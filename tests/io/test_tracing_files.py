import pytest

from respine.core.errors import ReadError
from respine.io.tracing_files import read_tracing


def test_the_ending_tells_the_format(tmp_path):
    (tmp_path / "a.SWC").write_text("1 3 0 0 0 1 -1\n2 3 3 4 0 1 1\n")
    (tmp_path / "a.csv").write_text("dendrite,z_um,y_um,x_um,radius_um\nd1,0,0,0,1\nd1,0,4,3,1\n")
    for name in ("a.SWC", "a.csv"):
        assert read_tracing(tmp_path / name).length_um == pytest.approx(5)


def test_another_ending(tmp_path):
    with pytest.raises(ReadError) as caught:
        read_tracing(tmp_path / "a.obj")
    assert str(caught.value) == f"{tmp_path / 'a.obj'}: found a name that ends in '.obj'; expected .swc or .csv"
