import uuid

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.querysets import DatasetQuerySet

from .base import IndexedModel


class Dataset(IndexedModel):
    """A database of the catalogue. Its code is stable and stands in its address."""

    class Kind(models.TextChoices):
        MAIN_BASE = "main_base", _("base principale")
        CATALOGUE = "catalogue", _("base du catalogue")
        DESCRIBED = "described", _("décrite, non hébergée")

    class AskRoute(models.TextChoices):
        HERE = "here", _("demandable ici")
        OTHER_ROUTE = "other_route", _("par une autre voie")
        CONTACT = "contact", _("en contactant le responsable de données")

    class AccessRights(models.TextChoices):  # HealthDCAT-AP dct:accessRights
        PUBLIC = "PUBLIC", _("public")
        RESTRICTED = "RESTRICTED", _("restreint")
        NON_PUBLIC = "NON_PUBLIC", _("non public")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.SlugField(_("code"), max_length=80, unique=True)
    kind = models.CharField(_("nature"), max_length=12, choices=Kind.choices)
    acronym = models.CharField(_("sigle"), max_length=40, blank=True)
    title_fr = models.CharField(_("titre"), max_length=250)
    title_en = models.CharField(_("titre en anglais"), max_length=250, blank=True)
    summary_fr = models.TextField(_("ce que contient la base"), blank=True)
    summary_en = models.TextField(_("ce que contient la base, en anglais"), blank=True)
    excludes_fr = models.TextField(_("ce que la base ne contient pas"), blank=True)
    excludes_en = models.TextField(_("ce que la base ne contient pas, en anglais"), blank=True)

    holder = models.ForeignKey(
        "catalog.DataHolder",
        models.PROTECT,
        related_name="datasets",
        verbose_name=_("responsable de données"),
    )
    controllers = models.ManyToManyField(
        "accounts.Organisation",
        blank=True,
        related_name="controlled_datasets",
        verbose_name=_("responsables de traitement"),
    )

    ask_route = models.CharField(
        _("comment la demander"), max_length=12, choices=AskRoute.choices, default=AskRoute.HERE
    )
    route_name_fr = models.CharField(_("nom de l’autre voie"), max_length=200, blank=True)
    route_name_en = models.CharField(
        _("nom de l’autre voie, en anglais"), max_length=200, blank=True
    )
    route_url = models.URLField(_("adresse de l’autre voie"), blank=True)
    contact_email = models.EmailField(_("adresse de contact"), blank=True)
    contact_page = models.URLField(_("page de contact"), blank=True)
    access_rights = models.CharField(
        _("niveau d’accès"),
        max_length=12,
        choices=AccessRights.choices,
        default=AccessRights.NON_PUBLIC,
    )
    access_conditions_fr = models.TextField(_("conditions d’accès"), blank=True)
    access_conditions_en = models.TextField(_("conditions d’accès, en anglais"), blank=True)

    # The fields below carry HealthDCAT-AP R8 properties of the same sense (C18).
    population_fr = models.TextField(_("population"), blank=True)
    population_en = models.TextField(_("population, en anglais"), blank=True)
    covers_from = models.PositiveSmallIntegerField(_("première année"), null=True, blank=True)
    covers_until = models.PositiveSmallIntegerField(_("dernière année"), null=True, blank=True)
    spatial_fr = models.CharField(_("territoire"), max_length=200, blank=True)
    number_of_individuals = models.PositiveBigIntegerField(_("personnes"), null=True, blank=True)
    number_of_records = models.PositiveBigIntegerField(_("enregistrements"), null=True, blank=True)
    figures_source = models.CharField(_("source des effectifs"), max_length=200, blank=True)
    figures_on = models.DateField(_("effectifs au"), null=True, blank=True)
    min_typical_age = models.PositiveSmallIntegerField(_("âge minimal"), null=True, blank=True)
    max_typical_age = models.PositiveSmallIntegerField(_("âge maximal"), null=True, blank=True)
    frequency = models.CharField(_("rythme de mise à jour"), max_length=40, blank=True)
    provenance_fr = models.TextField(_("provenance"), blank=True)
    provenance_en = models.TextField(_("provenance, en anglais"), blank=True)
    landing_page = models.URLField(_("page de la base"), blank=True)
    keywords_fr = models.JSONField(_("mots-clés"), default=list, blank=True)
    keywords_en = models.JSONField(_("mots-clés en anglais"), default=list, blank=True)
    terms = models.ManyToManyField(
        "catalog.VocabularyTerm", blank=True, related_name="datasets", verbose_name=_("classements")
    )

    as_of = models.DateField(_("description à la date du"), null=True, blank=True)
    description_source = models.CharField(_("source de la description"), max_length=300, blank=True)
    is_demo = models.BooleanField(_("démonstration"), default=False)
    published_at = models.DateTimeField(_("publiée le"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DatasetQuerySet.as_manager()
    held_elsewhere = (
        "code", "kind", "acronym", "title_fr", "holder_id", "ask_route", "as_of", "published_at",
    )  # fmt: skip

    class Meta:
        verbose_name = _("jeu de données")
        verbose_name_plural = _("jeux de données")
        ordering = ["title_fr"]
        indexes = [models.Index(fields=["published_at"], name="dataset_published")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="described") | ~Q(ask_route="here"),
                name="dataset_described_not_here",
                violation_error_message=_(
                    "Une base décrite mais non hébergée ne se demande pas ici : "
                    "indiquez une autre voie ou un contact."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(ask_route="other_route") | ~Q(route_name_fr=""),
                name="dataset_other_route_named",
                violation_error_message=_("Nommez l’autre voie de demande."),
            ),
            models.CheckConstraint(
                condition=~Q(ask_route="contact") | ~Q(contact_email="", contact_page=""),
                name="dataset_contact_given",
                violation_error_message=_("Donnez une adresse ou une page de contact."),
            ),
            models.CheckConstraint(
                condition=Q(covers_from__isnull=True)
                | Q(covers_until__isnull=True)
                | Q(covers_until__gte=F("covers_from")),
                name="dataset_years_in_order",
                violation_error_message=_("La dernière année précède la première."),
            ),
            models.CheckConstraint(
                condition=Q(min_typical_age__isnull=True)
                | Q(max_typical_age__isnull=True)
                | Q(max_typical_age__gte=F("min_typical_age")),
                name="dataset_ages_in_order",
                violation_error_message=_("L’âge maximal est inférieur à l’âge minimal."),
            ),
        ]

    def __str__(self) -> str:
        return self.title_fr

    def get_absolute_url(self) -> str:
        return reverse("catalog:dataset", args=[self.code])

    @property
    def is_published(self) -> bool:
        return self.published_at is not None and self.published_at <= timezone.now()

    @property
    def is_requestable(self) -> bool:
        return self.is_published and self.ask_route == self.AskRoute.HERE

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        return [("base" if alone else "dataset", str(self.pk))]


class Distribution(IndexedModel):
    """A form in which a dataset is delivered (dcat:Distribution): files, a workspace, a service."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="distributions")
    title_fr = models.CharField(_("titre"), max_length=250)
    title_en = models.CharField(_("titre en anglais"), max_length=250, blank=True)
    description_fr = models.TextField(_("description"), blank=True)
    access_url = models.URLField(_("adresse d’accès"), blank=True)
    download_url = models.URLField(_("adresse de téléchargement"), blank=True)
    media_type = models.CharField(_("format"), max_length=100, blank=True)
    byte_size = models.PositiveBigIntegerField(_("taille en octets"), null=True, blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("distribution")
        verbose_name_plural = _("distributions")
        ordering = ["title_fr"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "title_fr"],
                name="distribution_title_once",
                violation_error_message=_("Ce jeu de données a déjà une distribution de ce titre."),
            )
        ]

    def __str__(self) -> str:
        return self.title_fr

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        return [("base", str(self.dataset_id))]
