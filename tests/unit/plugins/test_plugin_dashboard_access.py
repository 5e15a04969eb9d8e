"""Who may ask the dashboard for something."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cotyledon_plugins.services.dashboard.access import (
    SESSION_SECONDS,
    Attempts,
    Authority,
    Ended,
    Hosts,
    Token,
    is_same_origin,
    parse_address,
)

TOKEN = Token("open sesame")
NOW = 1_780_000_000
SIGNED = TOKEN.sign(NOW + SESSION_SECONDS, "0a1b")

ANY_TEXT = st.text(st.characters())  # lone surrogates, too
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,8}){0,3}", fullmatch=True)
PORTS = st.none() | st.integers(0, 65535)
AUTHORITIES = st.builds(Authority, NAMES | st.ip_addresses().map(str), PORTS)


# -- hosts


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("LocalHost:80", "localhost", 80),
        ("127.0.0.1:9180", "127.0.0.1", 9180),
        ("[::1]", "::1", None),
        ("[0:0::1]:9180", "::1", 9180),
        ("a-b.example.org:65535", "a-b.example.org", 65535),
    ],
)
def test_an_authority_is_a_host_and_a_port(text: str, host: str, port: int | None) -> None:
    assert Authority.parse(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "::1",
        "::1:80",
        "[::1",
        "[::1]80",
        "[localhost]",
        "[::1%eth0]:80",
        "localhost:",
        "localhost:65536",
        "localhost:-1",
        "localhost:\u0661",
        "user@localhost",
        "localhost/",
        "localhost ",
        "localhost\n",
        "a..",
        "evil.example,localhost",
        "lócalhost",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Authority.parse(text)


@given(ANY_TEXT)
def test_any_text_is_one_or_a_value_error(text: str) -> None:
    try:
        authority = Authority.parse(text)
    except ValueError:
        assert not Hosts([parse_address("0.0.0.0:1")], []).allow(text)
    else:
        assert Authority.parse(str(authority)) == authority


@given(AUTHORITIES)
def test_what_is_written_is_read(authority: Authority) -> None:
    assert Authority.parse(str(authority)) == authority


@pytest.mark.parametrize(
    "text",
    ["", "9180", ":9180", "127.0.0.1", "localhost:9180", "::1:9180", "127.0.0.1:99999", "1.2.3:4"],
)
def test_an_address_is_an_ip_address_and_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="must be an IP address and a port"):
        parse_address(text)
    assert parse_address("[::1]:9180") == ("::1", 9180)


@pytest.mark.parametrize("address", ["127.0.0.1:9180", "[::1]:9180", "192.0.2.7:9180"])
@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:9180", True),
        ("127.0.0.1:9180", True),
        ("[::1]:9180", True),
        ("LOCALHOST", True),
        # an ssh tunnel's
        ("localhost:8080", True),
        ("dash.example.org", True),
        ("dash.example.org:8443", True),
        ("other.example.org:8443", True),
        ("other.example.org", False),
        ("other.example.org:443", False),
        ("evil.example", False),
        ("evil.example:9180", False),
        ("localhost.evil.example:9180", False),
        ("127.0.0.1.evil.example:9180", False),
        ("2130706433:9180", False),
        ("192.0.2.8:9180", False),
        ("", False),
    ],
)
def test_requests_have_to_name_us(address: str, host: str, allowed: bool) -> None:
    hosts = Hosts([parse_address(address)], ["Dash.example.org", "other.example.org:8443"])
    assert hosts.allow(host) is allowed


@given(AUTHORITIES, st.ip_addresses())
@example(Authority("192.0.2.7", 1), ipaddress.ip_address("192.0.2.7"))
def test_a_foreign_name_is_never_allowed(host: Authority, address: ipaddress.IPv4Address) -> None:
    own = Authority(str(address), 9180)
    for listening in ([own], [own, parse_address("[::]:9180")]):
        allowed = Hosts(listening, []).allow(str(host))
        if host.literal is None:
            assert allowed is (host.host == "localhost")
        elif len(listening) > 1 or address.is_unspecified:
            assert allowed
        else:
            assert allowed is (host.literal == address or host.is_loopback)


# -- origins


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:9180", "localhost:9180", True),
        ("http://LOCALHOST:9180", "localhost:9180", True),
        ("http://[::1]:9180", "[::1]:9180", True),
        ("https://dash.example.org", "dash.example.org", True),
        ("https://dash.example.org", "dash.example.org:443", True),
        ("http://dash.example.org", "dash.example.org:80", True),
        ("http://localhost:9180", "127.0.0.1:9180", False),
        ("http://localhost:3000", "localhost:9180", False),
        ("http://localhost", "localhost:9180", False),
        ("http://localhost:0", "localhost:80", False),
        ("https://dash.example.org", "dash.example.org:80", False),
        ("http://evil.example", "localhost:9180", False),
        ("http://localhost:9180.evil.example", "localhost:9180", False),
        ("http://localhost:9180@evil.example", "localhost:9180", False),
        ("http://localhost:9180/", "localhost:9180", False),
        ("chrome-extension://localhost:9180", "localhost:9180", False),
        ("localhost:9180", "localhost:9180", False),
        ("null", "localhost:9180", False),
        ("", "localhost:9180", False),
    ],
)
def test_a_page_is_ours_if_host_and_port_are(origin: str, host: str, same: bool) -> None:
    assert is_same_origin(origin, host) is same


@given(AUTHORITIES, AUTHORITIES, st.sampled_from(["http", "https"]))
def test_pages_of_others_are_not(page: Authority, host: Authority, scheme: str) -> None:
    assert is_same_origin(f"{scheme}://{host}", str(host))
    if page.host != host.host:
        assert not is_same_origin(f"{scheme}://{page}", str(host))


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_an_answer(origin: str, host: str) -> None:
    assert not is_same_origin(origin, host) or origin.startswith(("http://", "https://"))


# -- tokens and sessions


@given(ANY_TEXT)
def test_only_the_token_matches(text: str) -> None:
    assert TOKEN.matches(text) is (text == "open sesame")


def test_a_session_goes_on_until_it_expires() -> None:
    assert TOKEN.has_signed(SIGNED, NOW)
    assert TOKEN.has_signed(SIGNED, NOW + SESSION_SECONDS - 1)
    assert not TOKEN.has_signed(SIGNED, NOW + SESSION_SECONDS)


def test_a_session_is_known_by_who_has_the_same_token_alone() -> None:
    assert Token("open sesame").has_signed(SIGNED, NOW)
    assert not Token("another token").has_signed(SIGNED, NOW)


def test_a_session_does_not_hold_the_token() -> None:
    assert "sesame" not in SIGNED


@given(ANY_TEXT)
@example("")
@example(".")
@example(f"{NOW + 10}.")
@example("x" + SIGNED)
@example(SIGNED + "x")
@example(SIGNED.upper())
@example(SIGNED.replace(str(NOW)[:3], "999"))
def test_no_other_text_is_a_session(text: str) -> None:
    assert TOKEN.has_signed(text, NOW) is (text == SIGNED)


@given(st.integers(0, len(SIGNED) - 1), st.characters())
def test_no_character_of_it_can_be_changed(place: int, character: str) -> None:
    changed = SIGNED[:place] + character + SIGNED[place + 1 :]
    assert TOKEN.has_signed(changed, NOW) is (changed == SIGNED)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_the_signature_of_one_session_is_not_anothers(one: int, other: int) -> None:
    forged = f"{other}.{TOKEN.sign(one, '0a1b').partition('.')[2]}"
    assert TOKEN.has_signed(forged, 0) is (one == other and other > 0)


def test_who_has_signed_out_is_remembered_until_the_session_has_expired() -> None:
    ended = Ended()
    ended.add(SIGNED, NOW)
    other = TOKEN.sign(NOW + SESSION_SECONDS, "another")
    assert SIGNED in ended
    assert other not in ended
    ended.add(other, NOW + SESSION_SECONDS - 1)
    assert SIGNED in ended
    ended.add(TOKEN.sign(NOW + 2 * SESSION_SECONDS, "later"), NOW + SESSION_SECONDS)
    assert SIGNED not in ended


def test_of_many_who_have_signed_out_the_last_are_remembered() -> None:
    ended = Ended(limit=3)
    sessions = [TOKEN.sign(NOW + SESSION_SECONDS, str(number)) for number in range(4)]
    for session in (*sessions, sessions[-1]):
        ended.add(session, NOW)
    assert [session in ended for session in sessions] == [False, True, True, True]


def test_wrong_tokens_are_bounded() -> None:
    attempts = Attempts(limit=3, period=60)
    for now in (0, 10, 20):
        assert attempts.may_try(now)
        attempts.fail(now)
    assert not attempts.may_try(20)
    assert not attempts.may_try(59.9)
    assert attempts.may_try(60)
    attempts.fail(60)
    # those of 10, 20 and 60
    assert not attempts.may_try(69.9)
    assert attempts.may_try(70)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60).map(sorted))
def test_no_minute_has_more_of_them(times: list[float]) -> None:
    attempts = Attempts(limit=5, period=60)
    failed = []
    for now in times:
        if attempts.may_try(now):
            attempts.fail(now)
            failed.append(now)
    for first, sixth in zip(failed, failed[5:], strict=False):
        assert sixth - first >= 60
