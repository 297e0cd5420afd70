"""Member tokens: which open something, for whom, and that nothing else does."""

import asyncio
import json
import statistics
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import clock, tokens
from libs.common.caller import Caller
from libs.common.issuers import Issuer
from libs.common.jwks import BadKeySet, PublicKey, parse_jwks
from libs.common.key_source import LOOK_AGAIN_SECONDS, KeySource
from libs.common.token_verifier import TokenVerifier
from tests.tokens import AUDIENCE, Retailer, SigningKey, ed25519_key, p256_key, rsa_key

NORTH = Retailer(stores=("north", "north-2"))
SOUTH = Retailer("https://south.example", ("south",), [ed25519_key("ed-south")])
NAMES = [name for name, _ in NORTH.bad_tokens()]


def a_verifier(*retailers: Retailer) -> TokenVerifier:
    """A verifier whose sources are never asked again."""
    issuers = {}
    for retailer in retailers:
        source = KeySource(retailer.issuer, "/nowhere")
        source.keys = parse_jwks(retailer.jwks()).keys
        source._looked_again_at = clock.monotonic() + LOOK_AGAIN_SECONDS
        issuers[retailer.issuer] = Issuer(retailer.issuer, AUDIENCE, frozenset(retailer.stores), source)
    return TokenVerifier(issuers)


def verified(token: str, verifier: TokenVerifier | None = None, ahead: float = 0) -> Caller | None:
    verifier = verifier or a_verifier(NORTH, SOUTH)
    return asyncio.run(verifier.verify(token, clock.now_ms() / 1000 + ahead))


@pytest.mark.parametrize("key", NORTH.keys, ids=lambda key: key.algorithm)
def test_a_token_speaks_for_its_member_in_its_stores(key: SigningKey) -> None:
    caller = verified(NORTH.token(key))
    assert caller == Caller(
        "https://north.example|worked",
        frozenset(["events:write", "profile:read"]),
        frozenset(["north"]),
        "worked",
        "worked",
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_valid_token(name: str) -> None:
    assert verified(dict(NORTH.bad_tokens())[name]) is None


def test_the_clocks_may_differ_by_a_minute() -> None:
    now = clock.now_ms() // 1000
    for token in (
        NORTH.token(iat=now - 800, exp=now - 50),
        NORTH.token(nbf=now + 50),
        NORTH.token(iat=now + 50, exp=now + 950),
        NORTH.token(iat=..., exp=now + 950),
        NORTH.token(exp=now + 600.5, aud=["another", AUDIENCE]),
    ):
        assert verified(token)


def test_a_retailer_speaks_for_no_store_of_another() -> None:
    caller = verified(NORTH.token(store_ids=["south", "north", "elsewhere"]))
    assert caller
    assert caller.stores == {"north"}
    foreign = verified(SOUTH.token(store_ids=["north"]))
    assert foreign
    assert not foreign.stores
    assert not foreign.may("north")


def test_a_retailer_signs_for_no_other() -> None:
    assert verified(SOUTH.token(iss=NORTH.issuer)) is None
    assert verified(SOUTH.token(SigningKey("ed-1", SOUTH.keys[0].private), iss=NORTH.issuer)) is None


def test_scopes_of_server_keys_are_none_of_a_token() -> None:
    caller = verified(NORTH.token(scope="stores:read ops profile:read days:close *"))
    assert caller
    assert caller.scopes == {"profile:read"}


def test_a_verified_token_is_remembered_until_it_ends_or_its_key_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, token = a_verifier(NORTH), NORTH.token()
    signatures: list[str] = []
    true = tokens._verify

    def counted(text: str, key: PublicKey) -> bool:
        signatures.append(text)
        return true(text, key)

    monkeypatch.setattr(tokens, "_verify", counted)
    assert verified(token, verifier) is verified(token, verifier)
    assert len(signatures) == 1
    assert verified(token, verifier, ahead=600 + 61) is None
    assert verified(token, verifier)
    verifier.issuers[NORTH.issuer].source.keys = parse_jwks(Retailer(keys=[p256_key("ec-1")]).jwks()).keys
    assert verified(token, verifier) is None
    replaced = Retailer(keys=[SigningKey("ed-1", ed25519_key("other").private)])
    verifier.issuers[NORTH.issuer].source.keys = parse_jwks(replaced.jwks()).keys
    assert verified(token, verifier) is None


def test_the_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.token_verifier.MOST_REMEMBERED", 3)
    verifier = a_verifier(NORTH)
    for n in range(5):
        assert verified(NORTH.token(sub=f"m-{n}"), verifier)
    assert len(verifier._verified) == 3


GOOD, VERIFIER = NORTH.token(), a_verifier(NORTH, SOUTH)


@given(
    st.one_of(
        st.text(max_size=200),
        st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from("AZaz09-_.= \x00é")).map(
            lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + 1 :]
        ),
        st.tuples(st.integers(0, len(GOOD)), st.integers(0, len(GOOD))).map(
            lambda cut: GOOD[: cut[0]] + GOOD[cut[1] :]
        ),
    )
)
@settings(max_examples=60)
def test_a_mangled_token_opens_nothing_and_breaks_nothing(text: str) -> None:
    caller = verified(text, VERIFIER) if text != GOOD else None
    assert caller is None


def test_every_refusal_costs_about_the_same() -> None:
    verifier = a_verifier(NORTH, SOUTH)
    medians = {name: _median(partial(read_and_refuse, verifier, token)) for name, token in NORTH.bad_tokens()}
    slowest, fastest = max(medians.values()), min(medians.values())
    assert slowest < 3 * fastest, medians


def read_and_refuse(verifier: TokenVerifier, text: str) -> None:
    work = verifier.verify(text, clock.now_ms() / 1000)
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    assert ended.value.value is None


def _median(work: Callable[[], None]) -> float:
    """CPU seconds: what else the machine does is no cost of ours."""
    spans = []
    for _ in range(21):
        began = clock.cpu_seconds()
        work()
        spans.append(clock.cpu_seconds() - began)
    return statistics.median(spans)


def test_keys_of_other_kinds_in_a_set_are_passed_over() -> None:
    ed, curve, other = ed25519_key("ed").jwk, p256_key("ec").jwk, rsa_key("rsa").jwk
    secret = {"kty": "oct", "k": "AAAA", "kid": "oct"}
    useless = [
        other, secret, {**ed, "kid": ""}, {**ed, "kid": 1}, {**ed, "use": "enc"}, {**ed, "alg": "ES256"},
        {**ed, "x": "AA"},
        {**curve, "key_ops": ["sign"]}, {**curve, "crv": "P-384"}, {**curve, "y": curve["x"]}, "text", None, ed,
    ]  # fmt: skip
    found = parse_jwks(json.dumps({"keys": [ed, curve, *useless]}).encode())
    assert {kid: key.algorithm for kid, key in found.keys.items()} == {"ed": "EdDSA", "ec": "ES256"}
    assert found.ignored == len(useless)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": {}}', b"[" * 9999, b'{"keys": [' + b"{}," * 64 + b"{}]}"]
)
def test_what_is_no_key_set(document: bytes) -> None:
    with pytest.raises(BadKeySet):
        parse_jwks(document)
