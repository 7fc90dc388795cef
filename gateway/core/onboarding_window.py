"""Whether an institution may take its official test now: in its own test window and at no other time.

Source: access guide (XM), notes for institutions 2; domain section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.core.onboarding import STAGES, Application, MoveRefused, Registry, Stage
from gateway.core.wire.instants import format_beijing

_PRACTICE: Final = "平时练习请用 wgg conformance run --practice。"
_PASSED: Final = "不必再测；上线用 wgg onboarding go-live。"
_OVER: Final = "请重新填报申请（wgg onboarding apply）。"
_INSTEAD: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.DRAFT: "请先提交六项材料与申请（wgg onboarding attach、submit）。",
        Stage.SUBMITTED: "请先核对材料，齐全后进入队列（wgg onboarding check、complete）。",
        Stage.COMPLETE: "请等轮到时开启测试窗口（wgg onboarding open）。",
        Stage.QUEUED: "请等轮到时开启测试窗口（wgg onboarding open）。",
        Stage.PASSED: _PASSED,
        Stage.LIVE: "不必再测。",
        Stage.SUSPENDED: "恢复凭主管部门的决定（wgg onboarding restore），不凭测试。",
        Stage.WITHDRAWN: _OVER,
        Stage.TERMINATED: _OVER,
    }
)


def find_testing(registry: Registry, institution: str, now: int) -> Application:
    """The application of an institution whose test window is open at `now` (µs UTC); MoveRefused says what to do."""
    found = registry.applications.get(institution)
    if found is None:
        raise MoveRefused(
            f"没有机构 {institution} 的对接申请，不在测试窗口内。请先用 wgg onboarding apply 填报；{_PRACTICE}"
        )
    if found.stage is not Stage.TESTING:
        stage, instead = STAGES[found.stage], _INSTEAD[found.stage]
        raise MoveRefused(f"{institution} 当前“{stage}”，不在测试窗口内。{instead}{_PRACTICE}")
    if found.window_due is None or found.window_due <= now:
        due = format_beijing(found.window_due or found.since)[:16].replace("T", " ")
        raise MoveRefused(f"{institution} 的测试窗口已于 {due} 期满，按规定轮后，请等下一个窗口。{_PRACTICE}")
    return found
