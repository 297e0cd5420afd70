"""What happens in a store on a day, as columns. Members are numbers of people, -1 is nobody; `at` counts ms from
the day's beginning.
"""

from dataclasses import dataclass

from deploy.local.town.people import Bools, Ints

CHANNELS = ("qr", "mini_program", "till", "referral")
METHODS = ("qr", "location", "till")
KINDS = ("text", "image", "voice", "link", "video")
TEXT, LINK = KINDS.index("text"), KINDS.index("link")
TELL, ASK, ANSWER = range(3)


@dataclass(frozen=True, slots=True)
class Joins:
    """`channel`: number in CHANNELS."""

    member: Ints
    at: Ints
    channel: Ints
    invited_by: Ints


@dataclass(frozen=True, slots=True)
class CheckIns:
    """`method`: number in METHODS."""

    member: Ints
    at: Ints
    method: Ints


@dataclass(frozen=True, slots=True)
class Purchases:
    """`lines`: items of each. `product` (number in PRODUCTS), `quantity`, `amount` (minor units): of all items."""

    member: Ints
    at: Ints
    lines: Ints
    product: Ints
    quantity: Ints
    amount: Ints


@dataclass(frozen=True, slots=True)
class Messages:
    """In the order of group and time. `kind`: number in KINDS. `topic`: NO_TOPIC is small talk. `text`: number in
    TEXT_JSON, of use where the kind is text. `group`: number in the day's group ids, -1 = written to none.
    """

    member: Ints
    at: Ints
    group: Ints
    kind: Ints
    topic: Ints
    sort: Ints
    text: Ints
    reply_to: Ints
    mention: Ints

    @property
    def questions(self) -> Bools:
        """Which of them ask something."""
        asks: Bools = (self.kind == TEXT) & (self.sort == ASK)
        return asks


@dataclass(frozen=True, slots=True)
class Leaves:
    """`reason`: number in LEAVE_REASONS. Each after all else that its member does on the day."""

    member: Ints
    at: Ints
    reason: Ints


@dataclass(frozen=True, slots=True)
class Happened:
    """A store's day. `groups`: ids, in the order of the alphabet."""

    day: int
    groups: tuple[str, ...]
    joins: Joins
    check_ins: CheckIns
    purchases: Purchases
    messages: Messages
    leaves: Leaves

    def counts(self) -> dict[str, int]:
        """Events by type."""
        return {
            "join": len(self.joins.member),
            "message": len(self.messages.member),
            "check_in": len(self.check_ins.member),
            "purchase": len(self.purchases.member),
            "leave": len(self.leaves.member),
        }
