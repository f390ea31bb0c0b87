"""The processes that the tests run in: what must stay together does."""

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_is_known_to_who_deals_the_tests_out(
    request: pytest.FixtureRequest, worker_id: str
) -> None:
    """pytest-xdist 3.8 deals by the test's name, to which pytest 9.2 lets nobody add."""
    assert worker_id == "master" or request.node.nodeid.endswith("@together")
