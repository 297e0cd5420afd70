"""Who may call the plain ways: one key, known from the environment."""

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

bearer = HTTPBearer()
Key = Annotated[HTTPAuthorizationCredentials, Depends(bearer)]


def known_stores(request: Request, presented: Key) -> frozenset[str]:
    """The stores of the key presented, from memory."""
    digest = hashlib.sha256(presented.credentials.encode()).digest()
    for known, stores in request.app.state.keys.items():
        if hmac.compare_digest(digest, known):
            found: frozenset[str] = stores
            return found
    raise HTTPException(401)


Stores = Annotated[frozenset[str], Depends(known_stores)]
