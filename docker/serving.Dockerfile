# The lookup service: CPU only, no torch. NGT is built from its upstream source, since the wheel on
# the package index has no AVX code; build this image on the kind of processor that will run it.
FROM python:3.11-slim-bookworm AS ngt
ARG NGT_VERSION=v2.8.0
RUN apt-get update && apt-get install -y --no-install-recommends \
      build-essential ca-certificates cmake git libblas-dev liblapack-dev \
    && rm -rf /var/lib/apt/lists/*
RUN git clone --depth 1 --branch "$NGT_VERSION" https://github.com/NGT-labs/NGT.git /src/ngt \
    && cmake -S /src/ngt -B /src/ngt/build -DCMAKE_BUILD_TYPE=Release \
    && cmake --build /src/ngt/build --parallel \
    && cmake --install /src/ngt/build && ldconfig
RUN pip install --no-cache-dir build numpy pybind11 setuptools \
    && cd /src/ngt/python && python -m build --wheel --no-isolation --outdir /wheels

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
      libblas3 libgomp1 liblapack3 && rm -rf /var/lib/apt/lists/*
COPY --from=ngt /usr/local/lib/libngt* /usr/local/lib/
COPY --from=ngt /wheels /wheels
WORKDIR /nitamono
# PHOTO=1 adds what answers photos (ONNX Runtime, Pillow: 85 MB).
ARG PHOTO=
COPY serving.lock photo.lock pyproject.toml README.md LICENSE ./
RUN ldconfig && grep -v '^ngt==' serving.lock > /tmp/serving.lock \
    && pip install --no-cache-dir /wheels/*.whl -r /tmp/serving.lock ${PHOTO:+-r photo.lock}
COPY feature_store feature_store
COPY operators operators
COPY serving serving
RUN pip install --no-cache-dir --no-deps .
RUN useradd --system --uid 10001 nitamono \
    && install -d -o nitamono /var/cache/nitamono /var/lib/nitamono-events
USER nitamono
# Bundles of gs:// are mirrored; a volume there spares the next container the transfer.
ENV NITAMONO_HOME=/var/lib/nitamono NITAMONO_SERVING_MIRROR=/var/cache/nitamono OMP_NUM_THREADS=1
EXPOSE 8000
HEALTHCHECK --interval=10s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz')"]
CMD ["nitamono", "serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2"]
