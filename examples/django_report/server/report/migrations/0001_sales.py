"""The table of sales, with 200,000 rows that are the same in each database."""

from django.db import migrations, models

SALES = """
WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < 199999)
INSERT INTO report_sale (sold_at, product, cents)
SELECT
    datetime('2025-01-01', (number * 31536000 / 200000) || ' seconds'),
    CASE number % 3 WHEN 0 THEN 'Coffee' WHEN 1 THEN 'Espresso' ELSE 'Tea and cake' END,
    200 + number * 7919 % 700
FROM numbers
"""


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="Sale",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("sold_at", models.DateTimeField(db_index=True)),
                ("product", models.CharField(max_length=40)),
                ("cents", models.IntegerField()),
            ],
        ),
        migrations.RunSQL(SALES),
    ]
