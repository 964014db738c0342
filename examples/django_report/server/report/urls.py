from django.urls import path

from report import views

urlpatterns = [path("", views.report), path("sales.csv", views.export)]
