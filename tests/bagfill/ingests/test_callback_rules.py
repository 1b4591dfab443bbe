from __future__ import annotations

import pytest

from bagfill.ingests.callback_rules import CallbackForbidden, CallbackRules

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - called, not bound
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
]
PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"]


def rules(*addresses: str, allowed: tuple[str, ...] = ("callbacks.example.org",), **more: object) -> CallbackRules:
    return CallbackRules(allowed, resolve=lambda host, port: list(addresses), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_whatever_name_it_has(address: str) -> None:
    for allowed in (("callbacks.example.org",), ("*",)):
        with pytest.raises(CallbackForbidden, match="private"):
            rules(address, allowed=allowed).address_of("https://callbacks.example.org/")


@pytest.mark.parametrize("address", PRIVATE)
def test_one_private_address_among_public_ones_is_refused(address: str) -> None:
    with pytest.raises(CallbackForbidden):
        rules(PUBLIC[0], address).address_of("https://callbacks.example.org/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called(address: str) -> None:
    assert rules(address).address_of("https://callbacks.example.org/") == address


def test_a_private_address_is_called_where_the_settings_say_so() -> None:
    inside = rules("10.1.2.3", allowed=(), private_hosts=("tracker.internal:8080",))
    assert inside.address_of("http://tracker.internal:8080/x") == "10.1.2.3"
    for url in ("http://tracker.internal/x", "http://tracker.internal:8081/x", "http://other.internal:8080/"):
        with pytest.raises(CallbackForbidden):
            inside.address_of(url)


def test_nobody_is_called_unless_named() -> None:
    assert CallbackRules().refusal("https://callbacks.example.org/") is not None


@pytest.mark.parametrize(
    "url", ["http://[::1", "//x", "https://a@callbacks.example.org/", "gopher://x/", "http://x y/"]
)
def test_what_is_no_url_of_a_host_is_refused_even_where_any_host_is_allowed(url: str) -> None:
    assert CallbackRules(("*",)).refusal(url) is not None
