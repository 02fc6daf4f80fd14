"""A condition in SQL from a user reads and does nothing else, and the connection is as good as before."""

from __future__ import annotations

import pytest

from pipeline import results
from pipeline.database.read_only import read_only
from pipeline.errors import UserError
from schemas.training import Seed, TrainedModel

ATTACKS = [
    "1=1); DELETE FROM {models}; --",
    "1=1); COMMIT; DELETE FROM {models}; SELECT (1=1",
    "1=1)) OR ((1=1",
    "1=1) INTO OUTFILE '/tmp/hypercolumn-outfile' -- ",
    "1=1) /* the rest */ UNION (SELECT 1",
    "config = 'a\\'; DELETE FROM {models}; --'",
    "$$'$$ = 'x'); DELETE FROM {models}; --'",
    "`'` = '); DELETE FROM {models}; --'",
    "seed IN (DELETE FROM {models})",
    "{written}() > 0",
]
# A function that writes, which each server lets a condition call.
WRITING = {
    "mysql": """CREATE FUNCTION {written}() RETURNS INT MODIFIES SQL DATA
        BEGIN INSERT INTO {seeds} VALUES (4242); RETURN 1; END""",
    "postgresql": """CREATE FUNCTION {written}() RETURNS INT LANGUAGE SQL
        AS 'INSERT INTO {seeds} VALUES (4242) RETURNING 1'""",
}


@pytest.fixture
def names(connection):
    """What the attacks name: the tables, and a function that inserts a seed."""
    written = connection.adapter.make_full_table_name(Seed.database, "written")
    names = {"models": TrainedModel.full_table_name, "seeds": Seed.full_table_name, "written": written}
    connection.query(WRITING[connection.adapter.backend].format(**names))
    yield names
    connection.query(f"DROP FUNCTION {written}" + ("()" if connection.adapter.backend == "postgresql" else ""))


def test_conditions_that_would_do_something(trained, names, snapshot):
    before = snapshot()
    for attack in ATTACKS:
        condition = attack.format(**names)
        with pytest.raises(UserError, match="is not a condition on the results") as refusal:
            results.query_results(where=condition)
        assert "\n" not in str(refusal.value)
        assert len(results.query_results(where="config = 'quick'")) >= 1  # the connection is as good as before
    assert snapshot() == before
    Seed.insert1({"seed": 4243})  # also for writing
    (Seed & {"seed": 4243}).delete(prompt=False)


@pytest.mark.parametrize("arguments", [("results", "--where"), ("export", "--to", "never", "--")])
def test_commands_refuse_them_in_one_line(refused, trained, names, arguments):
    line = refused(*arguments, ATTACKS[0].format(**names))
    assert line.startswith("hypercolumn: '1=1); DELETE FROM ")
    assert line.endswith('); try "test_corr > 0.3"')


def test_a_sequence_stays_as_it_is(trained, connection):
    if connection.adapter.backend != "postgresql":
        pytest.skip("sequences are PostgreSQL's")
    sequence = f"{Seed.database}.counted"
    connection.query(f"CREATE SEQUENCE {sequence}")
    try:
        for condition in (f"setval('{sequence}', 7) > 0", f"nextval('{sequence}') > 0"):
            with pytest.raises(UserError, match="in a read-only transaction"):
                results.query_results(where=condition)
        assert connection.query(f"SELECT nextval('{sequence}')").fetchone() == (1,)
    finally:
        connection.query(f"DROP SEQUENCE {sequence}")


def test_a_connection_that_is_lost_on_the_way(command, trained, connection):
    if connection.adapter.backend != "postgresql":
        pytest.skip("MySQL has no function that ends a connection")
    code, out, err = command("results", "--where", "pg_terminate_backend(pg_backend_pid())")
    assert (code, out) == (2, "")
    assert err.startswith("hypercolumn: the database server does not answer (")
    assert len(err.splitlines()) == 1
    assert not connection.in_transaction
    assert results.query_results(where="seed = 0")


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("config = 'it''s; -- (not) a /* comment */ # $$'", 0),
        ("config LIKE '%\\_%' OR (seed IN (1, 2) AND (test_corr < -0.5))", 0),
        ("seed - 1 < 0 AND num_iterations * (seed + 2) = 12", 1),
    ],
)
def test_what_looks_dangerous_and_is_not(trained, condition, found):
    assert len([row for row in results.query_results("tiny", condition) if row["config"] == "quick"]) == found


def test_read_only(connection, trained):
    with pytest.raises(Exception, match=r"(?i)read.only transaction"), read_only():
        Seed.insert1({"seed": 4242})
    with pytest.raises(ZeroDivisionError), read_only():
        _ = 1 / 0
    assert not connection.in_transaction
    assert not Seed & {"seed": 4242}


def test_a_transaction_that_is_open_stays_the_callers(connection, trained):
    with connection.transaction:
        Seed.insert1({"seed": 4242})
        with pytest.raises(UserError, match="one is open; end that first"):
            results.query_results(where="seed = 0")
        assert connection.in_transaction
        assert results.query_results(where=[trained])
        (Seed & {"seed": 4242}).delete_quick()
