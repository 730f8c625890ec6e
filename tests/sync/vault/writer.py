"""One of several processes that write to one encrypted database.

`writer.py DATABASE TRANSACTIONS [STOP_INSIDE]` prints how many transactions it committed. With STOP_INSIDE it
says "inside" within the first one and waits there.
"""

import sys
import time

import django
from django.conf import settings
from django.db import connection, transaction


def main(database: str, transactions: int, stop_inside: bool) -> None:
    settings.configure(DATABASES={"default": {"ENGINE": "sync.vault.sqlcipher", "NAME": database}})
    django.setup()
    for number in range(transactions):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(number), 0) FROM line")
            highest = cursor.fetchone()[0]
            cursor.execute(
                "INSERT INTO line (number, words) VALUES (%s, %s)", [highest + 1, f"line {number}"]
            )
            if stop_inside:
                print("inside", flush=True)
                time.sleep(60)
    print(transactions)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3)
