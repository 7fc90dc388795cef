"""The checks of what the institution sends, one row each: title, clause, what is expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.conformance import bearing_checks as bearing
from gateway.conformance import message_checks as message
from gateway.conformance.findings import Check

MESSAGE_CHECKS: Final[Mapping[str, Check]] = {
    "arrived": Check(
        title="报文送达",
        clause="",
        expected="在时限内收到该报文",
        advice="查机构侧的出站日志：是否已发送、目标地址是否为本工具打印的网关地址、是否收到了错误应答。",
        look=message.look_arrived,
    ),
    "request-form": Check(
        title="请求目标与媒体类型正确",
        clause="协议 5",
        expected="POST /v1/messages，application/cloudevents+json 或 application/json，不压缩",
        advice="请求行恰为 POST /v1/messages，不带查询串，不设 Content-Encoding。",
        look=message.judging(message.judge_request),
    ),
    "header-form": Check(
        title="Authorization 格式正确",
        clause="协议 3",
        expected="GZBZJ1-SM2-WITH-SM3 与五个参数，各一次",
        advice="只写 sender_id、serial_no、timestamp、nonce_str、signature 五个参数，值加双引号，逗号分隔。",
        look=message.judging(message.judge_header),
    ),
    "signature": Check(
        title="请求签名有效",
        clause="协议 3",
        expected="以登记的密钥对五行待签名串签名",
        advice="逐行核对待签名串：方法、请求目标、时间戳、随机串、原始报文体，每行以 LF 结尾，末行也有。",
        look=message.judging(message.judge_signature),
    ),
    "timestamp": Check(
        title="请求时间戳在窗口内",
        clause="协议 3",
        expected="与接收方时钟相差不超过 300 秒",
        advice="校准服务器时钟（NTP）。",
        look=message.judging(message.judge_time),
    ),
    "fresh-nonce": Check(
        title="随机串不重复",
        clause="协议 3",
        expected="每次请求用新的 nonce_str，重发时也是",
        advice="每次发送都重新取随机串与时间戳，重新签名；报文体不变。",
        look=bearing.look_fresh,
    ),
    "sender": Check(
        title="sender_id 与 source 都是本机构",
        clause="协议 2、3",
        expected="登记的机构标识",
        advice="source 与 sender_id 都填本机构标识。",
        look=message.judging(message.judge_sender),
    ),
    "json": Check(
        title="严格的 JSON",
        clause="协议 2",
        expected="一个 UTF-8 对象，无 BOM、无重名、无 NaN，嵌套不超过 64 层",
        advice="以 UTF-8 无 BOM 输出标准 JSON。",
        look=message.judging(message.judge_json),
    ),
    "envelope": Check(
        title="信封齐备",
        clause="协议 2",
        expected="CloudEvents 1.0 的各属性合法",
        advice="按协议第 2 节逐项核对信封属性。",
        look=message.judging(message.judge_envelope),
    ),
    "schema": Check(
        title="内容符合类型的 JSON Schema",
        clause="协议 2",
        expected="data 合乎该类型的 JSON Schema，subject 与其中的业务编号一致",
        advice="用 GET /v1/schemas/{type} 取得 JSON Schema，在发送前自行校验。",
        look=message.judging(message.judge_schema),
    ),
    "recipient": Check(
        title="接收方正确",
        clause="协议 2",
        expected="recipient 为 platform",
        advice="答复平台的报文，recipient 填 platform。",
        look=message.on_first(message.look_recipient),
    ),
    "correlates": Check(
        title="correlationid 指明所答复的报文",
        clause="协议 2",
        expected="所答复报文的 id",
        advice="答复时把所收报文的 id 写入 correlationid。",
        look=message.look_correlates,
    ),
    "same-subject": Check(
        title="业务编号与所答复的一致",
        clause="协议 2",
        expected="与所收报文相同的 subject",
        advice="答复沿用所收报文的业务编号。",
        look=message.look_subject,
    ),
    "member": Check(
        title="内容与业务相符",
        clause="",
        expected="用例所列成员的值",
        advice="答复的内容取自所收的报文与本机构已开立的保函，不要写死。",
        look=message.look_member,
        needs=("at",),
    ),
    "repeated-same": Check(
        title="以相同字节重发",
        clause="协议 4、5",
        expected="没有可信的受理应答时，以相同字节重发",
        advice="应答未到、签名不符或为 429、5xx 时，保留原字节，稍后重发。",
        look=bearing.look_repeated,
    ),
    "waited": Check(
        title="遵从 Retry-After",
        clause="协议 7",
        expected="不早于 Retry-After 所示秒数重发",
        advice="读取 Retry-After，等够再重发。",
        look=bearing.look_waited,
    ),
    "gave-up": Check(
        title="终局的拒绝不再反复重发",
        clause="协议 7",
        expected="同一报文不反复重发",
        advice="4xx（429 除外）表示报文本身有误：停止重发，转人工处理。",
        look=bearing.look_gave_up,
    ),
    "no-redirect": Check(
        title="不跟随重定向",
        clause="协议 6",
        expected="没有发往别处的请求",
        advice="HTTP 客户端关闭自动重定向。",
        look=bearing.look_straight,
    ),
    "no-action": Check(
        title="不予办理",
        clause="协议 6",
        expected="没有答复该报文的任何报文",
        advice="拒收的报文不得进入业务。",
        look=bearing.look_no_action,
    ),
    "one-action": Check(
        title="只办理一次",
        clause="协议 6",
        expected="每种答复只有一份",
        advice="以 source + id 查重；重复的报文只回回执，不再办理。",
        look=bearing.look_one_action,
    ),
    "after": Check(
        title="次序正确",
        clause="业务 3",
        expected="晚于前一份报文",
        advice="同一订单的报文，等前一份得到 202 再发下一份。",
        look=bearing.look_after,
        needs=("is",),
    ),
    "file-put": Check(
        title="先上传文件再引用",
        clause="协议 5",
        expected="PUT /v1/files/{SM3} 在先",
        advice="先上传保函文件，得到 201 后再发送引用它的报文。",
        look=bearing.look_file_put,
    ),
    "sound-listing": Check(
        title="只信签名有效的信箱清单",
        clause="协议 4、5",
        expected="清单签名无效时不办理，重新拉取",
        advice="验证 GET /v1/mailbox 应答的签名与随机串，不符即丢弃。",
        look=bearing.look_listed_again,
    ),
    "called": Check(
        title="调用过该接口",
        clause="协议 5",
        expected="以有效签名调用",
        advice="定期以 GET /v1/keys 更新公钥清单。",
        look=bearing.look_called,
        needs=("is",),
    ),
}
