# adabench on a processor, from a wheel: `python -m build --wheel`, then `docker build -t adabench .`
# With extras: `docker build --build-arg EXTRAS='[models,endpoint]' -t adabench .`
FROM python:3.11-slim
ARG EXTRAS=""
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu ADABENCH_CACHE=/cache
COPY dist/adabench-*.whl /tmp/
RUN pip install --no-cache-dir "$(ls /tmp/adabench-*.whl)$EXTRAS" && rm /tmp/adabench-*.whl
WORKDIR /work
ENTRYPOINT ["adabench"]
