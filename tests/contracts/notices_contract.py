"""What every place that remembers notices does."""

from __future__ import annotations

from bagfill.notices.log import Notices


class NoticesContract:
    """Inherit, and give a fixture ``notices``."""

    def test_a_new_channel_was_told_nothing(self, notices: Notices) -> None:
        assert dict(notices.told("mail")) == {}

    def test_what_was_told_is_remembered_by_channel(self, notices: Notices) -> None:
        notices.tell("mail", {"failure a b": "3", "coverage ü <x>": "1/2"})
        notices.tell("slack", {"failure a b": "4"})
        assert dict(notices.told("mail")) == {"failure a b": "3", "coverage ü <x>": "1/2"}
        assert dict(notices.told("slack")) == {"failure a b": "4"}

    def test_what_stands_no_more_is_forgotten(self, notices: Notices) -> None:
        notices.tell("mail", {"a": "1", "b": "1"})
        notices.tell("mail", {"b": "2"})
        assert dict(notices.told("mail")) == {"b": "2"}
        notices.tell("mail", {})
        assert dict(notices.told("mail")) == {}

    def test_many_things_are_kept(self, notices: Notices) -> None:
        many = {f"coverage space-{number} azure": f"{number}/5000" for number in range(5000)}
        notices.tell("mail", many)
        assert dict(notices.told("mail")) == many
