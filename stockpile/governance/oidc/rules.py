"""From what an identity provider says of somebody to roles here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stockpile.actor import Grant
from stockpile.errors import Invalid
from stockpile.governance.rules import ROLES, SCHEDULER, SUPPLIER

STRONG: Final = frozenset({"mfa", "otp", "hwk", "fido"})
"""Ways of signing in (RFC 8176) that show a second factor to the provider."""


def grants_of(claims: Mapping[str, Any], *, claim: str, roles: Mapping[str, str]) -> list[Grant]:
    """The grants that the values of a claim stand for, as the installation maps them: role, member, site with colons.

    >>> grants_of({"groups": ["dock", "other"]}, claim="groups", roles={"dock": "logistics::D-BE"})
    [Grant(role='logistics', member=None, site='D-BE')]
    """
    given = claims.get(claim, [])
    values = given if isinstance(given, list) else [given]
    named = [roles[value] for value in values if isinstance(value, str) and value in roles]
    return [_grant(one) for one in dict.fromkeys(named)]


def _grant(told: str) -> Grant:
    role, member, site = (*told.split(":"), "", "")[:3]
    if role not in ROLES or role == SCHEDULER or told.count(":") > 2 or (role == SUPPLIER and not member):
        raise Invalid(f"oidc_roles: {told} is no role:member:site", field="oidc_roles", value=told)
    return Grant(role, member or None, site or None)


def strong(claims: Mapping[str, Any]) -> bool:
    """Whether the provider saw a second factor.

    >>> strong({"amr": ["pwd", "otp"]}), strong({"amr": ["pwd"]}), strong({})
    (True, False, False)
    """
    given = claims.get("amr", [])
    return isinstance(given, list) and not STRONG.isdisjoint(one for one in given if isinstance(one, str))
