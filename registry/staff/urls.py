"""Pages about the person who works here. Listed before allauth's own addresses, so that the log-in page is
ours; a language that somebody chose while logged in is theirs from then on.
"""

from django.urls import path

from registry.staff import views

urlpatterns = [
    path("account/login/", views.LogIn.as_view(), name="account_login"),
    path("me/", views.me, name="me"),
    path("i18n/setlang/", views.choose, name="set_language"),
]
