# One image for every service of docker-compose.yaml but PostgreSQL: the same environments, from the same locks, as `make up`.
ARG PYTHON_VERSION=3.11
FROM docker.io/library/python:${PYTHON_VERSION}-slim-bookworm

# The system's certificates, so that a registry behind a company proxy is trusted by pip and uv alike.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    MORTGAGE_RUNTIMES_DIR=/opt/runtimes MORTGAGE_STATE_DIR=/var/lib/mortgage PYTHONPATH=/opt/platform \
    PYTHONDONTWRITEBYTECODE=1

# The user's numbers can follow the host's, so that mounted folders stay readable.
ARG USER_ID=1000
RUN useradd --create-home --uid ${USER_ID} platform \
 && mkdir -p /opt/platform /opt/runtimes /var/lib/mortgage \
 && chown platform /opt/platform /opt/runtimes /var/lib/mortgage
USER platform
WORKDIR /opt/platform

# Environments first: they change rarely.
COPY --chown=platform requirements requirements
COPY --chown=platform local_aws/runtimes local_aws/runtimes
COPY --chown=platform local_aws/__init__.py local_aws/
COPY --chown=platform local_aws/glue_runtime local_aws/glue_runtime
COPY --chown=platform local_platform/__init__.py local_platform/command.py local_platform/environments.py local_platform/
# Compiled here once: a container's own file system forgets what it compiles.
RUN UV_COMPILE_BYTECODE=1 python3 -m local_platform.environments && rm -rf /home/platform/.cache

COPY --chown=platform . .
VOLUME /var/lib/mortgage
ENTRYPOINT ["/opt/runtimes/tooling/bin/python", "-m", "local_platform"]
