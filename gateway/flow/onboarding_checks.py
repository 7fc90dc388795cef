"""What a move of onboarding asks of the world outside its application: a file, a certificate, how the party stands.

Source: domain section 6 (Passing, go-live), protocol section 5 (who may read a file). All raise MoveRefused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.certificate import CertificateInvalid, check_certificate
from gateway.core.delivery import SECOND
from gateway.core.legal_time import LegalTime
from gateway.core.onboarding import Application, Certified, Details, MoveRefused, Stage
from gateway.core.onboarding_changes import Ask
from gateway.core.onboarding_table import MOVES
from gateway.core.party import RESERVED, Directory, Standing
from gateway.core.standing import MOVES as STANDINGS
from gateway.core.wire.syntax import DIGEST, PARTY_ID, matches
from gateway.crypto.certificates import verify_certificate
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PublicKey
from gateway.ports import FileRows

LIVE: Final = "live"
_MAY_GO_LIVE: Final = frozenset({Standing.REGISTERED, Standing.LIVE, Standing.TERMINATED})
_CALLED: Final[Mapping[Standing, str]] = {
    Standing.REGISTERED: "已登记、未上线",
    Standing.LIVE: "已上线",
    Standing.SUSPENDED: "已暂停",
    Standing.LEAVING: "正在退出",
    Standing.TERMINATED: "已终止",
}


def check_applicant(directory: Directory, institution: str, details: Details) -> None:
    """Whoever is registered applies as what it is: only some kinds must sign the pact (XM, notes 3)."""
    if not matches(PARTY_ID, institution) or institution in RESERVED:
        raise MoveRefused(
            f"机构标识 {institution} 有误：应以小写字母开头，2 至 32 位小写字母、数字或连字符，且非保留标识。"
        )
    party = directory.parties.get(institution)
    if party is not None and party.kind not in {None, details.kind}:
        raise MoveRefused(
            f"{institution} 登记的类别是 {party.kind}，申请表的单位性质（kind）却是 {details.kind}，请改为一致。"
        )


async def check_file(files: FileRows, ask: Ask) -> None:
    """A paper's file is there, and its applicant may read it (protocol section 5)."""
    digest = ask.data.get("digest")
    if not isinstance(digest, str) or not matches(DIGEST, digest):
        return
    if digest not in await files.readable_files(ask.institution, [digest]):
        raise MoveRefused(
            f"没有找到摘要为 {digest} 的文件，或 {ask.institution} 无权使用它。"
            f"请先由本机构上传（PUT /v1/files/{digest}），再登记为材料。"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """What certificates are held against: `now` (machine's clock, µs UTC), and the one key that may sign, if pinned."""

    now: int
    legal_time: LegalTime
    pinned: PublicKey | None

    def certify(self, raw: bytes, signer: PublicKey, *, institution: str, kind: str, opened: int = 0) -> Certified:
        """The certificate of a file, if it speaks for this institution and kind, issued since its window was `opened`.

        Raises CertificateInvalid.
        """
        if self.pinned is not None and signer.serial_no != self.pinned.serial_no:
            raise CertificateInvalid(
                f"本网关只认序列号 {self.pinned.serial_no} 的沙箱网关所签发的证书（设置 onboarding.signer_key_file），"
                f"不是 {signer.serial_no}。"
            )
        certificate = verify_certificate(raw, signer)
        check_certificate(certificate, institution=institution, kind=kind, now=self.now)
        if self.legal_time.at(certificate.issued_at) < opened // SECOND * SECOND:
            raise CertificateInvalid("证书签发于本次测试窗口开启之前，不能用于本次测试；请在窗口期内重新做正式测试。")
        return Certified(digest=sm3_hex(raw), text=raw.decode(), signer=signer.to_pem())

    def certify_application(self, raw: bytes, signer: PublicKey, application: Application) -> Certified:
        """The certificate of a file that lets this application pass its window or go live; else CertificateInvalid."""
        opened = application.opened_at if application.stage is Stage.TESTING else None
        kind = application.details.kind
        return self.certify(raw, signer, institution=application.institution, kind=kind, opened=opened or 0)


def check_going_live(application: Application, ask: Ask, proving: Proving) -> None:
    """The certificate is verified once more, for each of both operators: it may have run out meanwhile."""
    certified = ask.data.get("certificate") or application.certificate
    if application.stage is not Stage.PASSED or not isinstance(certified, Certified):
        return
    again = "请以 --certificate 与 --public-key 提供有效的正式测试证书。"
    if not certified.text:
        raise MoveRefused(f"通过测试时只登记了证书的摘要，无法核验；{again}")
    try:
        proving.certify_application(certified.text.encode(), PublicKey.from_pem(certified.signer), application)
    except CertificateInvalid as invalid:
        raise MoveRefused(f"上线所凭的证书无效：{invalid}{again}") from invalid


def check_standing(directory: Directory, ask: Ask, application: Application | None) -> None:
    """The party is there, and stands where this move of its standing begins, or ends already."""
    move, party = MOVES[ask.move], directory.parties.get(ask.institution)
    if party is None:
        raise MoveRefused(f"{ask.institution} 尚未登记，不能{move.title}；请先用 wgg institution add 登记机构与公钥。")
    if application is not None and party.kind != application.details.kind:
        raise MoveRefused(
            f"{ask.institution} 登记的类别 {party.kind} 与申请表的 {application.details.kind} 不符，请先改为一致。"
        )
    if party.standing not in _allowed(str(move.standing)):
        raise MoveRefused(f"{ask.institution} 目前{_CALLED[party.standing]}，不能{move.title}。")


def _allowed(standing: str) -> frozenset[Standing]:
    if standing == LIVE:
        return _MAY_GO_LIVE
    row = STANDINGS[standing]
    done = {row.to, Standing.TERMINATED} if row.to is Standing.LEAVING else {row.to}
    return row.only_from | done
