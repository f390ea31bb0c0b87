"""Plans are written into a paper's file between its sentences and its claims, and written anew."""

from docs.plan import with_plans

BEFORE = 'title = "A"\n\n[[sentences]]\nsays = "s"\nclaims = ["p-1"]\n\n'
CLAIM = '[[claims]]\nid = "p-1"\n\n[[claims]]\nid = "p-2"\n'
ROW = {"id": "p-1", "unit": "cases", "planned": 480, "planned_seeds": 10}
PLAN = '[[plans]]\nclaim = "p-1"\nunit = "cases"\nsize = 480\nseeds = 10\n\n'


def test_plans_stand_before_the_claims() -> None:
    assert with_plans(BEFORE + CLAIM, [ROW]) == BEFORE + PLAN + CLAIM


def test_plans_are_written_anew() -> None:
    other = {**ROW, "id": "p-2", "unit": "certain", "planned": 3}
    found = with_plans(BEFORE + PLAN + CLAIM, [other, ROW])
    assert found.count("[[plans]]") == 2
    assert with_plans(found, [ROW]) == BEFORE + PLAN + CLAIM
    assert with_plans(found, []) == BEFORE + CLAIM
    assert 'claim = "p-2"\nunit = "seeds"' in found
