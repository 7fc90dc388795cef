"""`wgg conformance run|official|judge|cases|verify`: practice anywhere, without a home; official runs in a sandbox."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import CHECK, NOT_FOUND, OK, USAGE, Failure
from gateway.cli.homes import now_us
from gateway.cli.institutions import Kind
from gateway.cli.key_files import read_private_key, read_public_key
from gateway.cli.options import AnyHome, AsJson, Home
from gateway.cli.output import put_json, put_record, put_table, say
from gateway.config import EndpointPolicy

if TYPE_CHECKING:
    from gateway.conformance.cases import Case
    from gateway.conformance.practice import Order, Stored

Folder = Annotated[Path, typer.Option("--dir", metavar="目录", help="存放密钥与各次运行的目录")]
ADDRESS = "127.0.0.1:8900"
Listen = Annotated[str, typer.Option("--listen", metavar="主机:端口", help="本工具充当网关的监听地址，机构向它发送")]
Wait = Annotated[float, typer.Option("--wait", min=1, help="每一步最多等机构多少秒；须人工操作时请调大")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="整次运行的时限，秒")]
CaseFolder = Annotated[Path | None, typer.Option("--cases", metavar="目录", help="用例文件目录；默认用随附的用例")]
PartyId = Annotated[str | None, typer.Option("--id", metavar="标识", help="机构标识；不写则取自机构的首个签名请求")]
GatewayKey = Annotated[
    Path | None, typer.Option("--gateway-key", metavar="PEM", help="充当网关所用的私钥；不写则自动生成并留用")
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", metavar="PEM", exists=True, dir_okay=False, help="https 接收地址的 CA 证书；默认用系统的"
    ),
]
FailedOf = Annotated[Path | None, typer.Option("--failed-of", metavar="RUN", help="只重做该次运行未通过的用例")]
OnboardingHome = Annotated[
    Path | None, typer.Option("--onboarding-home", metavar="目录", help="登记对接申请的网关目录；默认即 --home")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="一次运行的目录")]


def attach(app: typer.Typer) -> None:
    """`wgg conformance …`."""
    for name, command in (
        ("run", run),
        ("official", official),
        ("judge", judge),
        ("cases", list_cases),
        ("verify", verify),
    ):
        app.command(name)(command)


def run(
    *,
    practice: Annotated[bool, typer.Option("--practice", help="练习：随时可做，不签发证书")] = False,
    public_key: Annotated[list[Path], typer.Option("--public-key", metavar="PUB.pem", help="机构公钥；可写多次")],
    kind: Annotated[Kind, typer.Option("--kind", help="机构类别")],
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="URL", help="机构接收推送的地址")] = None,
    mailbox: Annotated[bool, typer.Option("--mailbox", help="机构从信箱拉取，没有接收地址")] = False,
    ca_file: CaFile = None,
    party_id: PartyId = None,
    listen: Listen = ADDRESS,
    folder: Folder = Path("wgg-conformance"),
    gateway_key: GatewayKey = None,
    cases: CaseFolder = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="用例", help="只执行这些用例；可写多次")] = None,
    failed_of: FailedOf = None,
    wait: Wait = 20.0,
    timeout: Timeout = 110.0,
    as_json: AsJson = False,
    _home: AnyHome = None,
) -> int:
    """练习一致性测试：本工具充当网关与平台，不需要网关目录。全部通过退出码为 0，否则为 3。"""
    from gateway.conformance.practice import Order

    if not practice:
        raise Failure(USAGE, "练习请加 --practice；正式测试用 wgg conformance official。")
    _check_endpoint(endpoint, pulls=mailbox)
    order = Order(
        kind=str(kind),
        publics=tuple(read_public_key(path) for path in public_key),
        folder=folder,
        endpoint=endpoint,
        ca_file=str(ca_file) if ca_file else None,
        institution=party_id,
        gateway_key=read_private_key(gateway_key) if gateway_key else None,
        cases=cases,
        selected=_select(only, failed_of, cases),
        **_set_bounds(listen, wait, timeout),
    )
    stored, known = asyncio.run(_perform(order))
    return _show(stored, known, as_json=as_json)


def official(
    *,
    home: Home,
    party_id: Annotated[str, typer.Option("--id", metavar="标识", help="已登记的机构标识")],
    onboarding_home: OnboardingHome = None,
    listen: Listen = ADDRESS,
    days: Annotated[int, typer.Option("--days", min=1, max=1095, help="证书的有效天数")] = 180,
    wait: Wait = 20.0,
    timeout: Timeout = 3600.0,
    as_json: AsJson = False,
) -> int:
    """正式一致性测试：在机构的测试窗口内，以沙箱网关的密钥与登记执行，通过后签发证书。"""
    from gateway.cli.conformance_official import certify_run, check_window, order_official

    order, private = order_official(home, party_id, _set_bounds(listen, wait, timeout))
    check_window(onboarding_home or home, party_id, order.kind)
    stored, known = asyncio.run(_perform(order))
    code = _show(stored, known, as_json=as_json)
    if code == OK:
        certify_run(stored, private, days)
    else:
        say(f"本次不签发证书；窗口期内可以再测。是否登记为未通过由操作员决定（wgg onboarding fail {party_id}）。")
    return code


def verify(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="证书文件")],
    public_key: Annotated[Path, typer.Option("--public-key", metavar="PUB.pem", help="签发方（沙箱网关）的公钥")],
    party_id: Annotated[str | None, typer.Option("--id", metavar="标识", help="证书须属于的机构")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="证书须属于的机构类别")] = None,
    as_json: AsJson = False,
    _home: AnyHome = None,
) -> None:
    """离线核验证书：签名、内容、机构与有效期；不通过时退出码为 3。"""
    from gateway.core.certificate import CertificateInvalid, check_certificate, describe_certificate
    from gateway.crypto.certificates import verify_certificate

    try:
        found = verify_certificate(file.read_bytes(), read_public_key(public_key))
        check_certificate(found, institution=party_id or found.institution, kind=str(kind or found.kind), now=now_us())
    except CertificateInvalid as error:
        raise Failure(CHECK, f"证书无效：{error}") from error
    record = describe_certificate(found)
    put_record(record, as_json=as_json, text="\n".join(f"{name}  {value}" for name, value in record.items()))


def _set_bounds(listen: str, wait: float, timeout: float) -> dict[str, Any]:
    from gateway.conformance.runner import Bounds

    host, port = _read_address(listen)
    return {"host": host, "port": port, "bounds": Bounds(wait=wait, total=timeout, first_poll=min(60.0, timeout))}


def judge(*, folder: RunFolder, cases: CaseFolder = None, as_json: AsJson = False, _home: AnyHome = None) -> int:
    """用现有工具对一次运行存下的往来重新判定，不再联系机构。"""
    return _show(*_judge(folder, cases), as_json=as_json)


def list_cases(*, cases: CaseFolder = None, as_json: AsJson = False, _home: AnyHome = None) -> None:
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


def _check_endpoint(endpoint: str | None, *, pulls: bool) -> None:
    if (endpoint is None) == (not pulls):
        raise Failure(USAGE, "请写 --endpoint URL（推送）或 --mailbox（拉取），二者择一。")
    try:
        EndpointPolicy(plain_http=True, loopback=True).check(endpoint or "http://localhost")
    except ValueError as error:
        raise Failure(USAGE, f"--endpoint {endpoint}：{error}。") from error


def _read_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65535):  # noqa: PLR2004 - the highest port
        raise Failure(USAGE, f"--listen {text} 应写作 主机:端口，例如 127.0.0.1:8900。")
    return host.strip("[]"), int(port)


def _select(only: list[str] | None, failed_of: Path | None, cases: Path | None) -> tuple[str, ...] | None:
    from gateway.conformance.case_reading import load_cases
    from gateway.conformance.practice import find_failed

    if failed_of is not None:
        return find_failed(_judge(failed_of, cases)[0])
    unknown = set(only or ()) - {case.id for case in load_cases(cases)}
    if unknown:
        raise Failure(NOT_FOUND, f"没有用例 {'、'.join(sorted(unknown))}；可用 wgg conformance cases 查看。")
    return tuple(only) if only else None


def _judge(folder: Path, cases: Path | None) -> tuple[Stored, Sequence[Case]]:
    from gateway.conformance.case_reading import load_cases
    from gateway.conformance.practice import judge_folder

    try:
        known = load_cases(cases)
        return judge_folder(folder, known), known
    except (KeyError, TypeError) as error:
        raise Failure(CHECK, f"{folder} 不是本工具的一次运行，或文件已损坏。") from error


async def _perform(order: Order) -> tuple[Stored, Sequence[Case]]:
    from gateway.cli.conformance_progress import Progress
    from gateway.conformance.practice import judge_folder, prepare

    progress = Progress(order.endpoint)
    runner, cases = prepare(order, now=now_us, tell=progress.tell)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.stop.set)
    countdown = asyncio.create_task(progress.count_down())
    done = await runner.perform()
    countdown.cancel()
    return judge_folder(order.folder / "runs" / done.id, cases), cases


def _show(stored: Stored, cases: Sequence[Case], *, as_json: bool) -> int:
    from gateway.conformance.reports import keep_reports

    report = keep_reports(stored, cases)
    if as_json:
        put_json({**report, "folder": str(stored.folder)})
    else:
        _put_text(report)
    say(f"报告：{stored.folder / 'report.html'}（另有 report.json、junit.xml；往来见 exchanges.jsonl）")
    return OK if stored.verdict.verdict == "pass" else CHECK


def _put_text(report: Mapping[str, Any]) -> None:
    from gateway.conformance.html_report import tell_refusal
    from gateway.conformance.words import VERDICT_WORDS

    for case in report["cases"]:
        print(f"{VERDICT_WORDS[case['verdict']]}  {case['id']}  {case['title']}  {case['text']}".rstrip())
        for item in case["assertions"]:
            if item["verdict"] != "pass":
                print(f"    {item['title']}：应为{item['expected']}；实为{item['got']}。{item['suggestion']}")
    for item in report["refusals"]:
        print(f"被拒绝的调用  {tell_refusal(item)}")
    for change in report["changes"]:
        print(f"与上次相比  {change['id']}：{VERDICT_WORDS[change['before']]} → {VERDICT_WORDS[change['after']]}")
    counts = "，".join(f"{VERDICT_WORDS[name]} {count}" for name, count in report["counts"].items())
    print(f"结论：{VERDICT_WORDS[report['verdict']]}（用例 {counts}）{report['trouble']}")
