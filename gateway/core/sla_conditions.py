"""When a clock starts or ends, and from which instant: the conditions that the table of clocks names.

Source: domain section 5.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from gateway.core.area import PayStart, Unit
from gateway.core.calendar import MIDNIGHT, add_months, end_of_day, local_date
from gateway.core.happening import Happening
from gateway.core.legal_clock import Awaits
from gateway.core.order_table import PRE
from gateway.core.sla_rule import Instant, Name
from gateway.core.wire.instants import parse_rfc3339

_STANDING: Final = frozenset({"in_force", "claimed", "drawn"})


def by_member(member: str) -> Name:
    """Clocks are told apart by this member of the payload."""
    return lambda happening: str(happening.data.get(member, ""))


def by_message(happening: Happening) -> str:
    """One clock for one message."""
    return happening.id


def by_order(happening: Happening) -> str:
    """Clocks of a case are told apart by the order that they are about."""
    return happening.subject


def by_end(happening: Happening) -> str:
    """One clock for one end date of a guarantee."""
    return (happening.after.valid_to if happening.after else None) or ""


def delivered(happening: Happening) -> int | None:
    """The delivery: with the acceptance for whoever pulls, else not yet."""
    return happening.now if happening.delivered else None


def pay_started(happening: Happening) -> int | None:
    """The delivery of a payment notice, unless the area waits for the paper original."""
    return None if happening.area.pay_start is PayStart.ORIGINAL else delivered(happening)


def pay_awaits(happening: Happening) -> Awaits:
    """What starts the `pay` clock here."""
    return Awaits.SERVICE if happening.area.pay_start is PayStart.ORIGINAL else Awaits.DELIVERY


def special_due(happening: Happening) -> int | None:
    """The time that a payment notice names in place of the five days (XM 3, SM 6)."""
    special = happening.data.get("specialPayment")
    return None if special is None else parse_rfc3339(special["due"])


def service(_: Happening) -> Awaits:
    """Nothing but a record of service."""
    return Awaits.SERVICE


def signed(happening: Happening) -> int | None:
    """When the contractor signed for the deposit notice, filed or carried inside the application."""
    signatory = happening.data.get("notice", happening.data).get("signatory")
    return None if signatory is None else min(parse_rfc3339(signatory["time"]), happening.now)


def by_deposit_notice(happening: Happening) -> str:
    """A deposit notice starts one clock, however often it is shown."""
    return str(happening.data.get("notice", happening.data)["noticeNo"])


def named_date(happening: Happening) -> int:
    """The beginning of the date that a reminder names."""
    return end_of_day(date.fromisoformat(happening.data["startDate"]), 0)


def deposit_owed(happening: Happening) -> bool:
    """The case is neither covered nor exempted."""
    case = happening.case_after
    return case is None or not (case.covered or case.standing == "exempted")


def first_heard(happening: Happening) -> bool:
    """Nothing was filed of the case before: the notice inside the application is the first one."""
    return happening.case_before is None


def newly_covered(happening: Happening) -> bool:
    """By this the case became covered."""
    before = happening.case_before is not None and happening.case_before.covered
    return not before and happening.case_after is not None and happening.case_after.covered


def covered_by_new_order(happening: Happening) -> bool:
    """An order came into force for the first time, and the case is covered, whether or not it was before."""
    stood = happening.before is not None and happening.before.state in _STANDING
    covered = happening.case_after is not None and happening.case_after.covered
    return happening.entered == "in_force" and not stood and covered


def exempted(happening: Happening) -> bool:
    """The case owes no deposit by this."""
    return happening.case_after is not None and happening.case_after.standing == "exempted"


def left_review(happening: Happening) -> bool:
    """Issued, rejected or cancelled."""
    return happening.entered is not None and happening.entered not in PRE


def unserved(happening: Happening) -> bool:
    """The contractor has not signed for the letter yet."""
    return "signatory" not in happening.data


def notice_closed(happening: Happening) -> bool:
    """Every payee of the notice is paid or withdrawn."""
    return happening.notice is not None and not happening.notice.open


def notice_reopened(happening: Happening) -> bool:
    """A transfer came back after everything had been paid."""
    before, after = happening.notice_before, happening.notice
    return before is not None and not before.open and after is not None and after.open


def paid_out(happening: Happening) -> bool:
    """Money reached a payee."""
    before, after = happening.before, happening.after
    return before is not None and after is not None and after.paid_fen > before.paid_fen


def cash_paid_out(happening: Happening) -> bool:
    """Stored cash reached a payee."""
    return paid_out(happening) and happening.after is not None and happening.after.cash


def balance_restored(happening: Happening) -> bool:
    """What stands behind the order reaches its amount again."""
    before, after = happening.before, happening.after
    if before is None or after is None:
        return False
    return before.balance_fen < before.amount_fen and after.balance_fen >= after.amount_fen


def end_moved(happening: Happening) -> bool:
    """A guarantee has a new end date."""
    before, after = happening.before, happening.after
    if after is None or after.cash or after.valid_to is None or after.flag is not None:
        return False
    return before is None or after.valid_to != before.valid_to


def month_before_end(happening: Happening) -> int:
    """So many months, or days, before the guarantee's end as the area says."""
    last, notice = date.fromisoformat(by_end(happening)), happening.area.clocks["expiry"]
    by_days = notice.unit is Unit.DAYS
    first = last - timedelta(days=notice.count) if by_days else add_months(last, -notice.count)
    return end_of_day(first, 0)


def guarantee_end(happening: Happening) -> int:
    """The end of the guarantee's last day."""
    return end_of_day(date.fromisoformat(by_end(happening)), MIDNIGHT)


def lapsed(happening: Happening) -> bool:
    """The guarantee lapsed by this."""
    return happening.entered == "lapsed"


def lapse_ground(happening: Happening) -> str:
    """Why it lapsed, and the order that took its place if one did."""
    ground = (happening.after.lapse_ground if happening.after else None) or ""
    return f"{ground} {happening.replaced_by}" if happening.replaced_by else ground


def cash_in_force(happening: Happening) -> bool:
    """A cash deposit became effective."""
    return happening.after is not None and happening.after.cash and happening.entered == "in_force"


def first_period(happening: Happening) -> str:
    """The end of the running statement period."""
    return str(_period_end(local_date(happening.now), happening.area.statement_period_months))


def next_period(happening: Happening) -> str:
    """The end of the period after the one told."""
    told = date.fromisoformat(happening.data["periodTo"])
    return str(_period_end(told + timedelta(days=1), happening.area.statement_period_months))


def from_day(name: Name) -> Instant:
    """From the day that is the clock's key."""
    return lambda happening: end_of_day(date.fromisoformat(name(happening)), 0)


def tells_period(happening: Happening) -> bool:
    """A statement up to the end of a period; one for less ends no clock."""
    told = date.fromisoformat(happening.data["periodTo"])
    return _period_end(told, happening.area.statement_period_months) == told


def window_due(happening: Happening) -> int:
    """The end that the event itself names."""
    end: int = happening.data["windowDue"]
    return end


def more_periods(happening: Happening) -> bool:
    """There will be another statement: the deposit still stands."""
    return tells_period(happening) and happening.after is not None and happening.after.state in _STANDING


def _period_end(day: date, months: int) -> date:
    """The last day of the period that a day lies in; periods are counted from January."""
    following = add_months(day.replace(day=1), months - (day.month - 1) % months)
    return following - timedelta(days=1)
