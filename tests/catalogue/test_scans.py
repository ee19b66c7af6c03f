"""Reading GS1 data: what a symbol says is what is read, and what is wrong with it is named.

Cases marked biip are facts of jodal/biip's tests @ 701f78ee (Apache-2.0). The dressings are real
GTINs of the NHSBSA Drug Tariff (OGL v3.0) with invented batches.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from stockpile.catalogue import gs1
from stockpile.catalogue.gs1 import BadDay, BadGtin, BadKey, Element
from stockpile.catalogue.scans import (
    LONGEST,
    SUBSTITUTES,
    BadCharacters,
    BadElement,
    BadScan,
    Contradiction,
    NotGs1,
    Scan,
    SeparatorMissing,
    UnknownIdentifier,
    bracketed,
    read_scan,
)
from stockpile.errors import Invalid

TODAY = date(2026, 6, 1)
PACK = "0107032069804988"
DRESSING = "010405459600497917280300105B9BB030<GS>215FBDF5F10CE2"


def scanned(text: str) -> Scan:
    """What is read of the text today; <GS> stands for the separator."""
    return read_scan(text.replace("<GS>", "\x1d"), today=TODAY)


def facts(scan: Scan) -> tuple[str | None, str | None, str | None, str | None]:
    """GTIN, batch, expiry and serial."""
    return scan.gtin, scan.lot, scan.expiry.isoformat() if scan.expiry else None, scan.serial


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (DRESSING, ("04054596004979", "5B9BB030", "2028-03-31", "5FBDF5F10CE2")),
        ("]d2" + DRESSING, ("04054596004979", "5B9BB030", "2028-03-31", "5FBDF5F10CE2")),
        (
            "01007073877733591727090510C5EB1033<GS>21A8EC87707E2E",
            ("00707387773359", "C5EB1033", "2027-09-05", "A8EC87707E2E"),
        ),
        ("<GS>" + DRESSING, ("04054596004979", "5B9BB030", "2028-03-31", "5FBDF5F10CE2")),
        ("]C1" + PACK + "100329<GS>15210526", ("07032069804988", "0329", None, None)),
        ("]e00100123456789012", ("00123456789012", None, None, None)),
        (PACK + "15210526100329", ("07032069804988", "0329", None, None)),
        ("0207032069804988", ("07032069804988", None, None, None)),
        ("17211200", (None, None, "2021-12-31", None)),
        (PACK + "7003270315" + "1200", ("07032069804988", None, "2027-03-15", None)),
        (PACK + "<GS>17270315<GS>10A", ("07032069804988", "A", "2027-03-15", None)),
    ],
)
def test_an_element_string_is_read(text: str, wanted: tuple[str | None, ...]) -> None:
    assert facts(scanned(text)) == wanted


@pytest.mark.parametrize("substitute", SUBSTITUTES)
def test_what_a_keyboard_scanner_sends_for_the_separator_is_one(substitute: str) -> None:
    assert facts(read_scan(DRESSING.replace("<GS>", substitute), today=TODAY)) == facts(scanned(DRESSING))


@pytest.mark.parametrize("around", ["\r\n", "\n", "\t", " "])
def test_the_line_end_that_a_scanner_adds_is_no_part_of_the_code(around: str) -> None:
    assert facts(scanned(around + DRESSING + around)) == facts(scanned(DRESSING))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(01)07032069804988(17)270315(10)0329", ("07032069804988", "0329", "2027-03-15", None)),
        ("(01) 07032069804988 (17) 270300 (10) 0329 ", ("07032069804988", "0329", "2027-03-31", None)),
        ("(01)07032069804988\n(10)0329\r\n(21)7", ("07032069804988", "0329", None, "7")),
        ("(10)0329(01)7032069804988", ("07032069804988", "0329", None, None)),
        ("(01)07032069804988(10)A(1)B", ("07032069804988", "A(1)B", None, None)),
    ],
)
def test_the_text_beside_a_symbol_is_read(text: str, wanted: tuple[str | None, ...]) -> None:
    assert facts(scanned(text)) == wanted


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("07032069804988", "07032069804988"),
        ("1234567890128", "01234567890128"),
        ("123456789012", "00123456789012"),
        ("12345670", "00000012345670"),
        ("]E05901234123457", "05901234123457"),
        ("]E496385074", "00000096385074"),
        ("]I107032069804988", "07032069804988"),
        ("11030201", "00000011030201"),
    ],
)
def test_the_digits_under_a_retail_barcode_are_a_gtin(text: str, gtin: str) -> None:
    scan = scanned(text)
    assert (scan.form, scan.gtin) == ("gtin", gtin)


def test_digits_that_are_no_gtin_but_begin_with_a_day_are_an_element_string() -> None:
    scan = scanned("17280300101234")
    assert (scan.form, scan.expiry, scan.lot) == ("element string", date(2028, 3, 31), "1234")


@pytest.mark.parametrize(
    "text", ["00157035381410375177", "157035381410375177", "(00)157035381410375177", "]C100157035381410375177"]
)
def test_a_pallets_number_is_read(text: str) -> None:
    assert (scanned(text).sscc, scanned(text).gtin) == ("157035381410375177", None)


@pytest.mark.parametrize(
    ("text", "gtin", "lot"),
    [
        ("https://id.gs1.org/01/00614141123452/10/ABC123", "00614141123452", "ABC123"),
        ("HTTPS://ID.GS1.ORG/01/00614141123452/10/ABC123", "00614141123452", "ABC123"),
        ("https://example.com/01/614141123452/10/ABC123?15=250330", "00614141123452", "ABC123"),
        ("]Q3https://example.com/01/614141123452/10/ABC123?15=250330", "00614141123452", "ABC123"),
        ("https://brand.example.net/prefix/01/00614141123452?foo=bar", "00614141123452", None),
        ("https://id.gs1.org/01/00614141123452/10/A%2FB", "00614141123452", "A/B"),
    ],
    ids=["plain", "capitals", "short gtin", "qr", "prefix", "escaped"],
)
def test_a_digital_link_is_read(text: str, gtin: str, lot: str | None) -> None:
    scan = scanned(text)
    assert (scan.form, scan.gtin, scan.lot) == ("digital link", gtin, lot)


def test_a_pallets_link_names_what_is_on_it() -> None:
    scan = scanned("https://id.gs1.org/00/106141412345678908?02=00614141123452&10=ABC123&37=25")
    assert (scan.sscc, scan.gtin, scan.contained, scan.count) == ("106141412345678908", "00614141123452", True, 25)


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("280300", TODAY, date(2028, 3, 31)),
        ("280200", TODAY, date(2028, 2, 29)),
        ("290200", TODAY, date(2029, 2, 28)),
        ("760101", TODAY, date(2076, 1, 1)),
        ("770101", TODAY, date(1977, 1, 1)),
        ("990101", TODAY, date(1999, 1, 1)),
        ("000101", date(1975, 1, 1), date(2000, 1, 1)),
        ("400101", date(2095, 1, 1), date(2140, 1, 1)),
        ("500101", date(2000, 1, 1), date(2050, 1, 1)),
        ("510101", date(2000, 1, 1), date(1951, 1, 1)),
    ],
)
def test_day_00_is_the_last_of_its_month_and_a_year_lies_49_back_to_50_ahead(text: str, today: date, day: date) -> None:
    assert gs1.day(text, today=today) == day


@pytest.mark.parametrize("text", ["270001", "271301", "270230", "27023", "2702301", "२७०२०१", "", "27-201"])
def test_six_digits_that_are_no_day_are_refused(text: str) -> None:
    with pytest.raises(BadDay):
        gs1.day(text, today=TODAY)


@pytest.mark.parametrize(
    ("text", "refusal", "named"),
    [
        ("0107032069804987", BadGtin, "Expected 8, got 7"),
        ("07032069804987", BadGtin, "Expected 8, got 7"),
        ("]E05901234123458", BadGtin, "check digit"),
        ("(01)07032069804987(10)0329", BadGtin, "Expected 8"),
        ("https://id.gs1.org/01/00614141123453", BadGtin, "Expected 2"),
        ("376130321109103421", BadKey, "check digit is 1 where 0 is right"),
        ("00376130321109103421", BadKey, "check digit is 1 where 0 is right"),
        ("4101234567890127", BadKey, "no GLN: its check digit is 7 where 8 is right"),
        (PACK + "17270230", BadDay, "2027-02 has 28 days"),
        (PACK + "17271300", BadElement, "(17)"),
        (PACK + "0510", UnknownIdentifier, "'0510' at character 17"),
        ("(01)07032069804988(05)1", UnknownIdentifier, "(05)"),
        ("0301021430", BadElement, "(03)"),
        ("010703206", BadElement, "does not fit N2+N14"),
        (PACK + "3712A", SeparatorMissing, "(37)"),
        (PACK + "37123456789", SeparatorMissing, "(37)"),
        ("(01)07032069804988(37)123456789", BadElement, "does not fit N2+N..8"),
        (PACK + "3700", BadElement, "counts nothing"),
        (PACK + "10<GS>17270315", BadElement, "(10)"),
        ("(01)07032069804988(10)", BadElement, "(10)"),
        ("(01)07032069804988(10)A|B", BadElement, "(10)"),
        (PACK + "10A<GS>10B", Contradiction, "as A and B"),
        (PACK + "0100614141123452", Contradiction, "(01)"),
        (PACK + "0200614141123452", Contradiction, "(01) and (02)"),
        ("https://id.gs1.org/01/00614141123452/10/A?10=B", Contradiction, "as A and B"),
        ("https://id.gs1.org/01/00614141123452?10=A&10=B", Contradiction, "(10)"),
        ("https://example.com/", NotGs1, "Digital Link"),
        ("https://[/01/00614141123452", NotGs1, "Digital Link"),
        ("https://id.gs1.org/01/01234567890128/21/12345XYZ/10/ABC123", NotGs1, "Digital Link"),
        ("hello", NotGs1, "hello"),
        ("]A0hello", NotGs1, "]A0"),
        ("]d1A12345", NotGs1, "]d1"),
        ("(hello)", NotGs1, "brackets"),
        ("1.23456", NotGs1, "1.23456"),
        ("<GS>", NotGs1, "nothing"),
        ("", NotGs1, "nothing"),
        ("   \r\n", NotGs1, "nothing"),
    ],
)
def test_what_is_wrong_with_a_code_is_named(text: str, refusal: type[Invalid], named: str) -> None:
    with pytest.raises(refusal) as refused:
        scanned(text)
    assert named in refused.value.message
    assert refused.value.facts["field"]


def test_the_same_element_twice_with_one_value_is_said_once() -> None:
    assert scanned(PACK + "10A<GS>10A").elements == (Element("01", "07032069804988"), Element("10", "A"))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("010703206980498810032915210526", "(01)07032069804988(10)0329(15)210526"),
        (PACK + "10LOT717270300", "(01)07032069804988(10)LOT7(17)270300"),
        (PACK + "10LOT7172703002112345", "(01)07032069804988(10)LOT7(17)270300(21)12345"),
        (PACK + "1727030010ABC12321XYZ789", "(01)07032069804988(17)270300(10)ABC123(21)XYZ789"),
        (PACK + "1727030021XYZ78910ABC123", "(01)07032069804988(17)270300(21)XYZ789(10)ABC123"),
        ("17270300" + "10A" + PACK, "(17)270300(10)A(01)07032069804988"),
        ("0207032069804988" + "10LOT" + "3712", "(02)07032069804988(10)LOT(37)12"),
        ("]d2" + PACK + "10LOT717270300", "(01)07032069804988(10)LOT7(17)270300"),
        ("10222--15210526", "(10)222--(15)210526"),
    ],
    ids=["biip", "day", "day and serial", "serial", "batch", "gtin", "count", "with symbology", "biip dashes"],
)
def test_a_batch_that_swallowed_what_follows_it_is_refused_with_both_readings(text: str, reading: str) -> None:
    with pytest.raises(SeparatorMissing, match="Set the scanner to send FNC1") as refused:
        scanned(text)
    readings = refused.value.facts["readings"]
    assert isinstance(readings, list)
    assert readings[0] == reading
    assert [bracketed(scanned(one).elements) for one in readings] == readings


def test_a_batch_that_runs_on_beyond_twenty_characters_is_refused() -> None:
    with pytest.raises(SeparatorMissing, match="at character 25 runs on"):
        scanned(DRESSING.replace("<GS>", ""))


@pytest.mark.parametrize(
    "text",
    [
        PACK + "1015210526AB<GS>",
        PACK + "21ABC<GS>10LOT717270300",
        PACK + "10T-21",
        PACK + "1021ABCDEFG",
        PACK + "10LOT17999999",
        PACK + "10B2103456",
        "(01)07032069804988(10)LOT717270300",
        "https://id.gs1.org/01/07032069804988/10/LOT717270300",
    ],
)
def test_an_odd_batch_code_is_taken_as_it_is_where_nothing_speaks_against_it(text: str) -> None:
    assert scanned(text).lot in text


HOSTILE = [
    "\x00",
    PACK + "\x00",
    PACK + "10A\u202eB",
    PACK + "10A\u200bB",
    "\ufeff" + PACK,
    "०१०७०३२०६९८०४९८८",
    "０１０７０３２０６９８０４９８８",
    PACK + "10А",
    PACK + "10\x1eA",
    "[)>\x1e06\x1d1PABC",
    PACK + "10A\nB",
    PACK + "10é",
    "\ud800",
    "1" * 100_000,
    "(" * 100_000,
    "\x1d" * 100_000,
    PACK + "10" + "A" * 100_000,
    "https://id.gs1.org/01/" + "0" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_characters_that_no_symbol_holds_and_endless_text_are_refused(text: str) -> None:
    with pytest.raises(BadCharacters) as refused:
        read_scan(text, today=TODAY)
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 200


NONSENSE = ["(" * LONGEST, "(01)" * 500, "10" + "1" * 1998, "\x1d01" * 600, "https://" + "/01" * 600]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_the_longest_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_scan(text, today=TODAY)


@settings(deadline=None)
@given(some.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadScan, BadGtin, BadKey, BadDay):
        assert read_scan(text, today=TODAY).elements


LETTERS = "".join(chr(code) for code in range(33, 123) if gs1.fits(Element("10", chr(code))))
codes = some.text(LETTERS, min_size=1, max_size=20)
gtins = (
    some.integers(0, 10**13 - 1)
    .map(lambda number: gs1.sscc(number, prefix="100")[4:])
    .map(lambda digits: next(f"{digits[:13]}{last}" for last in range(10) if _is_gtin(f"{digits[:13]}{last}")))
)
days = some.dates(date(1978, 1, 1), date(2075, 12, 31))


def _is_gtin(digits: str) -> bool:
    try:
        return gs1.checked_gtin(digits) == digits
    except BadGtin:
        return False


@settings(deadline=None)
@given(gtin=gtins, lot=some.none() | codes, expiry=some.none() | days, serial=some.none() | codes)
def test_what_is_written_is_read_again(gtin: str, lot: str | None, expiry: date | None, serial: str | None) -> None:
    values = {"01": gtin, "17": gs1.yymmdd(expiry) if expiry else None, "10": lot, "21": serial}
    elements = gs1.ordered(Element(name, value) for name, value in values.items() if value)
    for text in (gs1.element_string(elements), "]d2" + gs1.element_string(elements)):
        scan = read_scan(text, today=TODAY)
        assert (scan.gtin, scan.lot, scan.expiry, scan.serial) == (gtin, lot, expiry, serial)


@settings(deadline=None)
@given(some.integers(0, 10**13 - 1))
def test_every_number_makes_an_sscc_that_is_one(number: int) -> None:
    sscc = gs1.sscc(number)
    assert gs1.checked_key(sscc, name="SSCC", length=18) == sscc
    assert sscc[1:4] == gs1.DEMONSTRATION_PREFIX
    assert int(sscc[4:17]) == number
