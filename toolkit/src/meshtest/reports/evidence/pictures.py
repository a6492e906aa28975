"""Pictures of a plan: the domain's architecture and its state machines, laid out by Graphviz.

An SVG here has no ids, colours or sizes of its own: classes (``bucket``, ``key``, …) say what a shape is, and
the page's stylesheet draws it, light or dark.
"""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pygraphviz

from meshtest.check.plan import Plan, Resource
from meshtest.check.policies import statements
from meshtest.check.states_scopes import inner_scopes, transitions

_FONT = "Helvetica"
_NOISE = re.compile(r'<\?xml.*?(?=<svg)|<!--.*?-->\n?| (?:id|width|height)="[^"]*"(?=[^<]*>)', re.DOTALL)
_Tables = dict[tuple[str, str], str]


class Picture:
    """A graph under construction; nodes have a kind, which becomes their class."""

    def __init__(self, direction: str) -> None:
        self.graph = pygraphviz.AGraph(directed=True, strict=False)
        self.graph.graph_attr.update(
            rankdir=direction, fontname=_FONT, nodesep="0.22", ranksep="0.45", compound="true"
        )
        self.graph.node_attr.update(fontname=_FONT, fontsize="11", shape="box", margin="0.2,0.1")
        self.graph.edge_attr.update(fontname=_FONT, fontsize="9", arrowsize="0.7")

    def group(self, name: str, label: str, within: Any = None) -> Any:
        """A frame around nodes."""
        parent = self.graph if within is None else within
        return parent.add_subgraph(
            name=f"cluster_{name}",
            label=label,
            labeljust="l",
            margin="12",
            fontsize="12",
            fontname=_FONT,
            style="rounded",
        )

    def node(self, place: Any, name: str, kind: str, title: str, *lines: str, **options: str) -> None:
        """A node of a kind: a title, and lines below it."""
        text = "\n".join([title, *lines])
        place.add_node(name, label=text, **{"class": kind}, **options)

    def edge(self, start: str, end: str, label: str = "", kind: str = "", weight: str = "1") -> None:
        """An arrow, if both ends are in the picture; the heavier, the straighter."""
        if self.graph.has_node(start) and self.graph.has_node(end):
            self.graph.add_edge(start, end, label=label, weight=weight, **{"class": kind})

    def svg(self, title: str) -> str:
        """The picture as an SVG element, with a title for those who do not see it."""
        drawn = _NOISE.sub("", self.graph.draw(format="svg", prog="dot").decode())
        return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1).strip()


# ─── Architecture ───


def architecture(plans: Mapping[str, Plan], foundation: str) -> str:
    """The domain from its plans: network, buckets, keys, roles, tables and pipelines."""
    picture = Picture("LR")
    _network(picture, plans[foundation])
    _storage(picture, plans[foundation])
    projects = {
        root.removeprefix("projects/"): plan for root, plan in plans.items() if root.startswith("projects/")
    }
    frames = {name: picture.group(name, f"Project {name}") for name in projects}
    tables: _Tables = {}
    for name, plan in projects.items():
        tables |= _tables(picture, frames[name], name, plan)
    for name, plan in projects.items():
        _pipelines(picture, frames[name], name, plan)
        _rights(picture, plan, tables)
    return picture.svg("The domain's architecture, drawn from its plans; the list below says the same")


def _network(picture: Picture, plan: Plan) -> None:
    for vpc in plan.resources("aws_vpc"):
        frame = picture.group("vpc", f"VPC {vpc.get('cidr_block')}, no way to the internet")
        for subnet in plan.resources("aws_subnet"):
            zone = f"Private subnet {subnet.get('availability_zone')}"
            picture.node(frame, subnet.address, "network", zone, subnet.get("cidr_block"))
        services = sorted(
            str(each.get("service_name")).rpartition(".")[2] for each in plan.resources("aws_vpc_endpoint")
        )
        lines = textwrap.wrap(", ".join(services), 26)
        picture.node(frame, "endpoints", "network", "Endpoints", *lines)
    for log in plan.resources("aws_flow_log"):
        group = str(log.get("log_destination")).rpartition(":log-group:")[2]
        picture.node(picture.graph, log.address, "log", "Flow log of all traffic", group)
    for subnet in plan.resources("aws_subnet"):
        picture.edge(subnet.address, "endpoints", "HTTPS")
        for log in plan.resources("aws_flow_log"):
            picture.edge(subnet.address, log.address, "", "dim")


def _storage(picture: Picture, plan: Plan) -> None:
    for alias in plan.resources("aws_kms_alias"):
        picture.node(picture.graph, "key", "key", "Key, rotated", alias.get("name"))
    frame = picture.group("buckets", "Buckets: HTTPS only, private")
    settings = plan.resources("aws_s3_bucket_logging")
    targets = {each.get("target_bucket") for each in settings}
    databases = {
        str(each.get("location_uri")).split("/")[2]: each.get("name")
        for each in plan.resources("aws_glue_catalog_database")
        if each.get("location_uri")
    }
    for bucket in plan.resources("aws_s3_bucket"):
        name = bucket.get("bucket")
        lines = [f"database {databases[name]}"] if name in databases else []
        place, kind = (picture.graph, "log") if name in targets else (frame, "bucket")
        picture.node(place, name, kind, name, *lines, shape="cylinder")
    for setting in settings:
        picture.edge(setting.get("bucket"), setting.get("target_bucket"), "access logs", "dim")
    for encryption in plan.resources("aws_s3_bucket_server_side_encryption_configuration"):
        if encryption.get("rule.0.apply_server_side_encryption_by_default.0.sse_algorithm") == "aws:kms":
            picture.edge(encryption.get("bucket"), "key", "encrypted by", "dim")


