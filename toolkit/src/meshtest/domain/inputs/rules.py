"""What no schema can say: how fields and files have to fit together.

Each rule takes the files that their schemas have let pass and yields mistakes. Lengths are those of the names
that Terraform makes, ``{domain_abbr}-{project}-…-{env}``, in the environment with the longest name.
"""

from __future__ import annotations

import functools
import ipaddress
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.session import Session

from core import contract, contract_mistakes, odcs
from core.mistakes import CONTENT, MISSING, Mistake
from meshtest.check.controls import all_controls, naming
from meshtest.domain.inputs import checkout, spark
from meshtest.domain.inputs.checkout import (
    DOMAIN,
    EXCEPTIONS,
    EXTERNAL,
    PROJECTS,
    TAGS,
    TEMPLATE,
    Checkout,
    Day,
)
from meshtest.tools import folders

_ENVIRONMENT = f"a folder of {folders.ENVIRONMENTS}"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_LENGTH = 64
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
STATE_MACHINE_LENGTH = 80
# https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
JOB_LENGTH = 255
# The services that a domain cannot do without and that not every Region has, by botocore's names.
SERVICES = ("glue", "stepfunctions")
# What the foundation offers in an environment's main.tf, as far as a number or a text can be wrong.
RETENTION_DAYS = frozenset({90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653})
# Words of a contract that hide nothing, and the tag of what has to be hidden.
OPEN = ("public", "internal")
PERSONAL = "pii"

Rule = Callable[[Checkout], Iterator[Mistake]]


def mistakes(read: Checkout) -> list[Mistake]:
    """What all the rules find."""
    return [mistake for rule in RULES for mistake in rule(read)]


def _files(read: Checkout, name: str) -> Iterator[tuple[str, str, Any]]:
    """Project, path and content of each project's file of a name."""
    for project in read.projects:
        content = read.of_project(project, name)
        if content is not None:
            yield project, f"{PROJECTS}/{project}/{name}", content


def _is_template(project: str) -> bool:
    return project.startswith("_")


# ─── domain.json ───


def region(read: Checkout) -> Iterator[Mistake]:
    """The Region has what a domain is made of."""
    found = (read.content(DOMAIN) or {}).get("aws_region")
    if found is not None and not all(found in regions(service) for service in SERVICES):
        yield Mistake(DOMAIN, "aws_region", found, "an AWS Region that has Glue and Step Functions")


@functools.cache
def regions(service: str) -> list[str]:
    """The Regions that have a service, of every partition, as botocore knows them."""
    session = Session()
    return [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions(service, partition)
    ]


def backends(read: Checkout) -> Iterator[Mistake]:
    """Where setup/init-terraform.sh put the states still is where domain.json says."""
    domain = read.content(DOMAIN)
    for env in read.environments if domain else ():
        name = f"{folders.ENVIRONMENTS}/{env}/backend.conf"
        for field, value in _hcl(read, name).items():
            if field == "region" and value != domain["aws_region"]:
                expected = f'"{domain["aws_region"]}", aws_region of {DOMAIN}: run setup/init-terraform.sh'
                yield Mistake(name, field, value, expected)
            if field == "bucket" and not str(value).startswith(f"{domain['domain_abbr']}-tfstate-"):
                expected = f'a bucket "{domain["domain_abbr"]}-tfstate-…": run setup/init-terraform.sh'
                yield Mistake(name, field, value, expected)


def environments(read: Checkout) -> Iterator[Mistake]:
    """What an environment's main.tf gives to the foundation by number or text."""
    for env in read.environments:
        name = f"{folders.ENVIRONMENTS}/{env}/main.tf"
        yield from environment_name(env)
        for blocks in _hcl(read, name).get("module", []):
            given = blocks.get("foundation", {})
            called = given.get("env", env)
            if not str(called).startswith("${") and called != env:
                own = f'"{env}", the name of its folder'
                yield Mistake(name, "env", called, own if called in read.environments else _ENVIRONMENT)
            for field, (is_good, expected) in _FOUNDATION.items():
                if field in given and not is_good(given[field]):
                    yield Mistake(name, field, given[field], expected)


