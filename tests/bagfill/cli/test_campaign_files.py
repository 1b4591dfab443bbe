"""Files that a campaign is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from bagfill.cli.answers import CommandError
from bagfill.cli.campaign_files import bags_of, priorities_of


def written(place: Path, text: str) -> Path:
    path = place / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_priorities_are_of_bags_and_of_spaces(tmp_path: Path) -> None:
    text = "# urgent\n\ndigitised/b1,10\ndigitised/a, with comma,-3\nborn digital,2\n"
    assert priorities_of(written(tmp_path, text)) == {
        "digitised/b1": 10,
        "digitised/a, with comma": -3,
        "born digital": 2,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s/a,1\ns/b\n", "line 2: found 's/b', needed is SPACE/ID,PRIORITY with a whole number"),
        ("s/a,high\n", "line 1: found 's/a,high'"),
        (",1\n", "line 1: found ',1'"),
        ("s/a,1\ns/a,2\n", "line 2: s/a is named twice"),
        ("# none\n", "names no bag and no space"),
    ],
)
def test_what_is_no_priority_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        priorities_of(written(tmp_path, text))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"--bags: .* cannot be read"):
        bags_of(tmp_path / "nowhere")
