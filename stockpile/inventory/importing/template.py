"""The template to fill in, as CSV and as a workbook."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from stockpile.inventory.importing import rules

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPES: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
"""Style 1 is text (number format 49), so that a batch code keeps its leading zeros."""


def as_csv() -> str:
    """The header alone, so that it can be filled in and sent."""
    return ",".join(rules.COLUMNS) + "\r\n"


def explained() -> str:
    """What each column means, one per line."""
    return "\n".join(f"{name:<13} {meaning}" for name, meaning in rules.COLUMNS.items())


def as_xlsx() -> bytes:
    """A sheet to fill in, its columns formatted as text, and one that explains them."""
    return workbook({"stock": [tuple(rules.COLUMNS)], "explanation": [("column", "meaning"), *rules.COLUMNS.items()]})


def workbook(sheets: Mapping[str, Sequence[tuple[str, ...]]]) -> bytes:
    """A workbook of these sheets, each a list of rows of text, the first row its header."""
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            [("styles", "styles.xml"), *(("worksheet", f"worksheets/sheet{at + 1}.xml") for at in range(len(sheets)))]
        ),
        "xl/styles.xml": _STYLES,
    }
    for at, rows in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{at}.xml"] = _sheet(rows)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def _content_types(sheets: int) -> str:
    listed = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    listed += [(f"/xl/worksheets/sheet{at + 1}.xml", "worksheet") for at in range(sheets)]
    overrides = "".join(f'<Override PartName="{part}" ContentType="{_TYPES}.{kind}+xml"/>' for part, kind in listed)
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    defaults = f'<Default Extension="rels" ContentType="{relations}"/>'
    return f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">{defaults}{overrides}</Types>'


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _workbook(names: Sequence[str]) -> str:
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(names, start=1)
    )
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'


def _sheet(rows: Sequence[tuple[str, ...]]) -> str:
    width = max(len(row) for row in rows)
    columns = f'<cols><col min="1" max="{width}" width="18" style="1" customWidth="1"/></cols>'
    written = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'{_HEAD}<worksheet xmlns="{_MAIN}">{columns}<sheetData>{written}</sheetData></worksheet>'


def _cell(text: str) -> str:
    return f'<c t="inlineStr" s="1"><is><t>{escape(text)}</t></is></c>'
