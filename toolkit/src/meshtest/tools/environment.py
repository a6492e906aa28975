"""The environment of everything that is started here: what of the caller's shell and home is let through.

Nothing else decides a result: no profile of AWS, no options for Terraform, pip, Python, Java or Spark, no
time zone and no locale. What is started gets `inherited` and what it needs besides; a process of ours
starts with `clean`.
"""

from __future__ import annotations

import contextlib
import os
import pkgutil
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from meshtest.tools import toolchain

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
BYPASSES = ("NO_PROXY", "no_proxy")
LOOPBACK = ("127.0.0.1", "localhost")
# Who runs it and where things are; how to reach the network, and whom to trust there.
MACHINE = (
    *("HOME", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER", "XDG_DATA_HOME"),
    *(*PROXIES, *map(str.lower, PROXIES), *BYPASSES),
    *("SSL_CERT_DIR", "SSL_CERT_FILE"),
)
# What one may name or choose, as documented in docs/getting-started.md.
CHOICES = (
    *("CHROMIUM", "CI", "DOMAIN_ROOT", "JAVA_HOME", "PYTHON", "TERRAFORM", "TF_PLUGIN_MIRROR"),
    *("PIP_CERT", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_TRUSTED_HOST"),
    *("UV_DEFAULT_INDEX",),
)
PASSED = frozenset((*MACHINE, *CHOICES))
# Always so.
FIXED = {"TZ": "UTC", **({} if sys.platform == "darwin" else {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})}
# Whose settings a shell may hold for other work.
FOREIGN = (
    *(
        "AWS_",
        "TF_",
        "MOTO_",
        "BOTO_",
        "LC_",
        "LANG",
        "CDPATH",
        "BASH_ENV",
        "PIP_",
        "UV_",
        "PYTHON",
        "VIRTUAL_ENV",
    ),
    *(
        "SPARK_",
        "PYSPARK_",
        "HADOOP_",
        "HIVE_",
        "YARN_",
        "JAVA_",
        "_JAVA_",
        "JDK_",
        "CLASSPATH",
        "SSL_",
        "TZ",
    ),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
# A JVM that this toolkit lends to its children (meshtest.spark.session), and how mutmut and CI start Python.
_OWN = frozenset(
    {
        "PYSPARK_GATEWAY_PORT",
        "PYSPARK_GATEWAY_SECRET",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "PYTHONPATH",
    }
)
# What test runners and shells change from call to call.
_NOISE = frozenset({"COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "_"})
_NOISY = ("COVERAGE_", "COV_", "PYTEST_")


def inherited() -> dict[str, str]:
    """Return what a process that is started here has of this one's environment."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED}
    return passed | _home(passed) | _bypass(passed) | FIXED


def clean(*, with_aws: bool = False) -> None:
    """Remove settings of other work from this process's environment; `with_aws` keeps those of an account."""
    _drop_shadows()
    for name in list(os.environ):
        is_wanted = name in PASSED | _OWN or (with_aws and name.startswith("AWS_"))
        if name.startswith(FOREIGN) and not is_wanted:
            del os.environ[name]
    os.environ.update(inherited())
    if not with_aws:
        os.environ.update({"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    time.tzset()


def passed_over() -> list[str]:
    """Return the names of the variables that are set and not let through."""
    names = {name for name in os.environ if name.startswith(FOREIGN) and name not in PASSED | _OWN}
    return sorted(names - FIXED.keys())


def decides_terraform(name: str) -> bool:
    """Whether Terraform or the AWS provider may read a variable."""
    return name in PASSED or name.startswith(("AWS_", "TF_", "CHECKPOINT_"))


def is_noise(name: str) -> bool:
    """Whether a variable only tells of the call that is under way."""
    return name in _NOISE or name.startswith(_NOISY)


def shadows() -> list[str]:
    """Return the entries of PYTHONPATH with packages that are installed here in a version of our own."""
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    installed = {each.name for each in pkgutil.iter_modules([sysconfig.get_path("purelib")])}
    return [place for place in named if installed & {each.name for each in pkgutil.iter_modules([place])}]


def _drop_shadows() -> None:
    dropped = set(shadows())
    if not dropped:
        return
    sys.path[:] = [place for place in sys.path if place not in dropped]
    kept = [place for place in os.environ["PYTHONPATH"].split(os.pathsep) if place not in dropped]
    os.environ["PYTHONPATH"] = os.pathsep.join(kept)


def _home(passed: Mapping[str, str]) -> dict[str, str]:
    """A folder of the checkout, where the caller has no home or may not enter it."""
    home = passed.get("HOME", "")
    if not home:
        with contextlib.suppress(RuntimeError):
            home = str(Path.home())
    if home and os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return {"HOME": home}
    own = toolchain.BUILD / "home"
    with contextlib.suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(own)}


def _bypass(passed: Mapping[str, str]) -> dict[str, str]:
    """The embedded AWS is on this machine, where no proxy leads to."""
    if not any(passed.get(name) or passed.get(name.lower()) for name in PROXIES):
        return {}
    named = next((passed[name] for name in BYPASSES if passed.get(name)), "")
    return dict.fromkeys(BYPASSES, ",".join(dict.fromkeys([*filter(None, named.split(",")), *LOOPBACK])))
