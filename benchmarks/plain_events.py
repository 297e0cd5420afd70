"""The posted events as pydantic models with the field rules of the real door: the body of the plain one."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Tag = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
GroupId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:~-]{1,160}$")]
Minor = Annotated[int, Field(ge=0, le=10**12, strict=True)]


class Strict(BaseModel):
    """Base: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class JoinData(Strict):
    channel: Literal["qr", "mini_program", "till", "referral"] | None = None
    invited_by: Id | None = None
    district: Tag | None = None
    interests: Annotated[list[Tag], Field(max_length=16)] | None = None


class MessageData(Strict):
    kind: Literal["text", "image", "video", "voice", "link"]
    group_id: GroupId | None = None
    text: Annotated[str, Field(pattern=r"^[^\x00]*$")] | None = None
    topics: Annotated[list[Tag], Field(max_length=16)] | None = None
    reply_to: Id | None = None
    mentions: Annotated[list[Id], Field(max_length=64)] | None = None


class Item(Strict):
    sku: Tag
    category: Tag
    quantity: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    amount_minor: Minor


class PurchaseData(Strict):
    order_id: Tag
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    total_minor: Annotated[int, Field(ge=0, le=10**15, strict=True)]
    items: Annotated[list[Item], Field(min_length=1)]

    @model_validator(mode="after")
    def _sums_agree(self) -> "PurchaseData":
        if sum(item.amount_minor for item in self.items) != self.total_minor:
            raise ValueError("the items' amounts do not add up to total_minor")
        return self


class CheckInData(Strict):
    method: Literal["qr", "location", "till"]
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class LeaveData(Strict):
    reason: Annotated[str, Field(pattern=r"^[^\x00]{0,256}$")] | None = None


class Posted(Strict):
    """What all events have."""

    id: Id
    store_id: Id
    member_id: Id
    occurred_at: AwareDatetime


class Join(Posted):
    type: Literal["join"]
    data: JoinData


class Message(Posted):
    type: Literal["message"]
    data: MessageData


class Purchase(Posted):
    type: Literal["purchase"]
    data: PurchaseData


class CheckIn(Posted):
    type: Literal["check_in"]
    data: CheckInData


class Leave(Posted):
    type: Literal["leave"]
    data: LeaveData


Event = Annotated[Join | Message | Purchase | CheckIn | Leave, Field(discriminator="type")]
