"""A small evaluator of IAM policies: as much of the language as this repository's templates and documents use.

It follows AWS's evaluation logic: an explicit Deny wins; otherwise an Allow in the caller's policies or in the resource's is
enough, and for a role or user of another account both must allow. It refuses anything else (an operator, a kind of principal,
a policy variable) by an UnknownPolicyError, so that no test rests on a guess.

Source: IAM User Guide, "Policy evaluation logic", "Condition operators", "Multivalued context keys".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
KNOWN_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
PRINCIPAL_ARN = "aws:PrincipalArn"


class UnknownPolicyError(ValueError):
    """A policy that uses something this evaluator does not know."""


@dataclass(frozen=True)
class Caller:
    """A caller: the ARN of a role or user, or the name of an AWS service; its tags and its own policies' statements."""

    name: str
    arn: str = ""
    service: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[Statement] = ()

    @property
    def context(self) -> dict[str, list[str]]:
        """The condition keys that AWS fills in from the caller."""
        about = {f"aws:PrincipalTag/{name}": [value] for name, value in self.tags.items()}
        if self.service:
            return {"aws:PrincipalIsAWSService": ["true"], "aws:PrincipalServiceName": [self.service]}
        return about | {PRINCIPAL_ARN: [self.arn], "aws:PrincipalIsAWSService": ["false"]}


def allowed(
    caller: Caller,
    action: str,
    resource: str,
    resource_policy: Sequence[Statement] = (),
    context: Mapping[str, Iterable[str]] | None = None,
) -> bool:
    """Return whether AWS would let the caller do the action on the resource. Raises UnknownPolicyError.

    `context` are the request's own condition keys, each with all its values.
    """
    keys = {name.lower(): list(values) for name, values in ({**caller.context, **(context or {})}).items()}
    own = {s["Effect"] for s in caller.policies if _applies(s, action, resource, keys)}
    its = {s["Effect"] for s in resource_policy if _names(s, caller) and _applies(s, action, resource, keys)}
    if "Deny" in own | its:
        return False
    foreign = not caller.service and _account(caller.arn) != _account(resource)
    return "Allow" in own and "Allow" in its if foreign else "Allow" in own | its


def _account(arn: str) -> str:
    return arn.split(":")[4]


def _applies(statement: Statement, action: str, resource: str, keys: Mapping[str, list[str]]) -> bool:
    if unknown := set(statement) - KNOWN_ELEMENTS:
        raise UnknownPolicyError(f"{', '.join(sorted(unknown))} in {statement.get('Sid', statement)}")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise UnknownPolicyError(f"effect {statement['Effect']}")
    conditions = statement.get("Condition", {})
    held = [_holds(operator, key, listed(v), keys) for operator, block in conditions.items() for key, v in block.items()]
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(_plain(pattern), resource) for pattern in listed(statement["Resource"]))
        and all(held)
    )


def _names(statement: Statement, caller: Caller) -> bool:
    """Whether a resource's statement is about the caller."""
    principal = statement["Principal"]
    if principal == "*":
        return True
    if not isinstance(principal, Mapping) or not set(principal) <= {"AWS", "Service"}:
        raise UnknownPolicyError(f"principal {principal}")
    for value in listed(principal.get("AWS", ())):
        if value == "*" or value == caller.arn:
            return True
        if not re.fullmatch(r"arn:aws:iam::\d{12}:(role|user)/[^*?]+", value):
            raise UnknownPolicyError(f"principal {value}: whole accounts are not known here")
    return bool(caller.service) and caller.service in listed(principal.get("Service", ()))


def _holds(operator: str, key: str, wanted: Sequence[str], keys: Mapping[str, list[str]]) -> bool:
    """Whether one line of a condition holds. All lines of a statement must."""
    quantifier, _, plain = operator.rpartition(":")
    base = plain.removesuffix("IfExists")
    found = keys.get(key.lower())
    if base == "Null":
        if quantifier or plain != base or not set(wanted) <= {"true", "false"}:
            raise UnknownPolicyError(f"{operator} {wanted}")
        return (found is None) == (wanted == ["true"])
    negated = base in NEGATED
    compare = COMPARISONS.get(NEGATED.get(base, base))
    if compare is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownPolicyError(f"condition operator {operator}")
    wanted = [_plain(value) for value in wanted]

    def matches(value: str) -> bool:
        return any(compare(pattern, value) for pattern in wanted) != negated

    if quantifier == "ForAllValues":
        return all(matches(value) for value in found or ())
    if quantifier == "ForAnyValue":
        return any(matches(value) for value in found or ()) or (found is None and plain != base)
    if found is None:
        return negated or plain != base
    if len(found) != 1:
        raise UnknownPolicyError(f"{key} has {len(found)} values, and {operator} is for one")
    return matches(found[0])


def _like(pattern: str, value: str) -> bool:
    """`*` and `?` as IAM has them, and nothing else special."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def _arn_like(pattern: str, value: str) -> bool:
    """Each of the six parts by itself: a `*` in one does not reach into the next."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(found) == 6 and all(_like(w, f) for w, f in zip(wanted, found, strict=True))


COMPARISONS = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def _plain(text: str) -> str:
    if not isinstance(text, str):
        raise UnknownPolicyError(f"{text!r} is not text: resolve it first")
    if "${" in text:
        raise UnknownPolicyError(f"policy variable in {text}")
    return text


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one as its one member."""
    return list(value) if isinstance(value, list | tuple) else [value]
