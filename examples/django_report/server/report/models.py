from django.db import models


class Sale(models.Model):
    sold_at = models.DateTimeField(db_index=True)
    product = models.CharField(max_length=40)
    cents = models.IntegerField()