def _tables(picture: Picture, frame: Any, project: str, plan: Plan) -> _Tables:
    """Draw the tables of each database as one node; returns the node of each (database, table)."""
    groups: dict[str, list[Resource]] = defaultdict(list)
    for table in plan.resources("aws_glue_catalog_table"):
        groups[table.get("database_name")].append(table)
    found: _Tables = {}
    for database, tables in groups.items():
        node = f"{project} {database}"
        picture.node(frame, node, "table", f"Tables in {database}", *map(_described, tables))
        places = {str(each.get("storage_descriptor.0.location")).split("/")[2] for each in tables}
        for bucket in sorted(places):
            picture.edge(node, bucket, f"{project}/")
        found |= {(database, each.get("name")): node for each in tables}
    return found


def _described(table: Resource) -> str:
    return f"{table.get('name')}{' (Iceberg)' if table.get('open_table_format_input') else ''}"


def _pipelines(picture: Picture, frame: Any, project: str, plan: Plan) -> None:
    jobs = f"{project} jobs"
    machines = plan.resources("aws_sfn_state_machine")
    names = [name for machine in machines for name in _jobs(json.loads(machine.get("definition")))]
    picture.node(frame, jobs, "job", "Glue jobs", *names)
    for machine in machines:
        node = f"{project} {machine.address}"
        picture.node(frame, node, "machine", "State machine", machine.get("name"))
        picture.edge(node, jobs, "runs in order")
        _role(picture, frame, machine.get("role_arn"), node)
    for role in sorted({job.get("role_arn") for job in plan.resources("aws_glue_job")}):
        _role(picture, frame, role, jobs)
    for role in plan.resources("aws_iam_role"):
        if not picture.graph.has_node(role.get("name")):
            picture.node(frame, role.get("name"), "role", "Role", role.get("name"))
    for node in picture.graph.nodes():
        if ".aws_subnet." in node:
            picture.edge(jobs, node, "", "dim")


def _jobs(definition: Mapping[str, Any]) -> list[str]:
    """The jobs that a machine runs, in its order."""
    found, states, name = [], dict(definition["States"]), definition["StartAt"]
    while state := states.pop(name, None):
        found.append(state.get("Parameters", {}).get("JobName", ""))
        # The choices before the jobs (whose turn it is, whether there are arguments) lead to them first.
        name = state.get("Next") or next((each["Next"] for each in state.get("Choices", [])), None)
    return [job for job in found if job]


def _role(picture: Picture, frame: Any, arn: str, user: str) -> None:
    name = arn.rpartition("/")[2]
    picture.node(frame, name, "role", "Role", name)
    picture.edge(user, name, "as")


def _rights(picture: Picture, plan: Plan, tables: _Tables) -> None:
    """An arrow from each role to the tables that its policies name, and whether it may write them."""
    for policy in plan.resources("aws_iam_role_policy"):
        rights: dict[str, str] = {}
        for statement in statements(policy.get("policy")):
            how = "writes" if "glue:UpdateTable" in statement.actions else "reads"
            if "glue:GetTable" in statement.actions or how == "writes":
                for node in {tables.get(_table(arn), "") for arn in statement.resources} - {""}:
                    rights[node] = "writes" if "writes" in (how, rights.get(node)) else how
        for node, how in sorted(rights.items()):
            picture.edge(policy.get("role"), node, how)


def _table(arn: str) -> tuple[str, str]:
    *_, database, table = f"//{arn}".split("/")
    return database, table


# ─── State Machines ───


def state_machines(plan: Plan) -> dict[str, str]:
    """A diagram of each state machine, by its name."""
    return {
        str(machine.get("name")): state_machine(
            str(machine.get("name")), json.loads(machine.get("definition"))
        )
        for machine in plan.resources("aws_sfn_state_machine")
    }


def state_machine(name: str, definition: Mapping[str, Any]) -> str:
    """The diagram of a definition in the States Language: errors go by dashed arrows."""
    picture = Picture("TB")
    _scope(picture, picture.graph, definition, "")
    return picture.svg(f"State machine {name}")


def _scope(picture: Picture, place: Any, scope: Mapping[str, Any], at: str) -> None:
    states: Mapping[str, Any] = scope.get("States", {})
    picture.node(place, f"{at}start", "start", "", shape="circle", width="0.2")
    for name, state in states.items():
        kind = str(state.get("Type", ""))
        picture.node(place, f"{at}{name}", kind.lower(), name, *_details(state))
        for inner, path in inner_scopes(state, f"{at}{name}"):
            _scope(picture, picture.group(path, name, place), inner, path)
    picture.edge(f"{at}start", f"{at}{scope.get('StartAt')}")
    for name, state in states.items():
        for field, target in transitions(state):
            if field.startswith("Catch"):
                picture.edge(f"{at}{name}", f"{at}{target}", "on failure", "error")
            else:
                picture.edge(f"{at}{name}", f"{at}{target}", weight="9")


def _details(state: Mapping[str, Any]) -> list[str]:
    """What is worth knowing of a state: the job, retries, the time limit."""
    job = state.get("Parameters", {}).get("JobName", "")
    tries = [
        f"tried again {each.get('MaxAttempts', 3)} times on {len(each['ErrorEquals'])} kinds of error"
        for each in state.get("Retry", [])
    ]
    limit = [f"at most {state['TimeoutSeconds'] // 60} min"] if state.get("TimeoutSeconds") else []
    return [*([f"Glue job {job}"] if job else []), *tries, *limit]
