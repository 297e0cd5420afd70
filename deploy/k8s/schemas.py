"""Whether manifests are what an API server would take: every kind has a schema, and no field is unknown to it.

Kubernetes' own kinds by `kubernetes-validate`, custom ones by the schema in their definition. What a schema cannot say
(rules between fields, policies) only an API server tells: `make check-cluster`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
import kubernetes_validate

from deploy.tools import crds

KUBERNETES = "1.37"

Document = dict[str, Any]


def faults(documents: list[Document]) -> Iterator[str]:
    """What does not fit, a line each; nothing if all is well."""
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        yield from (f"{name}: {fault}" for fault in _faults(document))


def _faults(document: Document) -> Iterator[str]:
    api, kind = document["apiVersion"], document["kind"]
    if (api, kind) in crds.schemas():
        for error in _validator(api, kind).iter_errors(document):
            yield f"{_place(error)}: {error.message[:300]}"
    else:
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message[:300]}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"nobody knows the kind {kind} of {api}"


def _place(error: jsonschema.ValidationError) -> str:
    return ".".join(map(str, error.absolute_path)) or "at its top"


@lru_cache
def _validator(api: str, kind: str) -> jsonschema.Draft202012Validator:
    schema = closed(crds.schemas()[api, kind])
    # What every object has, and no definition says.
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return jsonschema.Draft202012Validator(schema)


def closed(schema: Document) -> Document:
    """A definition's OpenAPI schema as JSON Schema that refuses fields it does not know."""
    made = {key: value for key, value in schema.items() if key in _KEPT}
    if schema.get("x-kubernetes-int-or-string"):
        made = {**made, "type": ["integer", "string"]}
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            # Below `not` nothing may be closed: it would say something else.
            made[key] = schema[key] if key == "not" else closed(schema[key])
    if "properties" in schema:
        made["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        made.setdefault("additionalProperties", bool(schema.get("x-kubernetes-preserve-unknown-fields")))
    elif schema.get("x-kubernetes-preserve-unknown-fields"):
        made.pop("additionalProperties", None)
    elif schema.get("type") == "object" and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


# allOf, anyOf, oneOf: in a definition they only narrow what stands beside them.
_KEPT = {
    "additionalProperties", "allOf", "anyOf", "enum", "exclusiveMaximum", "exclusiveMinimum", "maximum", "maxItems",
    "maxLength", "maxProperties", "minimum", "minItems", "minLength", "minProperties", "multipleOf", "oneOf", "pattern",
    "required", "type", "uniqueItems",
}  # fmt: skip
