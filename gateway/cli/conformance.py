"""`wgg conformance run|judge|cases|verify`: the conformance kit, on any machine and without a home."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.exits import CHECK, NOT_FOUND, OK, USAGE, Failure
from gateway.cli.homes import now_us
from gateway.cli.institutions import Kind
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AsJson
from gateway.cli.output import put_json, put_table, say

if TYPE_CHECKING:
    from gateway.conformance.practice import Order, Stored

_VERDICTS: Final = {
    "pass": "通过",
    "fail": "未通过",
    "error": "工具出错",
    "skip": "不适用",
    "not_run": "未执行",
    "waiting": "等待中",
}
Folder = Annotated[Path, typer.Option("--dir", metavar="目录", help="存放密钥与各次运行的目录")]
CaseFolder = Annotated[Path | None, typer.Option("--cases", metavar="目录", help="用例文件目录；默认用随附的用例")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="一次运行的目录")]


def attach(app: typer.Typer) -> None:
    """`wgg conformance …`."""
    for name, command in (("run", run), ("judge", judge), ("cases", list_cases)):
        app.command(name)(command)


def run(
    *,
    practice: Annotated[bool, typer.Option("--practice", help="练习：随时可做，不签发证书")] = False,
    public_key: Annotated[list[Path], typer.Option("--public-key", metavar="PUB.pem", help="机构公钥；可写多次")],
    kind: Annotated[Kind, typer.Option("--kind", help="机构类别")],
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="URL", help="机构接收推送的地址")] = None,
    mailbox: Annotated[bool, typer.Option("--mailbox", help="机构从信箱拉取，没有接收地址")] = False,
    party_id: Annotated[
        str | None, typer.Option("--id", metavar="标识", help="机构标识；不写则取自机构的首个签名请求")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="主机:端口", help="本工具充当网关的监听地址，机构向它发送")
    ] = "127.0.0.1:8900",
    folder: Folder = Path("wgg-conformance"),
    gateway_key: Annotated[
        Path | None, typer.Option("--gateway-key", metavar="PEM", help="充当网关所用的私钥；不写则自动生成并留用")
    ] = None,
    cases: CaseFolder = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="用例", help="只执行这些用例；可写多次")] = None,
    failed_of: Annotated[
        Path | None, typer.Option("--failed-of", metavar="RUN", help="只重做该次运行未通过的用例")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=1, help="每一步最多等机构多少秒；须人工操作时请调大")] = 20.0,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="整次运行的时限，秒")] = 110.0,
    as_json: AsJson = False,
) -> int:
    """对一家机构执行一致性测试：本工具充当网关与平台。全部通过退出码为 0，否则为 3。"""
    from gateway.conformance.practice import Order
    from gateway.conformance.runner import Bounds

    if not practice:
        raise Failure(USAGE, "请加 --practice：正式测试由接入工程师在沙箱中发起。")
    if (endpoint is None) == (not mailbox):
        raise Failure(USAGE, "请写 --endpoint URL（推送）或 --mailbox（拉取），二者择一。")
    host, port = _read_address(listen)
    order = Order(
        kind=str(kind),
        publics=tuple(read_public_key(path) for path in public_key),
        folder=folder,
        endpoint=endpoint,
        institution=party_id,
        host=host,
        port=port,
        bounds=Bounds(wait=wait, total=timeout),
        gateway_key=read_private_key(gateway_key) if gateway_key else None,
        cases=cases,
        selected=_select(only, failed_of, cases),
    )
    return _show(asyncio.run(_perform(order)), as_json=as_json)


def judge(*, folder: RunFolder, cases: CaseFolder = None, as_json: AsJson = False) -> int:
    """用现有工具对一次运行存下的往来重新判定，不再联系机构。"""
    return _show(_judge(folder, cases), as_json=as_json)


def list_cases(*, cases: CaseFolder = None, as_json: AsJson = False) -> None:
    """列出全部用例。"""
    from gateway.conformance.case_reading import load_cases

    rows = [
        {
            "id": case.id,
            "title": case.title,
            "clause": case.clause,
            "level": case.level,
            "modes": list(case.modes),
            "kinds": list(case.kinds),
            "assertions": len(case.expectations),
        }
        for case in load_cases(cases)
    ]
    columns = {"id": "编号", "title": "名称", "clause": "条款", "level": "级别", "assertions": "断言数"}
    put_table(rows, columns, as_json=as_json)


def _read_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65535):  # noqa: PLR2004 - the highest port
        raise Failure(USAGE, f"--listen {text} 应写作 主机:端口，例如 127.0.0.1:8900。")
    return host.strip("[]"), int(port)


def _select(only: list[str] | None, failed_of: Path | None, cases: Path | None) -> tuple[str, ...] | None:
    from gateway.conformance.case_reading import load_cases
    from gateway.conformance.practice import find_failed

    if failed_of is not None:
        return find_failed(_judge(failed_of, cases))
    unknown = set(only or ()) - {case.id for case in load_cases(cases)}
    if unknown:
        raise Failure(NOT_FOUND, f"没有用例 {'、'.join(sorted(unknown))}；可用 wgg conformance cases 查看。")
    return tuple(only) if only else None


def _judge(folder: Path, cases: Path | None) -> Stored:
    from gateway.conformance.case_reading import load_cases
    from gateway.conformance.practice import judge_folder

    try:
        return judge_folder(folder, load_cases(cases))
    except (KeyError, TypeError) as error:
        raise Failure(CHECK, f"{folder} 不是本工具的一次运行，或文件已损坏。") from error


async def _perform(order: Order) -> Stored:
    from gateway.conformance.practice import judge_folder, prepare

    runner, cases = prepare(order, now=now_us, tell=_announce(order))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.stop.set)
    done = await runner.perform()
    return judge_folder(order.folder / "runs" / done.id, cases)


def _announce(order: Order) -> Callable[[Any], None]:
    """Tells people, Chinese first, what the kit does and what it waits for."""
    from gateway.conformance.runner import Ended, Listening
    from gateway.conformance.steps import Waiting

    def tell(event: Listening | Waiting | Ended) -> None:
        if isinstance(event, Listening):
            say(f"本工具充当网关与平台，请机构系统按此设置：\n  网关地址  {event.url}\n  网关公钥  {event.key_file}")
            say("  其余公钥（平台等）由 GET /v1/keys 取得，应答已由上述公钥签名。")
            say(f"机构接收地址：{order.endpoint or '无，由机构拉取信箱'}")
        elif isinstance(event, Waiting):
            say(f"[{event.case}] 等待{event.who}：{event.todo}（最多 {event.seconds:.0f} 秒，Ctrl-C 取消）")
        else:
            say(f"[{event.done}/{event.total}] {event.case.id} {event.case.title} {event.progress.text}".rstrip())

    return tell


def _show(stored: Stored, *, as_json: bool) -> int:
    from gateway.conformance.report import describe_run

    if as_json:
        put_json({**describe_run(stored), "folder": str(stored.folder)})
    else:
        _put_text(stored)
    return OK if stored.verdict.verdict == "pass" else CHECK


def _put_text(stored: Stored) -> None:
    for item in stored.verdict.judgements:
        print(f"{_VERDICTS[item.verdict]}  {item.case.id}  {item.case.title}  {item.text}".rstrip())
        for assertion in item.assertions:
            if assertion.verdict != "pass":
                print(f"    {assertion.title}：应为{assertion.expected}；实为{assertion.got}。{assertion.advice}")
    counts = "，".join(f"{_VERDICTS[name]} {count}" for name, count in stored.verdict.counts.items())
    print(f"结论：{_VERDICTS[stored.verdict.verdict]}（用例 {counts}）{stored.run.trouble}")
    say(f"本次运行存于 {stored.folder}")
