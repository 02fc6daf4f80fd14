"""Importing declares tables without a connection; what connects is `pipeline.connect()`."""

import os
import subprocess
import sys

import pytest

SPY = """
import sys
def refuse(event, arguments):
    if event == "socket.connect":
        raise AssertionError(f"connects to {{arguments}}")
sys.addaudithook(refuse)
import {module}
import pipeline.cli, pipeline.database.connection, pipeline.figures, pipeline.work.worker, schemas.training
import datajoint
assert datajoint.config["database.host"] == "localhost"
assert not schemas.training.schema.is_activated()
print("imported")
"""


@pytest.mark.parametrize("module", ["schemas.training", "pipeline"])
def test_importing_connects_to_nothing_and_writes_nothing(module, tmp_path, tmp_path_factory):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DJ_")}
    folders = {name: str(tmp_path) for name in ("HYPERCOLUMN_HOME", "HOME", "XDG_DATA_HOME", "TMPDIR")}
    folders["MPLCONFIGDIR"] = str(tmp_path_factory.mktemp("matplotlib"))  # it keeps a list of fonts
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", SPY.format(module=module)],
        cwd=tmp_path,
        env=variables | folders,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("imported\n", "")
    assert list(tmp_path.iterdir()) == []


def test_models_know_no_database():
    code = "import sys, models; print({'datajoint', 'schemas', 'pipeline'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
