"""The settings' shape: what `gateway.yaml` may say. Descriptions become the comments of the sample file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.config.endpoints import EndpointPolicy
from gateway.config.urls import SQLITE, check_bus_url, check_database_url, check_public_url


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("应为数字，不是 true 或 false")  # noqa: TRY004 - pydantic collects ValueError only
    return value


Whole = Annotated[int, BeforeValidator(_refuse_bool)]
Real = Annotated[float, BeforeValidator(_refuse_bool), Field(allow_inf_nan=False)]


class Section(BaseModel):
    """A part of the settings: frozen, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listen(Section):
    """Where the HTTP server listens."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="监听地址；TLS 由前置代理终结，代理不得改写请求目标与报文体"
    )
    port: Whole = Field(8080, ge=0, le=65535, description="监听端口；0 表示由系统分配")


class BusOptions(Section):
    """How the bus is used, whichever it is."""

    prefix: str = Field("gzbzj", pattern=r"^[a-z][a-z0-9_.-]{0,31}$", description="交换机与队列名的前缀")
    window: Whole = Field(200, ge=1, le=10_000, description="发往同一接收方而未确认的发布条数上限")
    prefetch: Whole = Field(100, ge=1, le=10_000, description="每个消费者手上的唤醒条数上限")
    heartbeat: Whole = Field(10, ge=1, le=600, description="AMQP 心跳间隔，秒")
    supervise_seconds: Real = Field(5.0, gt=0, le=600, description="多久检查一次各队列是否仍有消费者，秒")


class Limits(Section):
    """What one request, one sender and one address may take."""

    body_bytes: Whole = Field(1_048_576, ge=1024, le=1_048_576, description="报文体上限，字节；协议规定最多 1 MiB")
    body_seconds: Real = Field(30.0, gt=0, le=300, description="读完一个报文体的时限，秒")
    connections: Whole = Field(1000, ge=1, le=100_000, description="同时保持的入站连接数上限")
    sender_rate: Real = Field(2000.0, gt=0, description="验签通过后，每个发送方每秒的请求数")
    sender_burst: Whole = Field(4000, ge=1, description="每个发送方可突发的请求数")
    address_rate: Real = Field(500.0, gt=0, description="验签之前，每个来源地址每秒的请求数")
    address_burst: Whole = Field(5000, ge=1, description="每个来源地址可突发的请求数")
    verify_rate: Real = Field(20.0, gt=0, description="公众核验（/verify）：每个来源地址每秒的查询数")
    verify_burst: Whole = Field(200, ge=1, description="公众核验：每个来源地址可突发的查询数")
    accept_queue: Whole = Field(2000, ge=1, description="等待入库的请求数上限，超过即答 503")
    batch: Whole = Field(64, ge=1, le=1000, description="一个事务最多合并提交的请求数")
    mailbox_bytes: Whole = Field(4_194_304, ge=1_048_576, description="一次拉取信箱的应答上限，字节；至少给出一条")


class DeliveryPlan(Section):
    """When a push is tried again, and when it is given up (protocol section 6)."""

    schedule_seconds: tuple[Real, ...] = Field(
        (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600),
        min_length=1,
        description="第 1、2、3…次尝试失败后各等待多少秒",
    )
    repeat_seconds: Real = Field(10_800.0, gt=0, description="上表用完之后，每次等待多少秒")
    jitter: Real = Field(0.2, ge=0, lt=1, description="等待时间的随机浮动比例，0.2 即 ±20 %")
    give_up_hours: Real = Field(72.0, gt=0, description="受理后多少小时仍未投递成功即转入死信")
    connect_seconds: Real = Field(10.0, gt=0, le=300, description="建立连接的时限，秒；可按机构另设")
    answer_seconds: Real = Field(10.0, gt=0, le=300, description="等待应答的时限，秒；可按机构另设")
    concurrency: Whole = Field(8, ge=1, le=1000, description="对每个机构同时进行的推送数；可按机构另设")


class Files(Section):
    """Guarantee documents and attachments (protocol section 5)."""

    directory: Path = Field(
        Path("files"),
        description="存放文件的目录，相对路径以本目录为起点；多台主机共用一个数据库时须指向同一个共享目录",
    )
    max_bytes: Whole = Field(20_971_520, ge=1024, le=20_971_520, description="单个文件上限，字节；协议规定最多 20 MiB")
    seconds: Real = Field(300.0, gt=0, le=3000, description="收完一个文件的时限，秒")
    documents_required: bool = Field(default=True, description="受理保函开立报文前，其正本文件是否必须已经上传")


class ClockBounds(Section):
    """How far clocks may differ, and how fast legal time runs."""

    max_skew_seconds: Real = Field(
        5.0, gt=0, le=60, description="本机与数据库时钟允许的最大差，秒；超过即不就绪、不领任务"
    )
    rate: Whole = Field(
        1,
        ge=1,
        le=1_000_000,
        description="法定期限的时间快进多少倍，仅限开发目录（演示用）；签名、租约与重试仍按本机时钟",
    )
    epoch: Whole = Field(0, ge=0, description="快进自何时起，Unix 秒；各进程一致，不快进时写 0")


class Log(Section):
    """Where log events go. Sensitive values are always masked (domain section 7)."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug、info、warning 或 error")
    format: Literal["json", "console"] = Field("json", description="json（每行一条）或 console（供人阅读）")
    file: Path | None = Field(None, description="日志文件，相对路径以本目录为起点；留空写到标准错误；应至少保存六个月")


