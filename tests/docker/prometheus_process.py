"""A real Prometheus with the files of docker/, and its promtool, as tests run them."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import yaml

from tests.serving.service_process import until

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
_UNPACKED = ROOT / ".venv" / "prometheus" / "usr" / "bin"
_STEADY_SECONDS = 2


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`."""
    found = shutil.which(name) or shutil.which(name, path=_UNPACKED)
    assert found, f"there is no {name}; `make prometheus` unpacks one, or install Prometheus"
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class PrometheusProcess:
    """Prometheus on a free port, reading one service every second by the files of docker/.

    Rules are looked at every second, and what must last minutes must last two seconds.
    """

    def __init__(self, folder: Path, target: str) -> None:
        config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        [job] = config["scrape_configs"]
        job["static_configs"] = [{"targets": [target]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        rules = (DOCKER / "alerts.yml").read_text()
        hasty, count = re.subn(r"for: \d+m", f"for: {_STEADY_SECONDS}s", rules)
        assert count, "no alert has to last"
        (folder / "alerts.yml").write_text(hasty)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={self.address.removeprefix('http://')}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> PrometheusProcess:
        until(self._is_ready)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(60)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.address}/-/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression is at this moment: each series with its labels and its value."""
        found = self._ask("query", query=expression)["result"]
        assert isinstance(found, list)
        return found

    def alerts(self, state: str = "firing") -> dict[str, dict[str, Any]]:
        """The alerts in a state, by name."""
        told = self._ask("alerts")["alerts"]
        return {each["labels"]["alertname"]: each for each in told if each["state"] == state}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, door: str, **parameters: str) -> Any:
        answer = httpx.get(
            f"{self.address}/api/v1/{door}", params=parameters, trust_env=False, timeout=10
        ).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]
