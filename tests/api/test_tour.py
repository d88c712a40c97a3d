"""The README's tour, in the shop that `make run` starts."""

from tour import blocks, check, taken
from whole_shop import Shop

from chalicelib.sms import LEFT


def test_the_tour_of_the_readme_passes_in_the_local_shop(tmp_path):
    (tmp_path / "shop").mkdir()
    shop = Shop(tmp_path / "shop" / "state", ["admin"])
    try:
        tour = taken(tmp_path, f"http://127.0.0.1:{shop.port}")
    finally:
        shop.stop()
    check(tour)
    assert [path for _, _, path in tour[0].calls] == ["/sessions"] * 3
    (stopped,) = [block for block in tour if any(path == "/sms" for _, _, path in block.calls)]
    assert LEFT in stopped.printed
    assert len(tour) == len(blocks()) >= 7
