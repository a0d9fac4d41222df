# The pipeline: Airflow, torch with CUDA (its wheels bring CUDA's libraries), ultralytics.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
      libgl1 libglib2.0-0 libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /nitamono
COPY pipeline.lock cluster.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir -r pipeline.lock -r cluster.lock
COPY feature_store feature_store
COPY operators operators
COPY serving serving
COPY dags dags
RUN pip install --no-cache-dir --no-deps .
# A volume takes its owner from the folder that it is mounted on.
RUN useradd --system --create-home --uid 10001 nitamono \
    && install -d -o nitamono /var/lib/nitamono /var/lib/nitamono-events
USER nitamono
ENV NITAMONO_HOME=/var/lib/nitamono \
    AIRFLOW_HOME=/home/nitamono/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/nitamono/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["airflow", "version"]
