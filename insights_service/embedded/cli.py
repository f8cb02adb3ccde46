"""`./run start | stop | status | logs | reset | doctor`: what a person does with a stack."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from insights_service.config import Config, ConfigError, load
from insights_service.embedded import doctor, postgres
from insights_service.embedded import state as run_file
from insights_service.embedded.banner import banner, facts
from insights_service.embedded.processes import descendants, is_alive, memory_kb
from insights_service.embedded.run_lock import is_running
from insights_service.embedded.supervisor import Supervisor, make_folders

_START_SECONDS = 240
_STOP_SECONDS = 60
NOT_RUNNING = 3  # exit code of `status`, as service managers have it
BAD_CONFIGURATION = 2


def main(arguments: list[str]) -> int:
    """Exit code of one command."""
    options = _parser().parse_args(arguments)
    if options.run is doctor_command:
        return doctor.main()
    try:
        config = load(os.environ)
    except ConfigError as error:
        print(f"The configuration is not usable:\n{error}", file=sys.stderr)
        return BAD_CONFIGURATION
    run: Callable[[Config, argparse.Namespace], int] = options.run
    return run(config, options)


def start(config: Config, options: argparse.Namespace) -> int:
    """In the foreground until Ctrl-C, or detached until `stop`. A second start names the first."""
    make_folders(config.run_dir)
    if is_running(config.run_dir):
        return _say_where_it_runs(config.run_dir)
    if options.detach:
        return _start_detached(config.run_dir)
    supervisor = Supervisor(config, os.environ, when_ready=lambda state: print(banner(state), flush=True))
    return supervisor.run()


def stop(config: Config, options: argparse.Namespace) -> int:
    """Ask the supervisor to end everything, and wait until it has."""
    if not is_running(config.run_dir):
        print(f"Nothing runs in {config.run_dir}.")
        return 0
    owner = run_file.read(config.run_dir).get("supervisor", {})
    if not owner or not is_alive(owner["pid"], owner["started"]):
        print(f"Somebody holds {config.run_dir}/lock, but {config.run_dir}/state.json does not say who.")
        return 1
    os.kill(owner["pid"], signal.SIGTERM)
    if not _until(lambda: not is_alive(owner["pid"], owner["started"]), _STOP_SECONDS):
        print(f"The supervisor (pid {owner['pid']}) has not ended after {_STOP_SECONDS} s.")
        return 1
    print("Stopped.")
    return 0


def status(config: Config, options: argparse.Namespace) -> int:
    """Where it runs and how to get in; exit code 3 when it does not."""
    state = run_file.read(config.run_dir)
    running = is_running(config.run_dir)
    shown: dict[str, Any] = {
        "running": running,
        "ready": running and bool(state.get("ready")),
        **(facts(state) if running else {}),
        "run_dir": str(config.run_dir),
        "processes": _processes(state) if running else {},
    }
    if options.json:
        print(json.dumps(shown, indent=2))
    else:
        print(_as_text(shown, state))
    return 0 if running else NOT_RUNNING


def logs(config: Config, options: argparse.Namespace) -> int:
    """The end of the logs of all processes, or of one; with --follow until Ctrl-C."""
    folder = config.run_dir / "log"
    names = [options.name] if options.name else sorted(path.stem for path in folder.glob("*.log"))
    files = [str(folder / f"{name}.log") for name in names if (folder / f"{name}.log").exists()]
    if not files:
        print(f"There are no logs of {options.name or 'anything'} in {folder}.")
        return 1
    flags = ["-n", str(options.lines), *(["-F"] if options.follow else [])]
    try:
        return subprocess.run(["tail", *flags, *files], check=False).returncode
    except KeyboardInterrupt:
        return 0


def reset(config: Config, options: argparse.Namespace) -> int:
    """Delete all data, secrets and logs of a stopped stack."""
    if is_running(config.run_dir):
        print("It runs: stop it first with ./run stop")
        return 1
    if not options.yes:
        print(f"This deletes everything in {config.run_dir}, without a way back. Say so with --yes.")
        return 1
    shutil.rmtree(postgres.outside_folder(config.run_dir / "data" / "postgres"), ignore_errors=True)
    shutil.rmtree(config.run_dir, ignore_errors=True)
    print(f"Deleted {config.run_dir}.")
    return 0


def doctor_command(config: Config, options: argparse.Namespace) -> int:
    """Handled before the configuration is read: a wrong one is among what it looks for."""
    return doctor.main()


def _start_detached(run_dir: Path) -> int:
    """Leave a supervisor behind and come back when all is ready, or with the reason why not."""
    log = run_dir / "log" / "supervisor.log"
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "insights_service.embedded", "start"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=run_file.CHECKOUT,
            env={**os.environ, "RUN_DIR": str(run_dir), "PYTHONPATH": str(run_file.CHECKOUT)},
            start_new_session=True,
        )

    def decided() -> bool:
        return process.poll() is not None or _is_ready(run_dir, process.pid)

    if _until(decided, _START_SECONDS) and process.poll() is None:
        print(banner(run_file.read(run_dir)))
        return 0
    if process.poll() is None:
        print(f"Not ready after {_START_SECONDS} s; it goes on trying. See {log}.", file=sys.stderr)
        return 1
    with log.open("rb") as file:
        file.seek(began)
        print(file.read().decode(errors="replace"), file=sys.stderr)
    return process.returncode or 1


def _say_where_it_runs(run_dir: Path) -> int:
    owner = run_file.read(run_dir).get("supervisor", {}).get("pid")
    print(f"It is running already (pid {owner}, {run_dir}).")
    if not _until(lambda: _is_ready(run_dir, owner) or not is_running(run_dir), _START_SECONDS):
        print("It is not ready yet: ./run logs tells why.")
        return 1
    print(banner(run_file.read(run_dir)))
    return 0


def _is_ready(run_dir: Path, owner: int | None) -> bool:
    state = run_file.read(run_dir)
    return bool(state.get("ready")) and state.get("supervisor", {}).get("pid") == owner


def _processes(state: run_file.State) -> dict[str, Any]:
    entries = {"supervisor": state.get("supervisor"), **state.get("children", {})}
    return {
        name: {
            "pid": entry["pid"],
            "alive": is_alive(entry["pid"], entry["started"]),
            "memory_mb": round(sum(map(memory_kb, _pids_of(name, entry["pid"]))) / 1024, 1),
        }
        for name, entry in entries.items()
        if entry
    }


def _pids_of(name: str, pid: int) -> list[int]:
    """The supervisor's children are shown by themselves."""
    return [pid] if name == "supervisor" else descendants(pid)


