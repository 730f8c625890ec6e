"""Pages about the person who works here. Listed before allauth's own addresses, so that the log-in page and
the page of one's own password are ours; a language that somebody chose while logged in is theirs from then
on.
"""

from django.urls import path

from registry.staff import (
    helping,
    log_ins,
    newcomer_views,
    office,
    own_password,
    session_views,
    shift_views,
    views,
)

urlpatterns = [
    path("account/login/", views.LogIn.as_view(), name="account_login"),
    path("account/password/change/", own_password.OwnPassword.as_view(), name="account_change_password"),
    path("me/", views.me, name="me"),
    path("me/pin/", shift_views.my_pin, name="my-pin"),
    path("me/password/", shift_views.full_login, name="full-login"),
    path("me/sessions/end/", session_views.end_mine, name="my-sessions-end"),
    path("team/", session_views.team, name="team"),
    path("team/add/", newcomer_views.add, name="team-add"),
    path("team/<uuid:staff_id>/<str:act>/", session_views.team_act, name="team-act"),
    path("switch/", shift_views.switch, name="switch"),
    path("switch/touched/", shift_views.touched, name="touched"),
    path("switch/<uuid:staff_id>/", shift_views.switch_person, name="switch-person"),
    path("log-ins/", log_ins.log_ins, name="log-ins"),
    path("log-ins/<int:log_in_id>/reviewed/", log_ins.reviewed, name="log-in-reviewed"),
    path("i18n/setlang/", views.choose, name="set_language"),
    path("staff/", office.staff_list, name="staff-list"),
    path("staff/rights/", office.rights_table, name="staff-rights"),
    path("staff/requests/", newcomer_views.requests_list, name="staff-requests"),
    path("staff/requests/<uuid:request_id>/<str:act>/", newcomer_views.decide, name="staff-decide"),
    path("staff/add/", office.add, name="staff-add"),
    path("staff/<uuid:staff_id>/", office.member, name="staff-member"),
    path("staff/<uuid:staff_id>/give/", office.give, name="staff-give-role"),
    path("staff/<uuid:staff_id>/roles/<uuid:role_id>/end/", office.end_one_role, name="staff-end-role"),
    path("staff/<uuid:staff_id>/password/", office.new_password, name="staff-password"),
    path("staff/<uuid:staff_id>/code/", helping.telephone_code, name="staff-code"),
    path("staff/<uuid:staff_id>/second-step/", helping.second_step, name="staff-second-step"),
    path("staff/<uuid:staff_id>/end/", office.end, name="staff-end"),
]
