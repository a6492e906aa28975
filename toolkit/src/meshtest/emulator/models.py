"""Look up AWS's own models of its services, as botocore has them.

https://github.com/boto/botocore/tree/develop/botocore/data
"""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
from botocore.model import OperationModel


@functools.cache
def names() -> frozenset[str]:
    """Return the services that botocore has, by its names."""
    return frozenset(botocore.session.get_session().get_available_services())


@functools.cache
def service(name: str) -> Any:
    """Return the model of a service."""
    return botocore.session.get_session().get_service_model(name)


@functools.lru_cache(maxsize=512)
def operation(name: str, action: str) -> OperationModel | None:
    """Return the model of a service's action, None if it has no such one."""
    model = service(name)
    return model.operation_model(action) if action in model.operation_names else None