class Sweeps(Section):
    """The timers' rounds."""

    interval_seconds: Real = Field(1.0, gt=0, le=60, description="多久扫描一次到期重试、失联工作进程与丢失的唤醒，秒")


class Evidence(Section):
    """The chain of evidence."""

    seal_seconds: Real = Field(
        5.0, gt=0, le=3600, description="多久把新发生的事项封入一个区块，秒；攒满一块即封，不等到点"
    )
    late_seconds: Real = Field(300.0, gt=0, description="最早的未封事项超过多少秒即告警")
    timestamp_url: str | None = Field(
        None, pattern=r"^https?://", description="时间戳机构的地址（RFC 3161）；留空不取时间戳"
    )
    timestamp_ca_file: Path | None = Field(
        None, description="时间戳机构的根证书（PEM），相对路径以本目录为起点；取时间戳时必填"
    )
    timestamp_seconds: Real = Field(3600.0, ge=10, description="多久取一次时间戳，秒；一次覆盖此前全部区块")


class Reconciling(Section):
    """The daily reconciliation with each institution."""

    hour: Whole = Field(8, ge=0, le=23, description="每个工作日几点编制对账（北京时间），所对为上一工作日起的往来")
    answer_days: Whole = Field(1, ge=1, le=30, description="机构须在编制之日起几个工作日内答复，逾期告警")
    catch_up_days: Whole = Field(5, ge=1, le=30, description="停机后最多补编几个工作日的对账")


class Onboarding(Section):
    """The queue of institutions that want to go live."""

    windows: Whole = Field(1, ge=1, le=20, description="同时开启的测试窗口数")
    order_by: Literal["submitted", "complete"] = Field(
        "submitted", description="排队次序：submitted 按提交申请的先后，complete 按材料齐全的先后"
    )
    automatic: bool = Field(True, description="有空闲窗口时自动为下一家开启；false 则由操作员开启")
    applicant_moves_a_day: Whole = Field(
        60, ge=10, le=10_000, description="申请机构自己每日（北京时间）最多办理几次（填报、提交材料、提交、撤回）"
    )
    signer_key_file: Path | None = Field(
        None,
        description="签发测试证书的沙箱网关公钥（PEM），相对路径以本目录为起点；写明后只认它签发的证书，生产环境宜写明",
    )


