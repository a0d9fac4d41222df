"""A cluster as an engine: what it answers, what it cannot be asked, and what it says wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.engines import Only
from feature_store.engines.vald import Cluster, Pace, ValdEngine
from feature_store.errors import EngineError, SettingsError
from tests.feature_store.engines.conftest import GOLDEN
from tests.feature_store.engines.vald.fake_vald import Code, FakeVald

QUICK = Pace(attempts=3, first_pause_seconds=0.01, deadline_seconds=5.0)
VECTORS = np.eye(3, 16, dtype=np.float32)


def ask(vald: FakeVald, distance: str = "cosine", only: Only | None = None) -> pa.Table:
    with Cluster(vald.address, QUICK) as cluster:
        engine = ValdEngine(cluster, 16, distance)
        return engine.nearest(VECTORS[:1], 2, only or Only())


@pytest.mark.parametrize(
    ("distance", "said", "cosine"),
    [("cosine", 0.25, 0.75), ("l2", 1.0, 0.5), ("angle", np.pi / 3, 0.5)],
)
def test_a_distance_is_turned_into_a_cosine(
    vald: FakeVald, monkeypatch: pytest.MonkeyPatch, distance: str, said: float, cosine: float
) -> None:
    vald.held["a:0123456789abcdef"] = VECTORS[0]
    search = FakeVald.Search

    def saying(self: FakeVald, request: object, context: object) -> object:
        found = search(self, request, context)
        found.results[0].distance = said
        return found

    monkeypatch.setattr(FakeVald, "Search", saying)
    vald.stop().wait()
    vald.start()
    (row,) = ask(vald, distance).to_pylist()
    assert (row["item_id"], row["region_id"]) == ("a", "0123456789abcdef")
    assert row["cosine"] == pytest.approx(cosine, abs=1e-6)


def test_what_a_cluster_cannot_be_asked_is_refused(vald: FakeVald) -> None:
    with pytest.raises(ValueError, match="neither stock nor segments"):
        ask(vald, only=Only(in_stock=True))
    with pytest.raises(SettingsError, match="write one of"):
        ask(vald, "hamming")


def test_vectors_of_others_are_no_answer(vald: FakeVald) -> None:
    vald.held["somebody else's"] = VECTORS[0]
    with pytest.raises(EngineError, match=r"somebody else's.*is no region"):
        ask(vald)


def test_a_search_is_tried_again_while_the_cluster_is_away(
    vald: FakeVald, monkeypatch: pytest.MonkeyPatch
) -> None:
    vald.held["a:0123456789abcdef"] = VECTORS[0]
    codes = [Code.UNAVAILABLE, Code.ABORTED]
    search = FakeVald.Search

    def failing(self: FakeVald, request: object, context: object) -> object:
        if codes:
            context.abort(codes.pop(), "not now")
        return search(self, request, context)

    monkeypatch.setattr(FakeVald, "Search", failing)
    vald.stop().wait()
    vald.start()
    assert ask(vald).num_rows == 1
    codes += [Code.UNAVAILABLE] * 3
    with pytest.raises(EngineError, match="UNAVAILABLE 3 times in a row"):
        ask(vald)
    codes += [Code.INVALID_ARGUMENT]
    with pytest.raises(EngineError, match="INVALID_ARGUMENT: not now"):
        ask(vald)


def test_without_valds_client_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "vald.v1.payload", None)
    with pytest.raises(EngineError, match="pip install vald-client-python"):
        Cluster("127.0.0.1:1")


def test_valds_client_and_googles_get_along_in_one_process() -> None:
    """Each brings modules of the same names (google.rpc.status_pb2 and others)."""
    code = """
from google.cloud import bigquery, bigquery_storage, storage
from google.rpc import error_details_pb2, status_pb2
from vald.v1.payload import payload_pb2
from vald.v1.vald import upsert_pb2_grpc
payload_pb2.Object.StreamLocation(status=status_pb2.Status(code=3, message="x"))
bigquery_storage.types.ReadSession(table="t")
"""
    for lines in (code.strip().splitlines(), [*code.splitlines()[3:5], *code.splitlines()]):
        subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(lines)], check=True)


def test_an_encrypted_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command, in a process of its own: gRPC reads its trusted roots once."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
    made += ["subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    bundle = min(path for path in GOLDEN.iterdir() if path.is_dir())
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / bundle.name).symlink_to(bundle)
    with FakeVald(key.read_bytes(), certificate.read_bytes()) as vald:
        address = vald.address.replace("127.0.0.1", "localhost")
        command = [sys.executable, "-m", "feature_store.cli", "export", "vald"]
        command += ["--address", address, "--bundle", bundle.name]
        environment = {
            "NITAMONO_HOME": str(tmp_path),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificate),
            "no_proxy": "*",
        }
        done = subprocess.run(
            [*command, "--tls"], env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert len(vald.held) > 50