def _as_text(shown: dict[str, Any], state: run_file.State) -> str:
    if not shown["running"]:
        return f"Nothing runs in {shown['run_dir']}. Start it with ./run, or ./run start --detach"
    lines = [banner(state) if shown["ready"] else "It is starting; ./run logs shows how far it is."]
    for name, process in shown["processes"].items():
        word = "" if process["alive"] else "   not running"
        lines.append(f"  {name:<12} pid {process['pid']:<8} {process['memory_mb']:>7} MB{word}")
    return "\n".join([*lines, f"  run folder   {shown['run_dir']}"])


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[Config, argparse.Namespace], int]) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=(run.__doc__ or "").splitlines()[0], description=run.__doc__)
        found.set_defaults(run=run)
        return found

    command("start", start).add_argument("--detach", "-d", action="store_true", help="leave it running")
    command("stop", stop)
    command("status", status).add_argument("--json", action="store_true", help="for programs")
    of_logs = command("logs", logs)
    of_logs.add_argument("name", nargs="?", help="one process: web, worker, postgres, ...")
    of_logs.add_argument("--follow", "-f", action="store_true", help="go on until Ctrl-C")
    of_logs.add_argument("--lines", "-n", type=int, default=40, help="how many lines of each")
    command("reset", reset).add_argument("--yes", action="store_true", help="really delete")
    command("doctor", doctor_command).description = doctor.__doc__
    return parser
