# The scaler as a container: two stages, of which the second has nothing but Python and one virtual environment.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /src
# What builds stays in this stage; what runs is installed into the environment that is copied, which has not even pip.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/scaler
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements-build.lock requirements.lock ./
RUN /opt/build/bin/pip install --quiet --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/scaler/bin/python install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY scaler scaler
COPY loadgen loadgen
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/build/bin/pip --python /opt/scaler/bin/python install --quiet --no-deps --no-index /dist/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="gpu-agent-scaler" \
      org.opencontainers.image.description="A KEDA external scaler: queue depth, request rate and GPU utilisation in one decision" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/scaler /opt/scaler
ENV PATH=/opt/scaler/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can see that it is not root (runAsNonRoot). Nothing is ever written.
USER 65532:65532
WORKDIR /
# gRPC for KEDA, and HTTP for metrics, health and explanations.
EXPOSE 6000 8080
ENTRYPOINT ["scaler"]
CMD ["serve"]
