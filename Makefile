# The usual things by their usual names; `./run --help` knows more.
.PHONY: setup run stop test quick lint format types schema bench clean

setup:   ; ./run setup
run:     ; ./run
stop:    ; ./run stop
test:    ; ./run test
quick:   ; ./run test tests/pure tests/platform/test_config.py   # needs no engine
lint:    ; ./run lint
format:  ; .venv/bin/ruff check --fix . && .venv/bin/ruff format .
types:   ; .venv/bin/mypy queries insights_service insights
schema:  ; ./run spectacular --validate --fail-on-warn
bench:   ; ./run start --detach && .venv/bin/python -m benchmarks.run
clean:   ; ./run stop && ./run reset --yes
