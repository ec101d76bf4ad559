"""Secrets by reference: the environment, a file, a Databricks secret scope; never the configuration itself."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from clarion.config import Config
from clarion.kernel.errors import SecretError


class _Workspace(BaseHTTPRequestHandler):
    """What a workspace answers to those who ask for a secret."""

    def do_GET(self) -> None:
        known = (
            self.path.startswith("/api/2.0/secrets/get")
            and "scope=shop" in self.path
            and "key=privacy" in self.path
        )
        body = (
            {"key": "privacy", "value": base64.b64encode(b"ab12\n").decode()}
            if known
            else {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such secret"}
        )
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), _Workspace)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "t")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.covers("Q8")
def test_a_secret_is_found_where_its_reference_leads(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: None
) -> None:
    monkeypatch.setenv("SHOP_KEY", "from the environment")
    (tmp_path / "key").write_text("from a file\n")
    assert config.secret("env:SHOP_KEY") == "from the environment"
    assert config.secret(f"file:{tmp_path / 'key'}") == "from a file"
    assert config.secret("databricks:shop/privacy") == "ab12"


def test_a_secret_that_is_not_there_says_so(config: Config, workspace: None) -> None:
    with pytest.raises(SecretError, match="names nothing"):
        config.secret("env:NOT_SET_ANYWHERE")
    with pytest.raises(SecretError, match="databricks:shop/other cannot be read"):
        config.secret("databricks:shop/other")
