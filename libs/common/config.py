"""Every setting of every service, in one class, from environment variables `QUNLI_*`."""

import re
from functools import lru_cache
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.addresses import parse_networks
from libs.common.database_address import database_address
from libs.common.events import WIRE_VERSIONS
from libs.common.security_checks import check_database, check_kafka
from libs.common.topics import Topic

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

_ADDRESS = re.compile(r"https?://[^\s/]+")
# What stands in braces in an address: what must, and all that may.
_PLACES = {
    "member_url": ("member_id", {"member_id", "store_id"}),
    "trace_url": ("trace_id", {"trace_id"}),
}


class Settings(BaseSettings):
    """Settings of one process. A value that does not fit stops the process at start with the field's name."""

    model_config = SettingsConfigDict(env_prefix="QUNLI_", frozen=True, extra="ignore")

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka brokers, host:port, comma separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How the brokers are spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_ca_file: str = Field(
        "", description="Path of the CA that signs the brokers' certificates, PEM; empty = those that the system trusts"
    )
    kafka_certificate_file: str = Field(
        "", description="Path of this process's own certificate for Kafka, PEM; empty = none"
    )
    kafka_key_file: str = Field("", description="Path of that certificate's key, PEM, without a password")
    kafka_sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "", description="How a password is shown to Kafka: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty = none is"
    )
    kafka_sasl_username: str = Field("", description="The user whose password it is")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="The password itself")
    kafka_sasl_password_file: str = Field("", description="Path of a file with the password, read for each connection")
    topic_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,64}$",
        description="Put before every topic's and group's name: several logs on one Kafka, as tests need them",
    )
    database_url: SecretStr = Field(
        SecretStr("postgresql://127.0.0.1:5432/qunli"),
        description="Postgres of this process, with its own role: postgresql://role:password@host:port/database",
    )
    database_ca_file: str = Field(
        "",
        description="Path of the CA that signs Postgres' certificate, PEM: it is checked, name included "
        "(sslmode=verify-full); empty = as the address says",
    )
    database_password_file: str = Field(
        "", description="Path of a file with the role's password, read for each connection; empty = as the address says"
    )
    timezone: str = Field("Asia/Shanghai", description="The retailer's time zone; fixed with the first record of a log")
    environment: str = Field("local", description="Name of the deployment, in traces and logs")
    log_format: Literal["text", "json"] = Field(
        "text", description="What a process says of itself: text, for who sits before it, or json, a line for each"
    )
    wire_version: int = Field(
        WIRE_VERSIONS[0],
        description="Version of the records that this process writes to Qunli's own topics; raised once every reader "
        "of them is upgraded",
    )

    host: str = Field("127.0.0.1", description="Address that the HTTP services listen on")
    ingest_port: int = Field(8080, ge=0, le=65535, description="Port of ingest")
    gateway_port: int = Field(8081, ge=0, le=65535, description="Port of the gateway")
    ops_port: int = Field(0, ge=0, le=65535, description="Port of probes of this process; 0 = any free one")

    ingest_processes: int = Field(1, ge=1, le=64, description="Processes of ingest on its one port")
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=60,
        description="How long a door told to stop still serves, not ready, for load balancers to notice",
    )
    max_connections: int = Field(12_000, ge=10, description="Connections to a door's process; one more gets 503")
    head_seconds: float = Field(10.0, gt=0, description="How long a request's head may take to arrive before 408")
    body_seconds: float = Field(30.0, gt=0, description="How long a request's body may take to arrive before 408")
    idle_seconds: float = Field(60.0, gt=0, description="How long a connection may wait for its next request")
    unread_seconds: float = Field(30.0, gt=0, description="How long an answer may stand unread before the cut")
    receive_max_bytes: int = Field(
        64 << 20, ge=1 << 20, description="Bytes of all bodies under way in a process, inflated, before 503"
    )

    max_streams: int = Field(2_000, ge=1, description="Streams open at once in a gateway process; one more gets 503")
    stream_ring_bytes: int = Field(
        64 << 20,
        ge=64 << 10,
        description="Memory for the last ten minutes of the stream; who was away longer is served from the log",
    )

    rate_key: float = Field(
        0.0, ge=0, description="Events or commands a second of one server key before 429; 0 = no limit"
    )
    rate_member: float = Field(
        5.0, ge=0, description="Events or commands a second of one member's tokens before 429; 0 = no limit"
    )
    rate_session: float = Field(
        10.0, ge=0, description="Commands a second of one manager's session before 429; 0 = no limit"
    )
    rate_address: float = Field(
        1_000.0, ge=0, description="Requests a second of one client address before 429; 0 = no limit"
    )
    rate_burst_seconds: float = Field(
        10.0, gt=0, le=3_600, description="How long a rate's allowance is saved up while it is not used"
    )
    trusted_proxies: str = Field(
        "", description="Networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8"
    )

    allowed_origins: str = Field(
        "",
        description="Origins whose pages may call the doors (CORS), such as https://shop.example.com, comma separated; "
        "empty = none",
    )

    database_pool: int = Field(6, ge=1, le=100, description="Connections to Postgres per process")
    database_acquire_seconds: float = Field(
        2.0, gt=0, description="How long a request waits for a connection before 503"
    )

    produce_timeout_seconds: float = Field(
        10.0, gt=0, description="How long a door waits for the log's acknowledgement before 'unknown'"
    )
    produce_max_records: int = Field(50_000, ge=1, description="Records in flight to the log before 503")
    produce_max_bytes: int = Field(64 << 20, ge=1 << 20, description="Bytes in flight to the log before 503")
    produce_batch_bytes: int = Field(256 << 10, ge=16 << 10, description="Largest batch per partition")

    lexicon: str = Field("", description="Path of the lexicon of topics and words (YAML); empty = the built-in one")

    step_records: int = Field(2_000, ge=1, description="Most records in one step of a processor")
    slice_memberships: int = Field(200, ge=1, description="Most memberships in one slice of a day close")
    cached_memberships: int = Field(400_000, ge=0, description="Memberships kept in memory per engagement process")
    slice_rows: int = Field(500, ge=1, description="Most rows in one slice of long work on a store's groups")
    cached_store_members: int = Field(
        400_000, ge=0, description="Members of stores kept in memory per segmentation process"
    )
    solver_seconds: float = Field(900.0, gt=0, description="How long a plan may be solved before it has failed")
    solver_memory_mb: int = Field(
        3_072, ge=64, description="Address space of a process that solves a plan, in MiB; with less it fails"
    )
    session_seconds: float = Field(
        30.0, ge=3, description="Kafka group session: a silent processor loses its partitions"
    )
    stuck_seconds: float = Field(
        60.0, ge=5, description="Lag and no step for this long: the processor exits and is restarted"
    )
    bootstrap_keys: SecretStr = Field(
        SecretStr(""),
        description="First server keys of a cluster, JSON as `qunli keys bootstrap` makes it; empty = none",
    )
    token_issuers: str = Field(
        "", description="Path of a YAML file: who may issue member tokens; empty = there are none"
    )
    session_secrets: SecretStr = Field(
        SecretStr(""),
        description="Secrets of managers' sessions, comma separated: the first signs, all are taken; empty = none",
    )
    session_secrets_file: str = Field(
        "", description="Path of a file with such secrets, a line each; read at start; empty = none"
    )
    member_url: str = Field(
        "",
        description="Address of a member in the retailer's CRM, for links of the console, with {member_id} and, if it "
        "is needed, {store_id}; empty = no links",
    )
    trace_url: str = Field(
        "",
        description="Address of a trace in the trace UI, for links of the console, with {trace_id}; empty = no links",
    )
    key_cache_seconds: float = Field(30.0, ge=0, le=30, description="How long a server key is cached")
    journal_payload_days: int = Field(
        400,
        ge=1,
        description="Payloads in the journal are trimmed after this many days; ids and hashes never",
    )

    otlp_endpoint: str = Field("", description="OTLP/HTTP collector for traces; empty = none are exported")
    trace_sample: float = Field(0.01, ge=0, le=1, description="Share of requests traced")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            msg = f"{value!r} is no time zone of the IANA database, such as Asia/Shanghai"
            raise ValueError(msg)
        return value

    @field_validator("wire_version")
    @classmethod
    def _written_here(cls, value: int) -> int:
        if value not in WIRE_VERSIONS:
            msg = f"this version of Qunli writes records of version {', '.join(map(str, WIRE_VERSIONS))}, not {value}"
            raise ValueError(msg)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _exact_origins(cls, value: str) -> str:
        for origin in _listed(value):
            if not _ORIGIN.fullmatch(origin):
                msg = f"{origin!r} is no origin as browsers name it, such as https://shop.example.com"
                raise ValueError(msg)
        return value

    @field_validator("member_url", "trace_url")
    @classmethod
    def _template(cls, value: str, info: ValidationInfo) -> str:
        needed, allowed = _PLACES[str(info.field_name)]
        named = set(re.findall(r"{([^{}]*)}", value))
        if value and not (_ADDRESS.match(value) and needed in named and named <= allowed):
            msg = f"{value!r} is no http or https address with {{{needed}}} in it"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        check_kafka(self)
        check_database(self)
        return self

    @property
    def kafka_uses_tls(self) -> bool:
        """Whether what goes to Kafka is encrypted."""
        return self.kafka_security_protocol in {"SSL", "SASL_SSL"}

    @property
    def database_address(self) -> str:
        """Postgres' address with what its CA's and password's files add, as they are now."""
        url = self.database_url.get_secret_value()
        return database_address(url, self.database_ca_file, self.database_password_file)

    @property
    def origins(self) -> frozenset[str]:
        """The allowed origins."""
        return frozenset(_listed(self.allowed_origins))

    @property
    def zone(self) -> ZoneInfo:
        """The retailer's time zone."""
        return ZoneInfo(self.timezone)

    def topic_name(self, topic: Topic) -> str:
        """The topic's name on this deployment's Kafka."""
        return topic.name_with(self.topic_prefix)

    def group_name(self, group: str) -> str:
        """The consumer group's name on this deployment's Kafka."""
        return self.topic_prefix + group


def misfit(error: ValidationError) -> str:
    """Which setting does not fit, and why; no value stands in it."""
    first = error.errors()[0]
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    name = ".".join(str(part) for part in first["loc"]).upper()
    return f"QUNLI_{name} does not fit: {said}." if name else f"{said}."


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once from its environment."""
    return Settings()
