"""What an institution's answer to a reconciliation comes to: each difference with its cause and what to do.

The answer names differences; what they come from is found out from what is kept here now. One row a cause. `claim` is
what the institution says, the test what is kept of the message; the first row that fits counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.reconciliation import Line

AGREED: Final = "agreed"
DIFFERS: Final = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A difference as the institution names it; what it holds of the message itself, where it says so."""

    source: str
    id: str
    kind: str
    digest: str | None = None
    fen: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one claim is judged by: the institution, the message as kept now (None: unknown), whether it was listed."""

    institution: str
    claim: Claim
    kept: Line | None
    listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A difference explained. `settled` ones call for nothing. `source` and `id` are None for the list as a whole."""

    source: str | None
    id: str | None
    kind: str
    cause: str
    text: str
    advice: str
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    code: str
    kind: str
    fits: Callable[[Sight], bool]
    text: str
    advice: str
    settled: bool = False


def _is_theirs(sight: Sight) -> bool:
    return sight.claim.source == sight.institution


def _is_known(sight: Sight) -> bool:
    return sight.kept is not None and sight.institution in {sight.kept.source, sight.kept.recipient}


def _has_state(*states: str) -> Callable[[Sight], bool]:
    return lambda sight: sight.kept is not None and sight.kept.state in states


def _digest_matches(sight: Sight) -> bool:
    return sight.kept is not None and sight.claim.digest == sight.kept.digest


def _fen_matches(sight: Sight) -> bool:
    return sight.kept is not None and sight.claim.fen is not None and sight.claim.fen == sight.kept.fen


def _state_matches(sight: Sight) -> bool:
    return sight.kept is not None and sight.claim.state == sight.kept.state


def _always(_: Sight) -> bool:
    return True


_CAUSES: Final[tuple[_Cause, ...]] = (
    _Cause(
        code="unknown_to_both",
        kind="missing_here",
        fits=lambda sight: not _is_known(sight),
        text="对方称没有收到，本网关也没有这份报文",
        advice="请对方核对所报的发送方与报文 id",
    ),
    _Cause(
        code="sender_disowns",
        kind="missing_here",
        fits=_is_theirs,
        text="报文由对方密钥签名并已受理，对方却没有记录",
        advice="请对方立即核查由谁、以哪把密钥发出；疑似密钥外泄时用 wgg institution key revoke 吊销",
    ),
    _Cause(
        code="receipted_then_lost",
        kind="missing_here",
        fits=_has_state("delivered"),
        text="对方签过送达回执，其系统内却没有记录",
        advice="用 wgg messages show 取出对方的签名回执，请对方据以在其系统中查找并补录",
    ),
    _Cause(
        code="not_delivered",
        kind="missing_here",
        fits=_has_state("failed", "cancelled"),
        text="投递失败或已作废，对方确未收到",
        advice="用 wgg dead list 查看原因，对方修复后用 wgg dead replay 重投",
    ),
    _Cause(
        code="under_way",
        kind="missing_here",
        fits=_always,
        text="仍在投递，对方尚未收到",
        advice="不必处理，送达后自然一致；长时间不变时用 wgg messages show 查看投递情况",
        settled=True,
    ),
    _Cause(
        code="other_day",
        kind="missing_there",
        fits=lambda sight: _is_known(sight) and not sight.listed,
        text="已受理，按受理时间列在另一日的对账中",
        advice="不必处理，见另一日的对账",
        settled=True,
    ),
    _Cause(
        code="listed_after_all",
        kind="missing_there",
        fits=_is_known,
        text="对方称清单中没有，实际列在其中",
        advice="请对方按发送方与报文 id 重新核对清单",
    ),
    _Cause(
        code="unknown_to_us",
        kind="missing_there",
        fits=_always,
        text="对方有而本网关从未受理",
        advice="请对方以原 id、原内容重新发送；对方若持有受理回执，请其提供以便核验",
    ),
    _Cause(
        code="digest_confirmed",
        kind="digest_differs",
        fits=_digest_matches,
        text="对方所报摘要与本网关留存的相同",
        advice="请对方核对其比对程序",
        settled=True,
    ),
    _Cause(
        code="digest_differs",
        kind="digest_differs",
        fits=_always,
        text="双方所存的报文内容不同",
        advice="以发送方的签名为准：用 wgg messages show 取出原文摘要与回执，请对方与其所收字节逐一比对",
    ),
    _Cause(
        code="amount_confirmed",
        kind="amount_differs",
        fits=_fen_matches,
        text="对方所报金额与报文所载相同",
        advice="请对方核对其比对程序",
        settled=True,
    ),
    _Cause(
        code="amount_differs",
        kind="amount_differs",
        fits=_always,
        text="对方记账金额与报文所载金额不同",
        advice="以签名报文所载金额为准，请对方更正其台账；报文本身有误的由发送方另发更正",
    ),
    _Cause(
        code="state_caught_up",
        kind="state_differs",
        fits=_state_matches,
        text="编制之后状态已经变化，现与对方一致",
        advice="不必处理",
        settled=True,
    ),
    _Cause(
        code="receipt_missing",
        kind="state_differs",
        fits=lambda sight: sight.claim.state == "delivered",
        text="对方称已收到，本网关没有其有效回执",
        advice="请对方对该报文再次提交签名回执；重复提交不会重复生效",
    ),
    _Cause(
        code="state_differs",
        kind="state_differs",
        fits=_always,
        text="双方所记状态不同",
        advice="用 wgg messages show 查看状态与各次投递，与对方逐笔核对",
    ),
)

_WHOLE_LIST: Final = Finding(
    source=None,
    id=None,
    kind="digest_differs",
    cause="list_digest_differs",
    text="对方称相符，但其明细摘要与本网关的不同",
    advice="请对方按报文目录写明的办法重算明细摘要，并逐条列出差异后再次答复",
    settled=False,
)


def read_claims(data: Mapping[str, Any]) -> Sequence[Claim]:
    """The differences that a `reconciliation.answer.v1` names."""
    names = Claim.__dataclass_fields__
    found = data.get("differences", ()) if data["result"] == DIFFERS else ()
    return [Claim(**{name: value for name, value in entry.items() if name in names}) for entry in found]


def explain(
    institution: str,
    data: Mapping[str, Any],
    *,
    digest: str,
    listed: frozenset[tuple[str, str]],
    kept: Mapping[tuple[str, str], Line],
) -> Sequence[Finding]:
    """Every difference of an answer with its cause; none where both sides agree.

    `digest` is the list's, `listed` the messages on it, `kept` those that the claims name as they are kept now.
    """
    claims = read_claims(data)
    sights = [
        Sight(
            institution=institution,
            claim=claim,
            kept=kept.get((claim.source, claim.id)),
            listed=(claim.source, claim.id) in listed,
        )
        for claim in claims
    ]
    disputed = data["result"] == AGREED and data.get("digest", digest) != digest
    return [*([_WHOLE_LIST] if disputed else []), *map(_judge, sights)]


def _judge(sight: Sight) -> Finding:
    cause = next(row for row in _CAUSES if row.kind == sight.claim.kind and row.fits(sight))
    return Finding(
        source=sight.claim.source,
        id=sight.claim.id,
        kind=sight.claim.kind,
        cause=cause.code,
        text=cause.text,
        advice=cause.advice,
        settled=cause.settled,
    )
