"""Controlled stock: the running register, authorisations to cross a border, reports of losses."""
