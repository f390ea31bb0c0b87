"""What an address of a server holds that no run may write down: a user, a password, a query with a key.

Addresses are cut where they come in, and what was cut goes into a variable of the environment, which the processes of a
run inherit and none of its files holds. Whoever connects looks it up by the address that is left. A run that is
resumed, or sent to another machine, is given its address in full once more.
"""

import base64
import json
import os
import re
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, unquote

VARIABLE = "ADABENCH_SERVER_SECRETS"
_SHORTEST = 4
"""Characters of a value that is hidden: a `1` of a query is no secret, and stands everywhere."""
_ADDRESS = re.compile(
    r"(?P<before>\b(?:openai|chat):https?://)(?:(?P<user>[^\s/?#]*)@)?(?P<place>[^\s?#]*)(?:\?(?P<query>[^\s#]*))?"
)


@dataclass(frozen=True)
class ServerSecret:
    """What was cut out of an address, as it stood there."""

    user: str = ""
    """`NAME:PASSWORD`, or a name alone."""
    query: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Return what a request says for the user (basic authorisation)."""
        name, _, password = self.user.partition(":")
        words = f"{unquote(name)}:{unquote(password)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(words).decode()}"} if self.user else {}

    @property
    def parameters(self) -> dict[str, object]:
        """Return what each request has in its query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


def without_secrets(text: str) -> str:
    """Return text whose addresses of servers (`openai:URL`, `chat:URL`) have no user and no query; they are remembered."""
    return _ADDRESS.sub(_cut, text)


def secret_of(url: str | None) -> ServerSecret:
    """Return what was cut out of an address; an empty secret if nothing was."""
    return ServerSecret(**_remembered().get(_name(url or ""), {}))


def hidden(text: str) -> str:
    """Return text without remembered passwords and values of queries, which a server or a library may quote."""
    for found in _remembered().values():
        secret = ServerSecret(**found)
        for value in (secret.user.partition(":")[2], *map(str, secret.parameters.values())):
            text = text.replace(value, "...") if len(value) >= _SHORTEST else text
    return text


def _cut(found: re.Match[str]) -> str:
    secret = ServerSecret(found["user"] or "", found["query"] or "")
    if secret != ServerSecret():
        name = _name(found["before"].partition(":")[2] + found["place"])
        os.environ[VARIABLE] = json.dumps({**_remembered(), name: asdict(secret)})
    return found["before"] + found["place"]


def _remembered() -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = json.loads(os.environ.get(VARIABLE) or "{}")
    return known


def _name(url: str) -> str:
    return url.rstrip("/")
