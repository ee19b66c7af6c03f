"""The way in, the way out and what is noted of members; steps need evidence, and the weighty ones a decision."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require
from stockpile.governance.standing import queries, rules
from stockpile.governance.standing.tables import Agreement, MemberEvidence, MemberPopulation, MemberStanding
from stockpile.governance.tables import Member


class NoSuchStep(Conflict):
    """A membership does not go from its state to that one."""

    code = "membership_step"


class EvidenceMissing(Conflict):
    """Something that this step of membership needs is not on file."""

    code = "membership_evidence"


class MemberKnown(Conflict):
    """The code belongs to a member already."""

    code = "member_known"


def nominate(session: Session, act: Act, *, member: Member, reason: str) -> Member:
    """A candidate: known by name, without rights, until the committee admits it."""
    require(act.actor, "member.note")
    if session.get(Member, member.code) is not None:
        raise MemberKnown(f"{member.code} is a member already, or was one", field="code", value=member.code)
    if ":" in member.code or not member.code.strip() or member.population <= 0:
        raise Invalid("a member needs a code without a colon, and a population above zero", field="code")
    session.add(member)
    session.flush()
    _stand(session, act, member.code, rules.CANDIDATE, reason=reason)
    return member


def file_evidence(session: Session, act: Act, *, member: str, kind: str, reference: str) -> MemberEvidence:
    """Put on file what a step of membership needs: a reference under which others find it."""
    require(act.actor, "member.note")
    governance.member(session, member)
    if kind not in rules.EVIDENCE or kind == rules.STATEMENT or not reference.strip():
        known = ", ".join(one for one in rules.EVIDENCE if one != rules.STATEMENT)
        raise Invalid(f"evidence is one of {known}, with a reference; the statement is the settlement's", field="kind")
    return keep_on_file(session, act, member=member, kind=kind, reference=reference)


def keep_on_file(session: Session, act: Act, *, member: str, kind: str, reference: str) -> MemberEvidence:
    """Keep a piece of evidence once; who calls has asked whether the actor may."""
    same = select(MemberEvidence).where(
        MemberEvidence.member_code == member, MemberEvidence.kind == kind, MemberEvidence.reference == reference
    )
    found = session.exec(same).one_or_none()
    if found is not None:
        return found
    made = MemberEvidence(
        member_code=member,
        kind=kind,
        reference=reference,
        set_by=act.actor.id,
        filed_at=act.at,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"kind": kind, "reference": reference}
    journal.record(session, act, action="member.evidence", subject=f"member:{member}", payload=payload)
    return made


def note_population(
    session: Session, act: Act, *, member: str, year: int, population: int, source: str
) -> MemberPopulation:
    """Note a member's population of a year with its source; decisions made before keep the one they counted."""
    require(act.actor, "member.note")
    governance.member(session, member)
    if population <= 0 or not 1900 <= year <= act.at.year or not source.strip():
        raise Invalid("a population is above zero, of a year that has begun, and names its source", field="population")
    made = MemberPopulation(
        member_code=member,
        year=year,
        population=population,
        source=source,
        set_by=act.actor.id,
        known_from=act.at,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"year": year, "population": population, "source": source}
    journal.record(session, act, action="member.population", subject=f"member:{member}", payload=payload)
    return made


def step(session: Session, act: Act, *, member: str, to: str, reason: str) -> MemberStanding:
    """Take a membership to its next state: notice is the member's own word, admission and the like are decided."""
    governance.member(session, member)
    now = queries.state(session, member, at=act.at)
    if (now, to) not in rules.STEPS:
        following = [after for before, after in rules.STEPS if before == now]
        raise NoSuchStep(
            f"{member} is {now}: from there it goes to {', '.join(following) or 'nothing'}, not to {to}", state=now
        )
    operation = rules.DECIDED.get(to, "member.notice" if to == rules.NOTICE else "member.note")
    require(act.actor, operation, member=member)
    on_file = _on_file(session, act, member, to=to)
    missing = [kind for kind in rules.STEPS[now, to] if kind not in on_file]
    if missing:
        told = "; ".join(rules.EVIDENCE[kind] for kind in missing)
        raise EvidenceMissing(f"{member} cannot become {to} yet, for it is not on file: {told}", missing=missing)
    payload = {"member": member, "to": to}
    under = gate.decide(session, act, Effect(operation, f"member:{member}", payload))
    return _stand(session, act, member, to, reason=reason, under=under)


def _on_file(session: Session, act: Act, member: str, *, to: str) -> set[str]:
    """The kinds of evidence that count for a step. Refuses an exit before the notice is over by the agreement.

    For an exit only a settlement statement counts that was made since the member gave notice.
    """
    found = queries.evidence(session, member)
    given = queries.since(session, member, at=act.at)
    if to != rules.EXITED or given is None:
        return {one.kind for one in found}
    agreed = queries.agreement(session, on=governance.local_day(session, given))
    over = given + timedelta(days=agreed.notice_days if agreed else 0)
    if act.at < over:
        raise NoSuchStep(
            f"{member} gave notice on {given:%Y-%m-%d}: by the agreement it stays a member until {over:%Y-%m-%d}",
            state=rules.NOTICE,
        )
    return {one.kind for one in found if one.kind != rules.STATEMENT or one.filed_at >= given}


def _stand(
    session: Session, act: Act, member: str, state: str, *, reason: str, under: gate.Authority | None = None
) -> MemberStanding:
    made = MemberStanding(
        member_code=member,
        state=state,
        since=act.at,
        reason=reason,
        decision_id=under.decision if under else None,
        set_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"state": state, **(under.told if under else {})}
    journal.record(session, act, action=f"member.{state}", subject=f"member:{member}", payload=payload, reason=reason)
    return made


def adopt_agreement(
    session: Session,
    act: Act,
    *,
    text_sha256: str,
    effective_from: date,
    governing_law: str,
    languages: str,
    cost_key: str,
    notice_days: int,
) -> Agreement:
    """Put the next version of the agreement in force from a day on, by a decision that adopted exactly these terms."""
    require(act.actor, "agreement.adopt")
    newest = queries.agreements(session)
    if len(text_sha256) != 64 or not set(text_sha256) <= set("0123456789abcdef"):
        raise Invalid("the text's SHA-256 is 64 hexadecimal digits", field="text_sha256")
    if effective_from < governance.local_day(session, act.at):
        raise Invalid(f"an agreement cannot begin on {effective_from}: that day has passed", field="effective_from")
    terms = {
        "text_sha256": text_sha256,
        "effective_from": effective_from.isoformat(),
        "governing_law": governing_law,
        "languages": languages,
        "cost_key": cost_key,
        "notice_days": notice_days,
    }
    under = gate.decide(session, act, Effect("agreement.adopt", "agreement", terms))
    made = Agreement(
        version=newest[0].version + 1 if newest else 1,
        text_sha256=text_sha256,
        effective_from=effective_from,
        governing_law=governing_law,
        languages=languages,
        cost_key=cost_key,
        notice_days=notice_days,
        decision_id=under.decision,
        recorded_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    subject = f"agreement:{made.version}"
    journal.record(session, act, action="agreement.adopt", subject=subject, payload={**terms, **under.told})
    return made
