"""Two processes that declare the same at once: the second finds it there, as if it had come later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import datajoint as dj
import pytest

from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.training import Seed, TrainedModel, TrainingTask
from schemas.work import Priority
from waiting import eventually

# How many statements wait for a lock in the databases of these tests; others use the server at the same time. MariaDB
# shows no locks to users without rights on the whole server: there it is whoever writes for a second or longer.
WAITING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND position('{ours}' in query) > 0",
    "mysql": "SELECT count(*) FROM information_schema.processlist "
    "WHERE time >= 1 AND locate('{ours}', info) > 0 AND substring_index(info, ' ', 1) IN ('INSERT', 'DELETE')",
}


@pytest.fixture
def beside(connection, other, start) -> Callable[..., tuple[int, str, str]]:
    """Run a command until it waits for a row that another process inserts; end that; gives how the command ended."""

    waiting = WAITING[connection.adapter.backend].format(ours=Dataset.database.removesuffix("dataset"))

    def run(insert: str, *arguments: object) -> tuple[int, str, str]:
        with other.transaction:
            other.query(insert)
            process = start(*arguments, quick=True)
            eventually(lambda: connection.query(waiting).fetchone()[0] or process.poll() is not None)
            assert process.poll() is None, process.communicate()
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return run


def copied(table: type[dj.Table], key: dict[str, Any], **changes: Any) -> str:
    """SQL that inserts a row like that of a key, with changes."""
    quote = table.connection.adapter.quote_identifier
    columns = [quote(name) for name in table.heading.names]
    values = [f"'{changes[name]}'" if name in changes else quote(name) for name in table.heading.names]
    where = " AND ".join(f"{quote(name)} = '{key[name]}'" for name in table.primary_key)
    return (
        f"INSERT INTO {table.full_table_name} ({', '.join(columns)}) "
        f"SELECT {', '.join(values)} FROM {table.full_table_name} WHERE {where}"
    )


def test_a_task_that_another_declares(beside, trained):
    Seed.insert1({"seed": 71}, skip_duplicates=True)
    key, insert = trained | {"seed": 71}, copied(TrainingTask, trained, seed=71)
    try:
        code, _, err = beside(insert, "train", "tiny", "--config", "quick", "--seed", 71)
        assert (code, err) == (0, "")
        assert len(TrainedModel & key) == 1
    finally:
        (TrainingTask & key).delete(prompt=False)


def test_a_recording_that_another_declares(beside, tiny, recording_file):
    try:
        insert = copied(Dataset, {"dataset_name": tiny}, dataset_name="twice")
        code, out, err = beside(insert, "ingest", "twice", recording_file)
        assert (code, err) == (0, "")
        assert out.startswith("twice was declared before with the same content")
    finally:
        (TrainingSet & {"training_set": "twice"}).delete(prompt=False)
        (Dataset & {"dataset_name": "twice"}).delete(prompt=False)


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_an_experiment_that_another_declares(beside, tiny, tidy, option):
    insert = f"INSERT INTO {Experiment.full_table_name} (experiment_name, summary) VALUES ('demo', 'as it was')"
    code, out, err = beside(insert, "declare", "demo", "--dataset", tiny, *option)
    assert (code, err) == (0, "")
    assert "2 trainings: 2 " in out
    assert len(Experiment.Member()) == (0 if option else 2)


def test_a_priority_that_another_sets(beside, tiny, tidy, command):
    assert command("declare", "demo", "--dataset", tiny).code == 0
    key = Experiment.Member.to_dicts()[0]
    names = Priority.primary_key
    values = ", ".join(f"'{key[name]}'" for name in names)
    insert = f"INSERT INTO {Priority.full_table_name} ({', '.join(names)}, priority) VALUES ({values}, 3)"
    try:
        code, _, err = beside(insert, "declare", "demo", "--dataset", tiny, "--priority", 1)
        assert (code, err) == (0, "")
        assert Priority.to_arrays("priority").tolist() == [1, 1]
    finally:
        Priority.delete_quick()
