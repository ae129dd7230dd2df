from django.urls import path

from .views import (
    account,
    invitations,
    memberships,
    password,
    registration,
    second_factor,
    session,
    tokens,
)


app_name = "accounts"
urlpatterns = [
    path("", account.account, name="account"),
    path("connexion/", session.login, name="login"),
    path("deconnexion/", session.logout, name="logout"),
    path("inscription/", registration.register, name="register"),
    path("inscription/envoyee/", registration.register_sent, name="register_sent"),
    path("inscription/<str:token>/", registration.register_confirm, name="register_confirm"),
    path("mot-de-passe/oublie/", password.password_reset, name="password_reset"),
    path("mot-de-passe/envoye/", password.password_reset_sent, name="password_reset_sent"),
    path("mot-de-passe/changer/", password.password_change, name="password_change"),
    path(
        "mot-de-passe/<uidb64>/<token>/",
        password.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
    path("identite/", account.identity, name="identity"),
    path("adresse/", account.email, name="email"),
    path("adresse/<str:token>/", account.email_confirm, name="email_confirm"),
    path("conditions/", account.terms_page, name="terms"),
    path("conditions/accepter/", account.accept_terms, name="accept_terms"),
    path("conditions/<slug:version>/", account.terms_page, name="terms_version"),
    path("second-facteur/", second_factor.enrol, name="second_factor"),
    path("second-facteur/verifier/", second_factor.verify, name="verify"),
    path("second-facteur/codes/", second_factor.recovery_codes, name="recovery_codes"),
    path("second-facteur/retirer/", second_factor.remove, name="second_factor_remove"),
    path(
        "second-facteur/reinitialisation/<uuid:pk>/refuser/",
        second_factor.refuse_reset,
        name="factor_reset_refuse",
    ),
    path("jetons/", tokens.tokens, name="tokens"),
    path("jetons/<uuid:pk>/retirer/", tokens.token_revoke, name="token_revoke"),
    path("organismes/rejoindre/", memberships.ask, name="membership_ask"),
    path("organismes/<uuid:pk>/signature/", memberships.ask_to_sign, name="ask_to_sign"),
    path("organismes/<uuid:pk>/terminer/", memberships.end, name="membership_end"),
    path("appartenances/", memberships.confirmations, name="confirmations"),
    path("appartenances/<uuid:pk>/", memberships.confirmation, name="confirmation"),
    path("invitations/", invitations.invitations, name="invitations"),
    path("invitations/envoyer/", invitations.invite, name="invite"),
    path("invitations/<uuid:pk>/annuler/", invitations.cancel, name="invitation_cancel"),
    path("invitations/<uuid:pk>/renvoyer/", invitations.resend, name="invitation_resend"),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
    path(
        "invitation/<str:token>/inscription/",
        invitations.invitation_register,
        name="invitation_register",
    ),
]
