# ./run as an image: embedded PostgreSQL, or the server of DATABASE_URL.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/gfo
COPY requirements/runtime.txt requirements/
RUN /opt/gfo/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/runtime.txt
COPY . .
RUN /opt/gfo/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 gfo && install -d -o gfo -g gfo -m 700 /var/lib/gfo
COPY --from=build /opt/gfo /opt/gfo
USER gfo
WORKDIR /home/gfo
ENV PATH=/opt/gfo/bin:$PATH GFO_HOST=0.0.0.0 GFO_DATA_DIR=/var/lib/gfo OMP_NUM_THREADS=1
VOLUME /var/lib/gfo
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=240s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8050/readyz', timeout=4)"]
# `gfo run` starts everything; `gfo serve` and `gfo worker` start web and worker separately, with a server in DATABASE_URL.
CMD ["gfo", "run"]
