from __future__ import annotations

from pathlib import Path

import pytest

from bagfill.settings.simulation import SHIPPED, ProfileError, load_profile


@pytest.mark.parametrize("name", ["wellcome-2020", "petabyte"])
def test_every_shipped_profile_can_be_used(name: str, tmp_path: Path) -> None:
    profile = load_profile(name, tmp_path)
    assert profile.name == name
    assert profile.cap is not None
    assert profile.pair.source is not None
    assert profile.pair.destination is not None


def test_the_profile_of_2020_is_what_was_copied_then(tmp_path: Path) -> None:
    shape = load_profile("wellcome-2020", tmp_path).collection
    assert (shape.bags, shape.files, shape.bytes, shape.archived_share) == (260_000, 80_000_000, 60 * 10**12, 0.3)


def test_a_copy_of_a_profile_is_a_profile(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        (SHIPPED / "wellcome-2020.toml").read_text().replace('cap = "7000"', 'cap = "12.50"\nhours = "22-6"')
    )
    profile = load_profile(str(mine), tmp_path)
    assert (profile.name, str(profile.cap), str(profile.caps.hours)) == ("mine", "12.50", "22-6")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bags = 260_000", "bags = 0", "collection.bags"),
        ("bags = 260_000", "bgas = 260_000", "collection.bgas: unknown key"),
        ("files = 80_000_000", "files = 5", "collection.files: found 5"),
        ("archived_share = 0.30", "archived_share = 1.5", "collection.archived_share"),
        ('tier = "Bulk"', 'tier = "Slow"', "campaign.tier"),
        ('cap = "7000"', 'cap = "-1"', "campaign.cap"),
        ('cap = "7000"', 'hours = "25-3"', "campaign.hours"),
        ("failures = 0.01", "failures = 2.0", "trouble.failures"),
        ("[machines]", "[machines", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (SHIPPED / "wellcome-2020.toml").read_text()
    assert old in text
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace(old, new))
    with pytest.raises(ProfileError) as caught:
        load_profile(str(mine), tmp_path)
    assert any(str(mine) in problem and said in problem for problem in caught.value.problems), caught.value.problems


def test_a_profile_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="petabyte, wellcome-2020"):
        load_profile("moon", tmp_path)