class Retaining(Section):
    """How long what is kept, in calendar months, and how gently it is purged (domain section 7)."""

    case_months: Whole = Field(
        36,
        ge=36,
        le=1200,
        description="案件证据自最后一次送达起保存几个月，至少 36；订单、索赔、时限未完的不清除",
    )
    other_months: Whole = Field(36, ge=6, le=1200, description="不属于案件的报文：自最后一次送达起保存几个月")
    onboarding_months: Whole = Field(
        36,
        ge=6,
        le=1200,
        description="对接申请的联系人与材料：自撤回、终止或被新申请表取代起保存几个月；保密期限未满的不清除",
    )
    alert_months: Whole = Field(36, ge=6, le=1200, description="已关闭的告警保存几个月")
    log_months: Whole = Field(
        6, ge=6, le=1200, description="轮转出来的日志文件（日志文件名之后带后缀者）保存几个月，至少 6 个自然月"
    )
    hour: Whole = Field(2, ge=0, le=23, description="每天几点开始清除（北京时间）")
    rows: Whole = Field(500, ge=1, le=5000, description="一个事务最多清除的行数")
    pause_seconds: Real = Field(1.0, gt=0, le=60, description="两个事务之间的停顿，秒")


class HomeFile(Section):
    """The whole of `gateway.yaml`."""

    environment: Literal["sandbox", "production"] = Field("sandbox", description="sandbox（沙箱）或 production（生产）")
    development: bool = Field(
        default=False,
        description="开发目录：允许回环地址与明文 http；由 wgg init 写入，不得与 production 同用",
    )
    deployment: str = Field("gateway", min_length=1, max_length=64, description="本部署的名称，写入日志与指标")
    listen: Listen = Field(default_factory=Listen, description="HTTP 服务")
    public_url: Annotated[str, AfterValidator(check_public_url)] = Field(
        "http://127.0.0.1:8080",
        description="公众访问本网关的地址，打印件上的二维码指向它的核验页 /verify",
    )
    database: Annotated[str, AfterValidator(check_database_url)] = Field(
        "sqlite:///gateway.db",
        description="sqlite:///文件（相对路径以本目录为起点）或 postgresql://用户:口令@主机/库名",
    )
    bus: Annotated[str, AfterValidator(check_bus_url)] = Field(
        "local",
        description="local（单进程内）或 amqp://用户:口令@主机:5672/虚拟主机",
    )
    bus_options: BusOptions = Field(default_factory=BusOptions, description="总线参数")
    key_file: Path = Field(Path("keys/gateway.pem"), description="网关签名私钥（PKCS#8 PEM，权限 0600）")
    seal_key_file: Path = Field(
        Path("keys/seal.key"),
        description="封存密钥文件（SM4，权限 0600）；机密报文与文件存入即封存；各主机须相同，务必备份；没有则不封存",
    )
    limits: Limits = Field(default_factory=Limits, description="限额")
    files: Files = Field(default_factory=Files, description="文件")
    delivery: DeliveryPlan = Field(default_factory=DeliveryPlan, description="推送与重试")
    clock: ClockBounds = Field(default_factory=ClockBounds, description="时钟")
    nonce_hours: Real = Field(24.0, ge=1, description="已用随机串保留多少小时")
    crypto_threads: Whole = Field(2, ge=1, le=64, description="签名与验签使用的线程数")
    log: Log = Field(default_factory=Log, description="日志")
    sweeps: Sweeps = Field(default_factory=Sweeps, description="定时扫描")
    evidence: Evidence = Field(default_factory=Evidence, description="存证链")
    reconciliation: Reconciling = Field(default_factory=Reconciling, description="日对账")
    onboarding: Onboarding = Field(default_factory=Onboarding, description="机构对接的排队与测试窗口")
    retention: Retaining = Field(default_factory=Retaining, description="保存期限与清除")


class Settings(HomeFile):
    """A home's settings as the program uses them: paths absolute, the home known."""

    home: Path

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file of this home."""
        return self.database.startswith(SQLITE)

    @property
    def endpoint_policy(self) -> EndpointPolicy:
        """What endpoints may be here."""
        return EndpointPolicy(plain_http=self.development, loopback=self.development)
