"""The sandbox as one process: two faces on two ports, one state, one object store."""

import fcntl
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from portal.training.sandbox.access import Access
from portal.training.sandbox.admin import PREFIX, Admin
from portal.training.sandbox.bootstrap import bootstrap, write_env
from portal.training.sandbox.clock import Clock
from portal.training.sandbox.control import ControlPlane
from portal.training.sandbox.faults import ConnectionCut, Face, Faults
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.propagation import Propagation
from portal.training.sandbox.resources import ApiKey, Bucket
from portal.training.sandbox.rgw_client import RgwClient, RgwKey
from portal.training.sandbox.rgw_store import RgwStore
from portal.training.sandbox.s3_face import ObjectStore, S3Face
from portal.training.sandbox.state import State


if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

REGION = "fr-par"


@dataclass(frozen=True)
class Options:
    """How a sandbox is started. Port 0 means a free one."""

    root: Path
    host: str = "127.0.0.1"
    port: int = 0
    s3_port: int = 0
    store: Literal["moto", "rgw"] = "moto"
    rgw_endpoint: str = ""
    rgw_access_key: str = ""
    rgw_secret_key: str = ""
    admin_token: str = ""


class SandboxBusyError(RuntimeError):
    """Another sandbox runs on the same folder."""


class Handler(WSGIRequestHandler):
    """Quiet, and without the 40 ms that small answers wait otherwise."""

    disable_nagle_algorithm = True
    timeout = 60

    def log(self, type: str, message: str, *args: object) -> None:
        if type == "error":
            logger.error(message.rstrip(), *args)

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:
        """A cut answer really is cut: a connection kept alive would hang its client instead."""
        self.close_connection = True


class Sandbox:
    def __init__(self, options: Options) -> None:
        self.options = options
        options.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _take(options.root / "lock")
        self.state = State(options.root / "control.sqlite3", clock=Clock())
        bootstrap(self.state)
        self.organization = Organization(self.state)
        self.propagation = Propagation(self.state)
        self.faults = Faults()
        self.store = self._open_store()
        self.store.reconcile(self.state.all(Bucket))
        control = ControlPlane(self.state)
        s3 = S3Face(self.state, self.organization, Access(self.state, self.propagation), self.store)
        admin = Admin(self, options.admin_token) if options.admin_token else None
        self.servers = [
            self._serve(options.port, Faced("api", control.answer, self.faults, admin)),
            self._serve(options.s3_port, Faced("s3", s3.answer, self.faults, None)),
        ]

    def _open_store(self) -> ObjectStore:
        options = self.options
        if options.store == "rgw":
            if not (options.rgw_endpoint and options.rgw_access_key and options.rgw_secret_key):
                raise ValueError("the store rgw needs an endpoint and an administrator's key")
            admin = RgwKey(options.rgw_access_key, options.rgw_secret_key)
            return RgwStore(RgwClient(options.rgw_endpoint, admin), self.state)
        # imported here: moto is large, and a sandbox on a gateway does without it
        from portal.training.sandbox.moto_store import MotoStore

        return MotoStore(options.root / "objects")

    def _serve(self, port: int, application: "WSGIApplication") -> BaseWSGIServer:
        # bound here: werkzeug would print its own words and leave when the port is taken
        with socket.create_server((self.options.host, port)) as bound:
            return make_server(
                self.options.host,
                bound.getsockname()[1],
                application,
                threaded=True,
                request_handler=Handler,
                fd=bound.fileno(),
            )

    @property
    def api_url(self) -> str:
        return f"http://{self.options.host}:{self.servers[0].port}"

    @property
    def s3_url(self) -> str:
        return f"http://{self.options.host}:{self.servers[1].port}"

    def env(self) -> dict[str, str]:
        """What a client needs, under the names that the SDK and boto3 read."""
        portal = self.state.meta("portal")
        key = self.state.find(ApiKey, str(portal["access_key"]))
        values = {
            "SCW_API_URL": self.api_url,
            "SCW_ACCESS_KEY": str(portal["access_key"]),
            "SCW_SECRET_KEY": key.secret_key if key is not None else "",
            "SCW_DEFAULT_ORGANIZATION_ID": self.organization.id,
            "SCW_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
            "GUICHET_SCW_APPLICATION_ID": str(portal["application_id"]),
        }
        if self.options.admin_token:
            values["SANDBOX_ADMIN_TOKEN"] = self.options.admin_token
        return values

    def start(self) -> None:
        """Serve in threads; the address file is written when both ports answer."""
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        write_env(self.options.root / "env", self.env())

    def stop(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.store.close()
        self.state.close()
        self._lock_file.close()

    def clock_moved(self) -> None:
        """Tell a store that decides by itself."""
        with self.state.changing():
            pass

    def reset(self) -> None:
        """Back to the first day, with the same organization and portal key."""
        portal = self.state.meta("portal")
        organization = self.state.meta("organization")
        keep = {str(portal["application_id"]), str(portal["access_key"]), str(organization["id"])}
        buckets = self.state.all(Bucket)
        with self.state.changing():
            for record in self.state.everything():
                owner = getattr(record, "application_id", None)
                if record.key not in keep and owner not in keep:
                    self.state.remove(record)
            for name in ("quotas", "security_settings"):
                self.state.set_meta(name, {})
            self.store.clear(buckets)
        self.faults.clear()
        self.propagation.set(grant_delay=0, revoke_delay=0, flapping=True)
        self.state.clock.reset()
        self.clock_moved()


@dataclass(frozen=True)
class Faced:
    """One face as WSGI: faults first, admin routes on the API's port only."""

    face: Face
    answer: Callable[[Request], Response]
    faults: Faults
    admin: Admin | None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        if self.admin is not None and request.path.startswith(PREFIX):
            response = self.admin.answer(request)
        else:
            response = self.faults.play(self.face, request, self.answer)
        return response(environ, start_response)


def _take(path: Path) -> IO[str]:
    """Lock the folder: two sandboxes on one state would undo each other."""
    stream = path.open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise SandboxBusyError(f"a sandbox already runs on {path.parent}") from error
    return stream


__all__ = ["ConnectionCut", "Options", "Sandbox", "SandboxBusyError"]
