"""Print a token for a member, as a retailer's backend would give it to the member's app."""

from typing import Annotated

import typer

from deploy.local import folder as folders
from deploy.local import tokens
from deploy.local.command_line import Data, existing_folder, new_app
from libs.common.errors import UserError
from libs.common.tokens import LIFETIME, MOST_STORES, is_id

app = new_app()

Member = Annotated[str, typer.Argument(help="The member's id.")]
Stores = Annotated[list[str], typer.Option("--store", help="A store that the member belongs to; may be repeated.")]
Minutes = Annotated[int, typer.Option("--minutes", min=1, max=LIFETIME // 60, help="How long it is valid.")]


@app.command()
def token(member: Member, store: Stores, minutes: Minutes = LIFETIME // 60, data: Data = folders.DEFAULT) -> None:
    """Print a token that this stack accepts, unless it was started with a QUNLI_TOKEN_ISSUERS of your own."""
    if wrong := [name for name in (member, *store) if not is_id(name)]:
        raise UserError(f"{wrong[0]!r} is no id.", "One has 1 to 64 of A-Z a-z 0-9 . _ : -")
    if len(store) > MOST_STORES:
        raise UserError("These are too many stores.", f"A token has at most {MOST_STORES}.")
    print(tokens.mint(existing_folder(data), member, store, minutes))
