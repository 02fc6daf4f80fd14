"""Administrator, worker and reader with the grants of docs/how-to/servers.md, on the server that the tests run on.

They have schemas of their own there, and passwords: one server, three users, as in a lab.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import datajoint as dj
import psycopg2
import pymysql
import pytest
import yaml

from pipeline.database.connection import is_configured
from pipeline.database.embedded import EmbeddedServer
from schemas.training import TrainedModel

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "servers.md"
HEADINGS = {"mysql": "### MySQL and MariaDB", "postgresql": "### PostgreSQL"}
ROLES = ("admin", "worker", "reader")
QUICK = {
    "name": "quick",
    "base": "cnn",
    "models": [
        {
            "label": "a few steps of a tiny network",
            "core": {"core": "cnn-4-4-4"},
            "layers": {"filter_size": [5, 3, 3], "num_filters": [4, 4, 4]},
            "trainer": {"batch_size": 16, "val_steps": 2, "max_iter": 4},
            "protocol": "weights",
        }
    ],
}
HYPERCOLUMN = str(Path(sys.executable).with_name("hypercolumn"))
LOUD = {"DJ_LOG_LEVEL": "DEBUG"}
MARIADB = "ignore:MariaDB is not officially supported:UserWarning"


class Lab:
    """A server with three users, who come with their passwords, and schemas of a prefix of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = dj.config["database.backend"]
        token = secrets.token_hex(4)
        self.prefix = f"hypercolumn_{token}_"
        self.passwords = {role: secrets.token_urlsafe(16) for role in ROLES}
        self.outputs: list[str] = []  # of all commands
        stores = {"default": "main", "main": {"protocol": "file", "location": str(folder / "store")}}
        (folder / "store").mkdir()
        self.configuration = {
            "database": {
                "backend": self.backend,
                "host": dj.config["database.host"],
                "port": dj.config["database.port"],
                "name": dj.config["database.name"],
            },
            "stores": stores,
        }

    def documented(self) -> list[str]:
        """The SQL of the document for this server, with this prefix and these passwords."""
        _, _, section = DOCUMENT.read_text().partition(HEADINGS[self.backend])
        blocks = re.findall(r"```sql\n(.*?)```", section.split("\n#")[0], re.DOTALL)
        assert len(blocks) == 2
        words = {"administrator": "admin", "workers": "worker", "readers": "reader"}
        for word, role in words.items():
            blocks = [block.replace(f"password of the {word}", self.passwords[role]) for block in blocks]
        database = dj.conn().conn_info["database_name"]
        escaped = self.prefix.replace("_", r"\_")
        names = {r"hypercolumn\_": escaped, "hypercolumn_": self.prefix, "DATABASE hypercolumn": f"DATABASE {database}"}
        for name, ours in names.items():
            blocks = [block.replace(name, ours) for block in blocks]
        return blocks

    def execute(self, sql: str, role: str | None = None) -> list[tuple]:
        """Run one or several statements, as a role or as the user of the tests; gives the rows of the last."""
        connected = dj.conn().conn_info
        user = connected["user"] if role is None else self.prefix + role
        password = connected["passwd"] if role is None else self.passwords[role]
        keywords: dict[str, Any] = {"host": connected["host"], "port": connected["port"], "user": user}
        if self.backend == "postgresql":
            server = psycopg2.connect(**keywords, password=password, dbname=connected["database_name"])
        else:
            server = pymysql.connect(**keywords, password=password)
        with closing(server):
            if self.backend == "postgresql":
                server.autocommit = True
            with server.cursor() as cursor:
                for statement in filter(str.strip, sql.split(";\n")):
                    cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

    def grant(self) -> None:
        """What `mysql < grants.sql | mysql` and `psql < grants.sql` do."""
        for query in filter(str.strip, self.documented()[1].split("\\gexec\n")):
            for row in self.execute(query):
                for statement in row:
                    self.execute(statement)

    def configure(self, role: str, **changes: Any) -> Path:
        """A folder with datajoint.json and the password in a secret file."""
        folder = self.folder / role
        (folder / ".secrets").mkdir(parents=True, exist_ok=True)
        database = {"user": self.prefix + role, "create_tables": role == "admin"} | changes
        configuration = self.configuration | {"database": self.configuration["database"] | database}
        (folder / "datajoint.json").write_text(json.dumps(configuration))
        (folder / ".secrets" / "database.password").write_text(self.passwords[role] + "\n")
        return folder

    def run(
        self, role: str, *arguments: object, program: str = HYPERCOLUMN, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`hypercolumn`, or another program, as this role."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("DJ_", "HYPERCOLUMN_"))}
        ours |= {"HYPERCOLUMN_PREFIX": self.prefix, "PYTHONWARNINGS": MARIADB} | variables
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=self.folder / role,
            env=ours,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.outputs += [done.stdout, done.stderr]
        return done


@pytest.fixture(scope="module")
def lab(connection, store: Path, recording_file: Path, tmp_path_factory) -> Iterator[Lab]:
    """The server with the three users, a recording and a task that the administrator declared, and all grants."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    with _passwords(store):
        try:
            lab.execute(lab.documented()[0])
            for role in ROLES:
                lab.configure(role)
            (lab.folder / "admin" / "quick.yaml").write_text(yaml.safe_dump(QUICK))
            for command in (("ingest", "lab", recording_file), ("declare", "quick.yaml", "--dataset", "lab")):
                done = lab.run("admin", *command)
                assert done.returncode == 0, done.stderr
            lab.grant()
            yield lab
        finally:
            _remove(lab)


@contextmanager
def _passwords(store: Path) -> Iterator[None]:
    """Have the embedded server ask other users than its own for their passwords; a configured one does anyway."""
    if is_configured():
        yield
        return
    rules = store.parent / "postgres" / "pg_hba.conf"
    before = rules.read_text()
    own = before.replace("local all all", f"local all {EmbeddedServer.user}")
    rules.write_text(own + "local all all scram-sha-256\n")
    dj.conn().query("SELECT pg_reload_conf()")
    yield
    rules.write_text(before)
    dj.conn().query("SELECT pg_reload_conf()")


def _remove(lab: Lab) -> None:
    if lab.backend == "postgresql":
        for (name,) in lab.execute("SELECT nspname FROM pg_namespace"):
            if name.startswith(lab.prefix):
                lab.execute(f"DROP SCHEMA {name} CASCADE")
        for role in ROLES:
            lab.execute(f"DROP OWNED BY {lab.prefix}{role};\nDROP ROLE {lab.prefix}{role}")
        return
    for (name,) in lab.execute("SHOW DATABASES"):
        if name.startswith(lab.prefix):
            lab.execute(f"SET foreign_key_checks = 0;\nDROP DATABASE {name}")
    for role in ROLES:
        lab.execute(f"DROP USER '{lab.prefix}{role}'@'%'")


@pytest.fixture(scope="module")
def trained(lab: Lab) -> Lab:
    """After a worker has done what was declared."""
    done = lab.run("worker", "worker")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.endswith("2 done, 0 failed, nothing left\n")
    return lab


def test_a_worker_trains_and_a_reader_reads(trained: Lab):
    (row,) = json.loads(trained.run("reader", "results", "--format", "json", "--where", "seed = 0").stdout)
    assert row["dataset_name"] == "lab"
    assert row["num_iterations"] == 4
    status = trained.run("reader", "status", **LOUD)
    assert (status.returncode, status.stderr) == (0, "")
    assert "TrainedModel" in status.stdout
    report = trained.run("reader", "report")
    assert report.returncode == 0, report.stderr
    assert "lab" in (trained.folder / "reader" / "report.html").read_text()


REFUSED = {
    "reader": [
        "INSERT INTO {prefix}training.seed VALUES (7)",
        "DELETE FROM {prefix}training.{models}",
        "UPDATE {prefix}training.{jobs} SET priority = 1",
        "DROP TABLE {prefix}training.{models}",
        "CREATE TABLE {prefix}training.mine (a int)",
        "CREATE SCHEMA {prefix}mine",
    ],
    "worker": [
        "INSERT INTO {prefix}training.seed VALUES (7)",
        "UPDATE {prefix}training.training_task SET declared = NULL",
        "DELETE FROM {prefix}training.training_task",
        "UPDATE {prefix}training.{models} SET test_corr = 1",
        "DELETE FROM {prefix}training.{models}",
        "DELETE FROM {prefix}dataset.dataset",
        "DROP TABLE {prefix}training.{jobs}",
        "DROP TABLE {prefix}training.{models}",
        "ALTER TABLE {prefix}training.{models} DROP COLUMN test_corr",
        "CREATE TABLE {prefix}training.mine (a int)",
        "CREATE SCHEMA {prefix}mine",
    ],
}


@pytest.mark.parametrize("role", REFUSED)
def test_what_each_may_not(lab: Lab, role: str):
    quote = dj.conn().adapter.quote_identifier
    names = {"prefix": lab.prefix, "models": quote("__trained_model"), "jobs": quote("~~trained_model")}
    for statement in REFUSED[role]:
        with pytest.raises((psycopg2.Error, pymysql.Error), match=r"denied|must be owner of"):
            lab.execute(statement.format(**names), role)
    lab.execute("SELECT * FROM {prefix}training.{models}".format(**names), role)
    with pytest.raises((psycopg2.Error, pymysql.Error), match=r"denied|must be owner of"):
        lab.execute(f"SELECT * FROM {TrainedModel.full_table_name}", role)  # of others on the same server


def test_what_doctor_tells_each(lab: Lab):
    def tables(role: str, **variables: str) -> str:
        found = json.loads(lab.run(role, "doctor", "--json", **variables).stdout)["findings"]
        (one,) = (one for one in found if one["what"] == "tables")
        return f"{one['state']}: {one['found']}; {one['advice']}".removesuffix("; ")

    assert tables("admin") == "ok: of version 4; this user may declare more"
    for role in ("worker", "reader"):
        assert tables(role) == "ok: of version 4; this user may declare none"
        lab.configure(role, create_tables=True)  # whatever the configuration says, the server does not let them
        assert tables(role) == "ok: of version 4; this user may declare none"
        none = "fault: none, and this user may not declare them; an administrator runs `hypercolumn migrate`"
        assert tables(role, HYPERCOLUMN_PREFIX="elsewhere_") == none
        lab.configure(role)


def test_a_command_that_a_worker_may_not_run(trained: Lab):
    done = trained.run("worker", "train", "lab", "--seed", "9")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("hypercolumn: the database user may not do that (")
    assert len(done.stderr.splitlines()) == 1


def test_nothing_prints_a_password(trained: Lab):
    """Whatever goes wrong, and however much DataJoint is asked to say."""
    trained.configure("reader", port=1)
    done = trained.run("reader", "status", **LOUD)
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    wrong = "wr0ng-passw0rd"
    program = "import pipeline; pipeline.connect()"
    for password, reason in ((wrong, "cannot be used"), ([wrong], "is not a configuration that DataJoint can read")):
        trained.configure("reader", password=password)
        done = trained.run("reader", "-c", program, program=sys.executable, **LOUD)
        assert "Traceback" in done.stderr
        assert reason in done.stderr
    trained.configure("reader")
    assert len(trained.outputs) > 10
    for said in trained.outputs:
        assert not any(password in said for password in (wrong, *trained.passwords.values()))