# Short, because it is in every name; without a hyphen, because policies tell environments by what a name ends
# with. "shared" is the tag of what an account's environments have in common.
def environment_name(name: str) -> Iterator[Mistake]:
    """What is wrong with the name of an environment."""
    if not re.fullmatch(r"(?!shared$)[a-z][a-z0-9]{1,7}", name):
        expected = "2 to 8 lower-case letters and digits, starting with a letter, and not shared"
        yield Mistake(f"{folders.ENVIRONMENTS}/{name}", "name", name, expected)


def settings_by_environment(read: Checkout) -> Iterator[Mistake]:
    """What is otherwise in one environment names one that there is."""
    for _, file, settings in _files(read, "jobs.tf"):
        for key, job in settings.items():
            yield from _known(read, file, key, job)
    for kind, each in (read.content(EXTERNAL) or {}).items():
        for key, settings in each.items() if isinstance(each, dict) else ():
            yield from _known(read, EXTERNAL, f"{kind}.{key}", settings)


def _known(read: Checkout, file: str, field: str, settings: Mapping[str, Any]) -> Iterator[Mistake]:
    for env in settings.get("environments", {}):
        if env not in read.environments:
            yield Mistake(file, f"name of {field}.environments.{env}", env, _ENVIRONMENT)


def variables(read: Checkout) -> Iterator[Mistake]:
    """What a project's own files of variables, which Terraform reads by itself, say of the environment."""
    for project in read.projects:
        folder = read.top / PROJECTS / project
        for file in sorted(file for pattern in _VARIABLES for file in folder.glob(pattern)):
            name = file.relative_to(read.top).as_posix()
            given = _json(file).get("env") if file.suffix == ".json" else _hcl(read, name).get("env")
            if given is not None and given not in read.environments:
                yield Mistake(name, "env", given, _ENVIRONMENT)


# https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
_VARIABLES = ("terraform.tfvars", "terraform.tfvars.json", "*.auto.tfvars", "*.auto.tfvars.json")


def _json(file: Path) -> dict[str, Any]:
    try:
        content = checkout.json_object(file.read_text(encoding="utf-8"))
    except (OSError, checkout.Unreadable):
        return {}
    return content if isinstance(content, dict) else {}


def _hcl(read: Checkout, name: str) -> dict[str, Any]:
    try:
        return checkout.hcl((read.top / name).read_text(encoding="utf-8"))
    except (OSError, checkout.Unreadable):
        return {}


def _is_range(value: Any) -> bool:
    try:
        return 16 <= ipaddress.IPv4Network(value).prefixlen <= 24
    except ValueError:
        return str(value).startswith("${")


def _are_days(entry: tuple[str, Any]) -> bool:
    """Whether an entry is a number of days of one of the data buckets."""
    bucket, days = entry
    is_number = not isinstance(days, int) or days >= 1
    return is_number and bucket.strip('"') in ("artifacts", "curated", "raw", "refined")


_FOUNDATION: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "access_log_retention_days": (
        lambda value: not isinstance(value, int) or value >= 90,
        "a whole number of at least 90, for audits",
    ),
    "availability_zone_count": (lambda value: not isinstance(value, int) or value in (2, 3, 4), "2, 3 or 4"),
    "flow_log_retention_days": (
        lambda value: not isinstance(value, int) or value in RETENTION_DAYS,
        "a retention that CloudWatch offers, of at least 90 days (90, 120, 150, 180, 365 and longer ones)",
    ),
    "noncurrent_version_days": (
        lambda value: not isinstance(value, dict) or all(map(_are_days, value.items())),
        "whole numbers of at least 1 by artifacts, curated, raw or refined",
    ),
    "vpc_cidr": (_is_range, 'an IPv4 range from /16 to /24, such as "10.0.0.0/16"'),
}


# ─── tags.json ───


def tags(read: Checkout) -> Iterator[Mistake]:
    """The team's own tags are others than the domain's; IAM does not tell capitals apart."""
    names = sorted(name for name in read.content(TAGS) or {} if name != "$schema")
    for number, name in enumerate(names):
        if name.lower() in _RESERVED or name.lower().startswith("aws:"):
            yield Mistake(TAGS, f"name of {name}", name, _ANOTHER_TAG)
        if name.lower() in [other.lower() for other in names[:number]]:
            yield Mistake(TAGS, f"name of {name}", name, "each name once, in capitals or not")


_RESERVED = {name.lower() for name in (*naming.TAGS, "Name")}
_ANOTHER_TAG = (
    "another name, for the domain sets Domain, Environment, ManagedBy, Name, Owner and Project, "
    "and aws: is AWS's own"
)


