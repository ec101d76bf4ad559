"""Tokens and sealed values."""

import pytest
from cryptography.exceptions import InvalidTag

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import seal, token_of, unseal
from clarion.kernel.errors import SecretError

KEY, OTHER = Key.derive("ab" * 32, key_id="k1"), Key.derive("cd" * 32, key_id="k2")


@pytest.mark.covers("Q8")
def test_equal_values_have_equal_tokens_and_fields_do_not_mix() -> None:
    token = token_of("13900000000", field="phone", key=KEY)
    assert token == token_of("13900000000", field="phone", key=KEY)
    assert token != token_of("13900000000", field="mail", key=KEY)
    assert token != token_of("13900000000", field="phone", key=OTHER)
    assert "13900000000" not in token


@pytest.mark.covers("Q8")
def test_a_sealed_value_opens_only_with_its_key_and_its_token() -> None:
    sealed = seal("静", token="t", key=KEY)
    assert unseal(sealed, token="t", key=KEY) == "静"
    assert sealed != seal("静", token="t", key=KEY)
    for token, key in (("other", KEY), ("t", OTHER)):
        with pytest.raises(InvalidTag):
            unseal(sealed, token=token, key=key)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(SecretError, match="too short"):
        Key.derive("ab" * 16, key_id="k")
    with pytest.raises(SecretError, match="not hexadecimal"):
        Key.derive("secret", key_id="k")


def test_a_key_is_never_printed() -> None:
    assert KEY.lookup.hex() not in repr(KEY)
