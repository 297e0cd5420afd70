"""A body of each command that has one, as the description shows it."""

from collections.abc import Mapping
from typing import Any

_THEMES = [
    {"id": "babies", "name": "母婴", "name_en": "Families with babies", "tags": ["baby", "奶粉"]},
    {"id": "fresh-food", "name": "生鲜", "name_en": "Fresh food", "tags": ["fruit", "vegetables"]},
]
_AT = 1_795_390_480_000
_PERSON = {"at": _AT, "member_id": "m-42"}
_ITEMS = {"items": ["sh-001~p3-1207~0", "sh-001~p3-1207~4"]}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "define_themes": {"themes": _THEMES},
    "define_districts": {"proximities": [{"a": "Pudong", "b": "Minhang", "value": 700}]},
    "change_settings": {"size_target": 180, "auto_open": True},
    "place_member": {"member_id": "m-42", "group_id": "sh-001~g7"},
    "open_group": {"name": "Tea lovers", "theme": "fresh-food"},
    "update_group": {"managers": ["boss"], "join_url": "https://chat.example/g/7"},
    "close_group": {"into": "sh-001~g8"},
    "report_snapshot": {"at": _AT, "members": ["m-42", "boss"]},
    "report_join": _PERSON,
    "report_leave": _PERSON,
    "approve_plan": _ITEMS,
    "reject_plan": _ITEMS,
    "set_no_invitations": {"no_invitations": True},
}