# ─── project.json ───


def names(read: Checkout) -> Iterator[Mistake]:
    """A project is called as its folder, and Python can import its jobs."""
    for project, file, content in _files(read, "project.json"):
        name = content["name"]
        if not _is_template(project) and name != project:
            yield Mistake(file, "name", name, f'"{project}", the name of its folder')
        elif keyword.iskeyword(name):
            yield Mistake(file, "name", name, "a name that is no word of Python: its jobs are a package")


def dependencies(read: Checkout) -> Iterator[Mistake]:
    """Dependencies are other projects, and none depends on itself by way of others."""
    needed = {project: content.get("depends_on", []) for project, _, content in _files(read, "project.json")}
    for project, named in needed.items():
        file = f"{PROJECTS}/{project}/project.json"
        for number, name in enumerate(named):
            field = f"depends_on[{number}]"
            if name == project or name not in read.projects:
                yield Mistake(file, field, name, f"a folder of {PROJECTS} that has a {contract.FILE}")
            elif named.index(name) < number:
                yield Mistake(file, field, name, "each project once")
            elif circle := _way(needed, name, project):
                yield Mistake(file, field, name, f"no circle: {' → '.join([project, *circle])}")


def outside(read: Checkout) -> Iterator[Mistake]:
    """What a project reads of others is in setup/external.json."""
    known = read.content(EXTERNAL) or {}
    for _, file, content in _files(read, "project.json"):
        for field, kind in (("connections", "databases"), ("external_reads", "buckets")):
            for number, name in enumerate(content.get(field, [])):
                if name not in known.get(kind, {}):
                    expected = f"the name of a {kind.removesuffix('s')} in {EXTERNAL}"
                    yield Mistake(file, f"{field}[{number}]", name, expected)


def _way(needed: Mapping[str, list[str]], start: str, end: str) -> list[str]:
    """The projects from one to another along their dependencies; empty if there is no way."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == end:
            return way
        new = [name for name in needed.get(way[-1], []) if name not in seen]
        seen.update(new)
        ways += [[*way, name] for name in new]
    return []


def files(read: Checkout) -> Iterator[Mistake]:
    """A project has the files of the template."""
    template = read.top / PROJECTS / TEMPLATE
    shared = sorted(file.name for file in template.glob("*") if file.is_file())
    told = {f"{PROJECTS}/{project}/{name}" for project in read.projects for name in _OWN}
    for project in read.projects:
        for name in shared:
            file = f"{PROJECTS}/{project}/{name}"
            if file not in told and not (read.top / file).is_file():
                yield Mistake(file, CONTENT, MISSING, f"the file of {PROJECTS}/{TEMPLATE}")


_OWN = ("jobs.tf", "pipelines.tf", "project.json", contract.FILE)


# ─── contract.odcs.yaml ───


def contracts(read: Checkout) -> Iterator[Mistake]:
    """What a contract's own fields have to do with each other: the rules that the jobs apply, too."""
    for _, file, content in _files(read, contract.FILE):
        yield from contract_mistakes.mistakes(content, file)


def spark_words(read: Checkout) -> Iterator[Mistake]:
    """Types, patterns and conditions are what Spark reads as such."""
    yield from spark.mistakes({file: content for _, file, content in _files(read, contract.FILE)})


def tables(read: Checkout) -> Iterator[Mistake]:
    """All projects share a database a layer: a table's name is there once."""
    owners: dict[str, str] = {
        f"refined.{project}_job_runs": f"the runs of {project}'s jobs" for project in read.projects
    }
    for project, file, content in _files(read, contract.FILE):
        for described in content["schema"]:
            label = f"{odcs.layer(described)}.{odcs.physical_name(described)}"
            other = owners.get(label)
            if other and other != f"{PROJECTS}/{project}":
                field = "physicalName" if described.get("physicalName") else "name"
                expected = f"another name: {label} is of {other}"
                yield Mistake(
                    file, f"schema.{described['name']}.{field}", odcs.physical_name(described), expected
                )
            owners.setdefault(label, f"{PROJECTS}/{project}")


