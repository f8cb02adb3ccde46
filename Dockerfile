# One image for web, worker and beat; the engines are images of their own (docker-compose.yml).
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy PATH="/app/.venv/bin:$PATH"
RUN pip install --no-cache-dir "uv>=0.8,<1"
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-cache
COPY . .
RUN useradd --system --home-dir /app insights && install -d -o insights /app/.run /metrics
USER insights
ENV DJANGO_SETTINGS_MODULE=insights_service.settings PROMETHEUS_MULTIPROC_DIR=/metrics
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "16", "--no-ws", "--respawn-failed-workers", "insights_service.wsgi:application"]
