"""Every story in `scenarios/` holds: what programme staff may read and change, the service must live up to."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsgateway.reading.programme import Programme
from smsgateway.scenario import Unmet
from smsgateway.settings import Settings
from smsgateway.simulation import run_scenario

STORIES = sorted(Path(__file__).parent.parent.joinpath("scenarios").glob("*.yaml"))


def test_there_are_stories() -> None:
    assert STORIES


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_story(story: Path, programme: Programme) -> None:
    told: list[dict[str, object]] = []
    try:
        run_scenario(story, Settings(channel="simulator"), told.append, programme)
    except Unmet as unmet:
        heard = "\n".join(
            f"  {line['at']} {line.get('to') or 'from ' + str(line.get('from'))}: {line.get('text')}" for line in told
        )
        pytest.fail(f"{story.name}: {unmet}\n{heard}", pytrace=False)
