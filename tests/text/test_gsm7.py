"""What a text costs, against an independent counter (smsutil), and what folding may and may not do to it."""

from __future__ import annotations

import unicodedata

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from smsgateway.text.gsm7 import (
    BASIC,
    EXTENSION,
    Encoding,
    encoding_of,
    fits,
    fold,
    segments,
    septets,
    shorten,
    unfolded,
)

# smsutil is wrong about two texts, so they are not asked of it: it takes U+001B (the escape itself) for a letter of
# GSM-7, and an empty text for UCS-2. Half an emoji cannot be encoded at all.
encodable = st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])
gsm = st.sampled_from(BASIC + EXTENSION)
anything = st.text(st.one_of(gsm, encodable, st.sampled_from("😀ɛœ€^")), min_size=1, max_size=480)
gsm_texts = st.text(gsm, min_size=1, max_size=480)
near_boundaries = st.builds(
    lambda head, tail: head + tail,
    st.integers(60, 310).map(lambda n: "a" * n),
    st.text(st.sampled_from("a€^😀ɛ"), max_size=20),
)


@given(st.one_of(anything, gsm_texts, near_boundaries))
@example("a" * 152 + "€" + "a" * 10)
@example("é" * 66 + "😀" * 5)
@example("ɛ" * 66 + "😀" + "ɛ" * 66)
def test_segments_and_encoding_agree_with_an_independent_counter(text: str) -> None:
    judged = smsutil.split(text)
    assert segments(text) == len(judged.parts)
    assert (encoding_of(text) is Encoding.GSM7) == smsutil.is_valid_gsm(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),  # an empty message is carried, and billed
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # 153 septets a segment: 76 pairs use 152, and the place left over is too small for a seventy-seventh
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 153 + "€" + "a" * 151, 2),
        ("ɛ" * 70, 1),
        ("ɛ" * 71, 2),
        ("ɛ" * 134, 2),
        ("ɛ" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ɛ" * 66 + "😀" + "ɛ" * 66, 3),
        ("\x1b", 1),
    ],
)
def test_segments_at_the_boundaries(text: str, count: int) -> None:
    assert segments(text) == count
    assert fits(text, count)
    assert count == 1 or not fits(text, count - 1)


def test_one_ligature_halves_the_room() -> None:
    alert = "URGENT K7: fille 14 mois, 07-4177, Sogola. OEDEME. Repondez RECU K7. Appelez ASC 76000001"
    assert segments(alert) == 1
    assert segments(alert.replace("OEDEME", "ŒDEME")) == 2


def test_the_escape_itself_is_no_letter() -> None:
    assert encoding_of("\x1b") is Encoding.UCS2
    assert fold("a\x1bb") == "ab"


def test_septets_count_the_extension_table_twice_and_name_what_has_none() -> None:
    assert septets("38 €") == 5
    assert septets("") == 0
    with pytest.raises(ValueError, match="u025b"):
        septets("tɛ")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Fièvre élevée, à l'hôpital où ça brûle", "Fièvre élevée, à l'hopital où ca brule"),
        ("âçêëîïôœûÿ", "aceeiiooeuy"),
        ("ÀÂÈÊËÎÏÔŒÙÛŸ", "AAEEEIIOOEUUY"),
        ("àéèùæÆÇÉüÜ€", "àéèùæÆÇÉüÜ€"),  # these French letters are in the alphabet: they stay
        ("« Sœur » – “mère” — l’enfant… 38,5°", '" Soeur " - "mère" - l\'enfant... 38,5o'),
        ("ɛɔɲŋ", "eonyng"),
        ("ƐƆƝŊ", "EONYNG"),
        ("Ɲamina, ƝAMINA", "Nyamina, NYAMINA"),
        ("Œdème, ŒDÈME", "Oedème, OEDEME"),
        ("sɛ\u0301nɛ\u0300", "sene"),  # tones over Bambara letters have no composed form
        ("fie\u0300vre", "fièvre"),  # decomposed, as some phones send it
        ("12\u00a0\u202f%", "12  %"),
        ("a\u200bb\ufeffc\u00add\u200f", "abcd"),
        ("a\tb\u2028c", "a b\nc"),
        ("٣٨ ３８", "38 38"),
        ("\ud83d", "?"),
    ],
)
def test_folding(written: str, sent: str) -> None:
    assert fold(written) == sent
    assert unfolded(sent) == []


@pytest.mark.parametrize("honest", ["10²", "½", "😀", "µg", "مالي", "38±1"])
def test_what_has_no_honest_replacement_stays_and_is_named(honest: str) -> None:
    assert fold(honest) == honest
    assert unfolded(honest)


def test_every_foreign_letter_is_named_once_in_order() -> None:
    assert unfolded("tɛmɛ œuf") == ["ɛ", "œ"]


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(gsm_texts)
def test_folding_leaves_gsm_text_alone(text: str) -> None:
    assert fold(text) == text


@given(st.text(st.sampled_from("abc é ɛɔɲŋœç’…«»–°\u00a0\u200b"), max_size=300))
def test_folding_makes_french_and_bambara_gsm_and_never_dearer(text: str) -> None:
    assert encoding_of(fold(text)) is Encoding.GSM7
    assert segments(fold(text)) <= segments(unicodedata.normalize("NFC", text))


@given(st.one_of(anything, near_boundaries), st.integers(1, 3))
def test_a_shortened_text_fits_and_is_a_beginning(text: str, allowed: int) -> None:
    short = shorten(text, allowed)
    assert fits(short, allowed)
    assert short == text or text.startswith(short.removesuffix("..."))


def test_shortening_keeps_whole_words() -> None:
    text = "mot " * 50
    assert shorten(text) == "mot " * 38 + "mot..."
    assert shorten("ça va") == "ça va"
    assert shorten("a" * 200) == "a" * 157 + "..."
