"""A database of the first version of the tables, from its dump, comes to this one, with all that is in it.

The folder version_1 has such a database of each backend: a recording, three tasks, models of two of them (one trained
on half of the trials), the feature weights of one, and the store's files.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import uuid
from contextlib import closing
from pathlib import Path

import psycopg2
import pymysql
import pytest

import schemas
from pipeline.database.embedded import EmbeddedServer
from schemas.architecture import Core
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainerConfig
from schemas.work import Installation

DUMPS = Path(__file__).parent / "version_1"
CONFIGURED = "DJ_HOST" in os.environ
HEADINGS = """
import json, pipeline, schemas
from schemas.architecture import Core
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainerConfig
pipeline.connect()
def columns(table):
    return {name: [one.type, one.nullable, one.comment] for name, one in table.heading.attributes.items()}
tables = [*schemas.computed_tables(), TrainerConfig, Dataset, TrainingSet.Member, Core]
TrainerConfig.insert1(TrainerConfig().to_dicts()[0] | {"trainer": "mixed", "precision": "bfloat16"})
print(json.dumps({one.__name__: columns(one()) for one in tables}))
"""
ORIGIN = """
import json, pipeline
from schemas.dataset import Dataset
pipeline.connect()
print(json.dumps([[row[name] for name in ("dataset_name", "reader", "reader_options")] for row in Dataset.to_dicts()]))
"""


@pytest.fixture
def older(tmp_path):
    """Environment variables of commands that find a database of version 1."""
    backend = "mysql" if CONFIGURED else "postgresql"
    dump = gzip.decompress((DUMPS / f"{backend}.sql.gz").read_bytes()).decode()
    store = tmp_path / "home" / "store"
    store.mkdir(parents=True)
    with tarfile.open(DUMPS / f"{backend}.store.tar.gz") as files:
        files.extractall(store, filter="data")
    if not CONFIGURED:
        server = EmbeddedServer(tmp_path / "home")
        server.start()
        with closing(psycopg2.connect(server.url)) as connection, connection, connection.cursor() as cursor:
            # lines with a backslash are for psql alone
            cursor.execute("\n".join(line for line in dump.splitlines() if not line.startswith("\\")))
        yield {"HYPERCOLUMN_HOME": str(server.home)}
        server.stop()
        return
    prefix = f"hypercolumn_old_{uuid.uuid4().hex[:8]}_"
    for path in sorted(store.glob("_schema/hypercolumn_*")):
        path.rename(path.with_name(path.name.replace("hypercolumn_", prefix)))
    name, password, port = os.environ["DJ_USER"], os.environ["DJ_PASS"], int(os.environ["DJ_PORT"])
    connection = pymysql.connect(
        host=os.environ["DJ_HOST"], port=port, user=name, password=password, autocommit=True,
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
    )  # fmt: skip
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0;" + dump.replace("hypercolumn_", prefix))
        while cursor.nextset():
            pass
        stores = {"default": "main", "main": {"protocol": "file", "location": str(store)}}
        yield {"HYPERCOLUMN_PREFIX": prefix, "DJ_STORES": json.dumps(stores)}
        for module in schemas.modules():
            cursor.execute(f"DROP DATABASE IF EXISTS `{prefix}{module.__name__.rpartition('.')[2]}`")


def _run(lines: str, older: dict[str, str]) -> str:
    """What a program of these lines prints that finds the database."""
    done = subprocess.run(
        [sys.executable, "-c", lines], env=os.environ | older, capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout


def test_an_older_database(hypercolumn, older, connection):
    for command in ("status", "worker"):
        code, out, err = hypercolumn(command, **older)
        assert (code, out) == (2, "")
        assert err.startswith(f"hypercolumn: the tables are of version 1, this program needs {schemas.VERSION}; ")
        assert err.endswith("make a backup, then `hypercolumn migrate`\n")
    code, out, err = hypercolumn("migrate", **older)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "version 2: columns of 8 tables; the digest of the recording of 2 models"
    assert lines[1] == "version 3: precisions of TrainerConfig"
    assert lines[2] == "version 4: reader and options of each recording, parts of the neurons, stored cores"
    assert lines[-1] == f"the tables are of version {schemas.VERSION}"
    assert hypercolumn("migrate", **older).out.splitlines() == lines[3:]

    assert json.loads(_run(ORIGIN, older)) == [["old", "hdf5", None]]
    rows = {row["training_set"]: row for row in json.loads(hypercolumn("results", "--format", "json", **older).out)}
    assert rows.keys() == {"old", "old@500"}
    whole, half = (
        json.loads(hypercolumn("show", rows[name]["id"], "--format", "json", **older).out)
        for name in ("old", "old@500")
    )
    assert whole["recording_sha256"] == whole["recordings"][0]["content_sha256"]
    assert half["recording_sha256"] != whole["recording_sha256"]
    assert hypercolumn("worker", "--once", **older).out.endswith("1 done, 0 failed, nothing left\n")
    assert len(json.loads(hypercolumn("results", "--format", "json", **older).out)) == 3


def test_it_has_the_columns_of_a_new_one(hypercolumn, older, connection):
    assert hypercolumn("migrate", **older).code == 0
    found = json.loads(_run(HEADINGS, older))
    for table in [*schemas.computed_tables(), TrainerConfig, Dataset, TrainingSet.Member, Core]:
        attributes = table().heading.attributes
        expected = {name: [one.type, one.nullable, one.comment] for name, one in attributes.items()}
        assert found[table.__name__] == expected, table


def test_a_newer_database(refused, connection):
    newer = {"schema_version": schemas.VERSION + 1, "package_version": "9", "since": "2030-01-01 00:00:00"}
    Installation.insert1(newer)
    try:
        for command in ("status", "migrate"):
            line = refused(command)
            assert "install a newer hypercolumn" in line
    finally:
        (Installation & newer).delete(prompt=False)
