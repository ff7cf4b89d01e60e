"""HTTPS from inside a container: it trusts the authorities that the image brings along, and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.containers import IMAGES
from tests.certificates import write_certificate
from tests.container.conftest import run
from tests.container.emulated import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

# The roots that AWS's endpoints have, by "Amazon Trust Services Repository".
ROOTS = {"Amazon Root CA 1", "Starfield Services Root Certificate Authority - G2"}
# Serves S3's list of no buckets over TLS on the loopback, and asks for it as the functions ask S3: through http.client,
# as skysort.s3.client does, and through boto3 where the image has it.
PROGRAM = """
import http.client, http.server, importlib.util, json, os, ssl, threading

AUTHORITY = "/tls/server.pem"
BODY = b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"

class Store(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)
    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass

server = Server(("127.0.0.1", 0), Store)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(AUTHORITY, "/tls/server.key")
server.socket = tls.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]

def by_http_client(trusted):
    os.environ.pop("SSL_CERT_FILE", None)
    if trusted:
        os.environ["SSL_CERT_FILE"] = AUTHORITY
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    return connection.getresponse().status

def by_boto3(trusted):
    import boto3
    from botocore.config import Config
    client = boto3.client(
        "s3", endpoint_url=f"https://127.0.0.1:{port}", verify=AUTHORITY if trusted else None,
        config=Config(retries={"total_max_attempts": 1}),
    )
    return client.list_buckets()["ResponseMetadata"]["HTTPStatusCode"]

def asked(ask, trusted):
    try:
        return ask(trusted)
    except Exception as error:
        return "refused" if "CERTIFICATE_VERIFY_FAILED" in str(error) else repr(error)

def roots(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    subjects = [dict(part[0] for part in found["subject"]) for found in context.get_ca_certs()]
    return sorted({subject.get("commonName", "") for subject in subjects})

has_boto3 = importlib.util.find_spec("boto3") is not None
files = [ssl.get_default_verify_paths().cafile]
if has_boto3:
    from botocore.httpsession import get_cert_path
    files.append(get_cert_path(True))
print(json.dumps({
    "boto3": has_boto3,
    "answers": {ask.__name__: [asked(ask, True), asked(ask, False)]
                for ask in ([by_http_client, by_boto3] if has_boto3 else [by_http_client])},
    "files": files,
    "roots": [roots(file) for file in files],
}))
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of an authority that no image knows, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    write_certificate(folder / "server.pem")
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


@pytest.mark.parametrize("image", IMAGES)
def test_a_server_is_trusted_by_its_authority_alone(image: str, images: Mapping[str, str], authority: Path) -> None:
    # Given a server in the container, and the settings of a function
    settings = [f"--env={name}={value}" for name, value in SETTINGS.items()]

    # When it is asked by one who was given its authority, and by one who knows the image's authorities
    found = json.loads(run(images[image], PROGRAM, f"--volume={authority}:/tls:ro", *settings))

    # Then one gets an answer, the other refuses the server; and the image's authorities are those that AWS needs
    assert set(found["answers"]) == ({"by_http_client", "by_boto3"} if found["boto3"] else {"by_http_client"})
    assert found["boto3"] == (image != "star")
    assert set(map(tuple, found["answers"].values())) == {(200, "refused")}
    assert found["files"][0] == "/usr/lib/ssl/cert.pem"
    for roots in found["roots"]:
        assert set(roots) >= ROOTS
