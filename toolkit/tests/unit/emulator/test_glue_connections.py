"""Gap 2: Glue connections."""

from __future__ import annotations

from typing import Any

import pytest

from meshtest.emulator import domain_region

REGION = domain_region()


def network_connection(name: str, **changes: Any) -> dict[str, Any]:
    requirements = {
        "AvailabilityZone": f"{REGION}a",
        "SecurityGroupIdList": ["sg-0123456789abcdef0"],
        "SubnetId": "subnet-0123456789abcdef0",
    }
    definition = {
        "Name": name,
        "ConnectionType": "NETWORK",
        "ConnectionProperties": {},
        "PhysicalConnectionRequirements": requirements,
    }
    return definition | changes


def test_a_connection_says_its_type(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_connection(ConnectionInput=network_connection(name))
    assert glue.get_connection(Name=name)["Connection"]["ConnectionType"] == "NETWORK"
    listed = {found["Name"]: found for found in glue.get_connections()["ConnectionList"]}
    assert listed[name]["ConnectionType"] == "NETWORK"


def test_a_deleted_connection_is_gone(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_connection(ConnectionInput=network_connection(name))
    glue.delete_connection(ConnectionName=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_connection(Name=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_connection(ConnectionName=name)


def test_an_update_replaces_the_definition_and_keeps_the_tags(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_connection(ConnectionInput=network_connection(name), Tags={"owner": "finance"})
    glue.update_connection(Name=name, ConnectionInput=network_connection(name, Description="private subnets"))
    assert glue.get_connection(Name=name)["Connection"]["Description"] == "private subnets"
    arn = f"arn:aws:glue:{REGION}:123456789012:connection/{name}"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"owner": "finance"}


def test_an_update_of_no_connection_is_refused(aws: Any, name: str) -> None:
    glue = aws("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_connection(Name=name, ConnectionInput=network_connection(name))


def test_a_batch_deletes_what_it_finds(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_connection(ConnectionInput=network_connection(name))
    answer = glue.batch_delete_connection(ConnectionNameList=[name, name + "x"])
    assert answer["Succeeded"] == [name]
    assert answer["Errors"][name + "x"]["ErrorCode"] == "EntityNotFoundException"
