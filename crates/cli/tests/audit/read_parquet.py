"""Reads Parquet with DuckDB, which shares no code with what wrote it, and prints what is in it as JSON.

    read_parquet.py FILES            the rows, the columns, the groups of rows and what the file says of itself
    read_parquet.py FILES --hive     the same of many files whose folders are columns too

FILES may hold * and **. Times are texts in UTC, and what is null is null.
"""

import json
import sys

import duckdb


def main(files, hive):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    options = ", hive_partitioning = true" if hive else ""
    table = f"read_parquet('{files}'{options})"
    rows = database.execute(f"SELECT to_json(t) FROM (SELECT * FROM {table}) t").fetchall()
    columns = database.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    groups = database.execute(
        f"SELECT DISTINCT file_name, row_group_id, row_group_num_rows FROM parquet_metadata('{files}') ORDER BY 1, 2"
    ).fetchall()
    said = database.execute(f"SELECT key, value FROM parquet_kv_metadata('{files}')").fetchall()
    print(
        json.dumps(
            {
                "rows": [json.loads(row) for (row,) in rows],
                "columns": {column[0]: column[1] for column in columns},
                "groups": [rows for (_, _, rows) in groups],
                "said": {bytes(key).decode(): bytes(value).decode() for (key, value) in said},
            }
        )
    )


main(sys.argv[1], "--hive" in sys.argv[2:])
