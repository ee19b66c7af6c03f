"""The words of the screens: the catalogues that the public pages speak from too."""

from __future__ import annotations

from stockpile.words import FOLDER, LANGUAGE_COOKIE, LANGUAGES, NAMES, catalogue, chosen, words_of

__all__ = ["FOLDER", "LANGUAGES", "LANGUAGE_COOKIE", "NAMES", "catalogue", "chosen", "words_of"]
