"""Decide a request by all the policies that are about it, as AWS combines them.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
…/reference_policies_evaluation-logic_policy-eval-basics-request.html (what counts in which order),
…/access_policies_boundaries.html (resource policies and boundaries),
…/troubleshoot_access-denied.html (the wording) and
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html (what a key's policy lets in).

Pure: policies and a request go in, a verdict comes out. Nothing here knows moto.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshtest.emulator.policy import Principal, Request, applying, listed, names_account_alone


class Kind(enum.Enum):
    """The kinds of policies, as AWS's messages name them."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


@dataclass(frozen=True)
class Document:
    """A policy: its kind, what to call it, and what it says."""

    kind: Kind
    name: str
    policy: Mapping[str, Any]


@dataclass(frozen=True)
class Policies:
    """What a principal's rights come from; ``boundary`` and ``session`` are empty where there is none."""

    identity: tuple[Document, ...] = ()
    boundary: tuple[Document, ...] = ()
    session: tuple[Document, ...] = ()


@dataclass(frozen=True)
class Resource:
    """The side of the resource: its owner and its policy.

    ``lets_iam_in``: whether the owner's identity policies count without the resource's policy; a key's and a
    role's trust policy have to let them count.
    """

    account: str
    document: Document | None = None
    lets_iam_in: bool = True


@dataclass(frozen=True, order=True)
class Statement:
    """A statement that decided: the kind and name of its policy, and its Sid or, without one, its place."""

    kind: str
    policy: str
    sid: str


@dataclass(frozen=True)
class Verdict:
    """Whether a request is allowed, by which statements; else the reason, as AWS words it."""

    is_allowed: bool
    statements: tuple[Statement, ...] = ()
    reason: str = ""


def decide(request: Request, policies: Policies, resource: Resource) -> Verdict:
    """Decide a request of a user or of a role's session."""
    documents = [*policies.identity, *policies.boundary, *policies.session, *_of(resource)]
    applied = list(_applied(documents, request))
    if denied := _denied(applied):
        return denied
    for each in applied:
        if each.document is resource.document and _names_itself(each.raw, request.principal):
            return Verdict(True, (each.named,))
    if lacking := _lacking(request, policies, resource, applied):
        return Verdict(False, (), f"because no {lacking.value} allows the {request.action} action")
    return Verdict(True, tuple(each.named for each in applied))


def decide_root(request: Request, resource: Resource) -> Verdict:
    """Decide a request of the owner's root user, whom nothing but the resource's explicit deny can stop."""
    return _denied(list(_applied(_of(resource), request))) or Verdict(True)


@dataclass(frozen=True)
class _Applied:
    document: Document
    raw: Mapping[str, Any]
    named: Statement


def _of(resource: Resource) -> list[Document]:
    return [resource.document] if resource.document else []


def _applied(documents: Iterable[Document], request: Request) -> Iterator[_Applied]:
    for document in documents:
        for place, raw in applying(document.policy, request):
            sid = str(raw.get("Sid") or place + 1)
            yield _Applied(document, raw, Statement(document.kind.value, document.name, sid))


def _denied(applied: Iterable[_Applied]) -> Verdict | None:
    for each in applied:
        if each.raw.get("Effect") == "Deny":
            place = _with_article(each.document.kind)
            return Verdict(False, (each.named,), f"with an explicit deny in {place}")
    return None


def _lacking(
    request: Request, policies: Policies, resource: Resource, allowing: Iterable[_Applied]
) -> Kind | None:
    """Return the first kind of policy that would have to allow the request and does not."""
    kinds = {each.document.kind for each in allowing}
    of_resource = resource.document.kind if resource.document else Kind.RESOURCE
    is_own = request.principal.account == resource.account
    if not (is_own and resource.lets_iam_in) and of_resource not in kinds:
        return of_resource
    is_named = any(
        each.document is resource.document and not names_account_alone(each.raw, request.principal)
        for each in allowing
    )
    if not (is_own and is_named) and Kind.IDENTITY not in kinds:
        return Kind.IDENTITY
    if policies.boundary and Kind.BOUNDARY not in kinds:
        return Kind.BOUNDARY
    return Kind.SESSION if policies.session and Kind.SESSION not in kinds else None


def _names_itself(statement: Mapping[str, Any], principal: Principal) -> bool:
    """Return whether a statement names a user or session itself, which no boundary limits then.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html (resource-based policies)
    """
    named = statement.get("Principal")
    return isinstance(named, Mapping) and principal.arn in listed(named.get("AWS"))


def _with_article(kind: Kind) -> str:
    if kind is Kind.TRUST:
        return f"the {kind.value}"
    return f"{'an' if kind is Kind.IDENTITY else 'a'} {kind.value}"