def personal(read: Checkout) -> Iterator[Mistake]:
    """What is tagged as personal data has a classification that hides its values."""
    for _, file, content in _files(read, contract.FILE):
        for described in content["schema"]:
            for column in described.get("properties", []):
                word, tagged = column.get("classification", MISSING), next(_personal(column), None)
                if tagged and is_open("" if word is MISSING else word):
                    field = f"schema.{described['name']}.properties.{column['name']}.classification"
                    expected = (
                        f"a word other than {' and '.join(OPEN)}, as {tagged}: its values are hidden by it"
                    )
                    yield Mistake(file, field, word, expected)


def _personal(column: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Say of a column, and of what is within it, that it is tagged as personal data."""
    for tag in column.get("tags", []):
        if tag.lower() == PERSONAL:
            yield f'the property {name + " " if name else ""}is tagged "{tag}"'
    inner = [*column.get("properties", []), *([column["items"]] if "items" in column else [])]
    for each in inner:
        yield from _personal(each, each.get("name", "items"))


def is_open(classification: str) -> bool:
    """Whether a contract's word lets everybody see a column's values."""
    return classification.lower() in ("", *OPEN)


def references(read: Checkout) -> Iterator[Mistake]:
    """A relationship to another contract leads to a table that the project may read."""
    declared = {project: content for project, _, content in _files(read, contract.FILE)}
    for project, file, content in _files(read, contract.FILE):
        readable = (read.of_project(project, "project.json") or {}).get("depends_on", [])
        known = {
            (f"../{each}/{contract.FILE}", name)
            for each in readable
            for described in declared.get(each, {}).get("schema", [])
            if odcs.layer(described) != "raw"
            for name in (described["name"], described.get("id"))
        }
        for field, relationship in _relationships(content):
            found = odcs.target(relationship, content)
            if "file" in found and (found["file"], found["object"]) not in known:
                expected = "a table of a project in depends_on, such as ../rates/contract.odcs.yaml#/schema/…"
                yield Mistake(file, field, relationship["to"], expected)


def _relationships(content: Any) -> Iterator[tuple[str, Any]]:
    for described in content["schema"]:
        parts = [(f"schema.{described['name']}", described)]
        parts += [
            (f"{parts[0][0]}.properties.{each['name']}", each) for each in described.get("properties", [])
        ]
        for place, part in parts:
            for number, each in enumerate(part.get("relationships", [])):
                yield f"{place}.relationships[{number}].to", each


# ─── Jobs ───


def scripts(read: Checkout) -> Iterator[Mistake]:
    """Each job has its script; each project its package, with the contract in it."""
    for project, file, settings in _files(read, "jobs.tf"):
        folder = f"src/jobs/{project.lstrip('_')}"
        for key in settings:
            script = f"{folder}/{key}.py"
            if not (read.top / script).is_file():
                yield Mistake(file, key, key, f"a script {script}, which is not there")
        if not (read.top / folder / "__init__.py").is_file():
            yield Mistake(
                f"{folder}/__init__.py", CONTENT, MISSING, "a Python package with the project's jobs"
            )
        link, target = read.top / folder / contract.FILE, read.top / PROJECTS / project / contract.FILE
        if not link.exists():
            yield Mistake(
                f"{folder}/{contract.FILE}",
                CONTENT,
                MISSING,
                f"a link to {PROJECTS}/{project}/{contract.FILE}",
            )
        elif not link.samefile(target):
            found = str(link.readlink()) if link.is_symlink() else "a file of its own"
            expected = f"a link to {PROJECTS}/{project}/{contract.FILE}"
            yield Mistake(f"{folder}/{contract.FILE}", CONTENT, found, expected)


def spare_capacity(read: Checkout) -> Iterator[Mistake]:
    """Spare capacity has small workers only."""
    for _, file, settings in _files(read, "jobs.tf"):
        for key, job in settings.items():
            large = {}
            for env in read.environments:
                changes = job.get("environments", {}).get(env, {})
                now = job | changes
                if now.get("execution_class") == "FLEX" and now.get("worker_type", _SPARE[0]) not in _SPARE:
                    place = f"{key}.environments.{env}" if "worker_type" in changes else key
                    large[f"{place}.worker_type"] = now["worker_type"]
            for field, found in large.items():
                yield Mistake(file, field, found, f"{' or '.join(_SPARE)} for execution_class FLEX")


# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
_SPARE = ("G.1X", "G.2X")


def pipelines(read: Checkout) -> Iterator[Mistake]:
    """A pipeline runs jobs that there are."""
    for project, file, named in _files(read, "pipelines.tf"):
        settings = read.of_project(project, "jobs.tf")
        for pipeline, jobs in named.items():
            for number, job in enumerate(jobs):
                if settings is not None and job not in settings and not job.startswith("${"):
                    expected = f"a key of job_settings in jobs.tf: {', '.join(sorted(settings))}"
                    yield Mistake(file, f"{pipeline}[{number}]", job, expected)


def triggers(read: Checkout) -> Iterator[Mistake]:
    """What starts a pipeline is about pipelines that there are, of projects that this one depends on."""
    for project, file, named in _files(read, "pipelines.tf"):
        depends = (read.of_project(project, "project.json") or {}).get("depends_on", [])
        for pipeline, trigger in (read.triggers(project) or {}).items():
            if pipeline not in named:
                expected = f"a key of pipeline_jobs: {', '.join(sorted(named))}"
                yield Mistake(file, f"name of {pipeline}", pipeline, expected)
            if trigger.get("files") and trigger.get("overlap") == "skip":
                expected = "wait: a file that lands while the pipeline runs is not to be forgotten"
                yield Mistake(file, f"{pipeline}.overlap", "skip", expected)
            for number, each in enumerate(trigger.get("after", [])):
                other, _, first = each.partition("/")
                if other not in depends or first not in (
                    read.of_project(other, "pipelines.tf") or {first: ()}
                ):
                    expected = "project/pipeline, of a project in depends_on of project.json"
                    yield Mistake(file, f"{pipeline}.after[{number}]", each, expected)


def lengths(read: Checkout) -> Iterator[Mistake]:
    """Names fit into AWS's limits with the domain's prefix and the longest environment behind them."""
    abbreviation = (read.content(DOMAIN) or {}).get("domain_abbr", "")
    for project, file, named in (*_files(read, "pipelines.tf"), *_files(read, "jobs.tf")):
        for key in named:
            name = f"{abbreviation}-{project}-{key.replace('_', '-')}"
            if file.endswith("jobs.tf"):
                yield from _too_long(read, file, f"name of {key}", name, JOB_LENGTH)
            else:
                yield from _too_long(read, file, f"name of {key}", name, STATE_MACHINE_LENGTH)
                yield from _too_long(read, file, f"role of {key}", f"{name}-sfn", ROLE_LENGTH)
                yield from _trigger_lengths(read, project, file, key, name)


def _trigger_lengths(read: Checkout, project: str, file: str, key: str, name: str) -> Iterator[Mistake]:
    """Rules, schedules and their roles have 64 characters each."""
    trigger = (read.triggers(project) or {}).get(key, {})
    for starter in ("after", "files"):
        if trigger.get(starter):
            yield from _too_long(read, file, f"role of {key}", f"{name}-{starter}", ROLE_LENGTH)
    for schedule in trigger.get("schedules", {}):
        full = f"{name}-{schedule.replace('_', '-')}"
        yield from _too_long(read, file, f"name of {key}.schedules.{schedule}", full, ROLE_LENGTH)


def _too_long(read: Checkout, file: str, field: str, name: str, limit: int) -> Iterator[Mistake]:
    full = f"{name}-{max(read.environments, key=len, default='')}"
    if len(full) > limit:
        yield Mistake(file, field, full, f"at most {limit} characters, it has {len(full)}")


# ─── Exceptions of the gate ───


def exceptions(read: Checkout) -> Iterator[Mistake]:
    """An exception is about a control that there is, until a day."""
    known = [control.id for control in all_controls()]
    for number, entry in enumerate((read.content(EXCEPTIONS) or {}).get("exception", [])):
        field = f"exception[{number}]"
        if entry["control"] not in known:
            yield Mistake(EXCEPTIONS, f"{field}.control", entry["control"], f"one of {', '.join(known)}")
        if not isinstance(entry["expires"], Day):
            yield Mistake(EXCEPTIONS, f"{field}.expires", entry["expires"], _DAY)


_DAY = "a day without quotes: 2027-03-31"

RULES: tuple[Rule, ...] = (
    region,
    backends,
    environments,
    settings_by_environment,
    tags,
    variables,
    names,
    dependencies,
    outside,
    files,
    contracts,
    spark_words,
    tables,
    personal,
    references,
    scripts,
    spare_capacity,
    pipelines,
    triggers,
    lengths,
    exceptions,
)
