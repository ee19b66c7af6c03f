"""An eye for printed symbols: modules as paper, paper through zxing-cpp's reader, SVG labels as paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import zxingcpp

Paper = list[bytearray]
DOTS = 20
"""Dots per millimetre in which a label is looked at."""
SVG = "{http://www.w3.org/2000/svg}"


def shades(modules: Sequence[Sequence[bool]], *, across: int, down: int) -> Paper:
    """The modules on white paper, each so many dots across and down, with a wide margin."""
    margin = 20 * across
    blank = bytearray(b"\xff") * (len(modules[0]) * across + 2 * margin)
    rows = [
        bytearray(b"\xff") * margin
        + b"".join((b"\0" if dark else b"\xff") * across for dark in row)
        + bytearray(b"\xff") * margin
        for row in modules
    ]
    return [*[bytearray(blank) for _ in range(margin)], *[r for r in rows for _ in range(down)], *[blank] * margin]


def seen(paper: Paper) -> list[tuple[str, str]]:
    """(symbology identifier, text) of every symbol on the paper, FNC1 as the character GS; sorted."""
    dots = memoryview(b"".join(paper)).cast("B", shape=[len(paper), len(paper[0])])
    kinds = zxingcpp.barcode_formats_from_str("DataMatrix|Code128")
    found = zxingcpp.read_barcodes(dots, formats=kinds, text_mode=zxingcpp.TextMode.Plain)
    return sorted((one.symbology_identifier, one.text) for one in found)


def printed(svg: str) -> Paper:
    """An SVG label as paper: its paths of dark runs, placed as its transforms say."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    paper = [bytearray(b"\xff") * round(width * DOTS) for _ in range(round(height * DOTS))]
    for path in root.iter(f"{SVG}path"):
        x, y, across, down = (float(n) for n in re.findall(r"[0-9.]+", path.attrib["transform"]))
        for start, row, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path.attrib["d"]):
            left, right = (round((x + n * across) * DOTS) for n in (int(start), int(start) + int(length)))
            top, bottom = (round((y + n * down) * DOTS) for n in (int(row), int(row) + 1))
            for line in paper[top:bottom]:
                line[left:right] = bytes(right - left)
    return paper


def words(svg: str) -> list[str]:
    """The lines for people on an SVG label."""
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
