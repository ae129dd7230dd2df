"""What the API says of the catalogue: published descriptions only."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from catalog.models import DataHolder, Dataset, Table, TableKey, Variable, VocabularyTerm
from catalog.search.query import FACETS
from portal.accounts.models import Organisation


# Whole numbers without the limits of a database: the description is the same on both. (A comment:
# a docstring would be shown as the description of each object.)
class PlainIntegersMixin:
    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, Any]:
        field, options = super().build_standard_field(field_name, model_field)  # type: ignore[misc]
        if field is serializers.IntegerField:
            options.pop("max_value", None)
            options.pop("min_value", None)
        return field, options


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    class Meta:
        model = Organisation
        fields = ["code", "name", "acronym"]


class HolderSerializer(serializers.ModelSerializer[DataHolder]):
    code = serializers.SlugField(source="organisation.code")
    name = serializers.CharField(source="organisation.name")

    class Meta:
        model = DataHolder
        fields = ["code", "name", "contact_email", "contact_page"]


class TermSerializer(serializers.ModelSerializer[VocabularyTerm]):
    class Meta:
        model = VocabularyTerm
        fields = ["scheme", "code", "uri", "label_fr", "label_en"]


class DatasetSerializer(PlainIntegersMixin, serializers.ModelSerializer[Dataset]):
    holder = HolderSerializer()
    controllers = OrganisationSerializer(many=True)
    terms = TermSerializer(many=True)
    keywords_fr = serializers.ListField(child=serializers.CharField())
    keywords_en = serializers.ListField(child=serializers.CharField())
    url = serializers.HyperlinkedIdentityField(
        view_name="catalog_api:dataset-detail", lookup_field="code"
    )

    class Meta:
        model = Dataset
        fields = [
            "url", "id", "code", "kind", "acronym", "title_fr", "title_en", "summary_fr",
            "summary_en", "excludes_fr", "excludes_en", "holder", "controllers", "ask_route",
            "route_name_fr", "route_url", "contact_email", "contact_page", "access_rights",
            "population_fr", "covers_from", "covers_until", "spatial_fr", "number_of_individuals",
            "number_of_records", "figures_source", "figures_on", "min_typical_age",
            "max_typical_age", "frequency", "provenance_fr", "landing_page", "keywords_fr",
            "keywords_en", "terms", "as_of", "description_source", "is_demo", "published_at",
            "updated_at",
        ]  # fmt: skip


class KeySerializer(serializers.ModelSerializer[TableKey]):
    variables = serializers.ListField(child=serializers.CharField())
    target_dataset = serializers.SlugField(source="target_table.dataset.code")
    target_table = serializers.CharField(source="target_table.name")
    target_variables = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = TableKey
        fields = ["variables", "target_dataset", "target_table", "target_variables"]


class TableSerializer(PlainIntegersMixin, serializers.ModelSerializer[Table]):
    dataset = serializers.SlugField(source="dataset.code")
    primary_key = serializers.ListField(child=serializers.CharField())
    missing_years = serializers.ListField(child=serializers.IntegerField())
    keys = KeySerializer(many=True)

    class Meta:
        model = Table
        fields = [
            "id", "dataset", "name", "label_fr", "label_en", "description", "scope_fr",
            "primary_key", "valid_from", "valid_until", "missing_years", "keys",
        ]  # fmt: skip


class VariableSerializer(PlainIntegersMixin, serializers.ModelSerializer[Variable]):
    dataset = serializers.SlugField(source="table.dataset.code")
    table = serializers.CharField(source="table.name")
    missing_years = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        model = Variable
        fields = [
            "id", "dataset", "table", "name", "label_fr", "label_en", "description", "data_type",
            "length", "nomenclature", "rule", "valid_from", "valid_until", "missing_years",
            "identifier",
        ]  # fmt: skip


class SearchHitSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["dataset", "table", "variable"])
    name = serializers.CharField(help_text="Code de la base, nom de la table ou de la variable.")
    label = serializers.CharField(allow_blank=True)
    url = serializers.URLField(help_text="Page du portail.")
    datasets = serializers.ListField(
        child=serializers.SlugField(),
        help_text="Bases ; d’une variable, celles des tables énumérées.",
    )
    tables = serializers.ListField(
        child=serializers.CharField(),
        help_text=(
            "Tables qui contiennent la variable, les 1 000 premières au plus :"
            " /api/v1/variables/?name=… les donne toutes."
        ),
    )
    table_count = serializers.IntegerField(
        help_text="Nombre de tables qui contiennent la variable ; 0 pour une base ou une table."
    )
    identifier = serializers.CharField(allow_blank=True)


class SearchSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    approximate = serializers.BooleanField(
        help_text="Aucun résultat n’avait tous les mots : ceux-ci s’en approchent."
    )
    degraded = serializers.BooleanField(
        help_text="L’index ne répond pas : recherche simple dans la base de données."
    )
    also = serializers.ListField(child=serializers.CharField())
    kinds = serializers.DictField(child=serializers.IntegerField())
    facets = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    results = SearchHitSerializer(many=True)


class SearchParametersSerializer(serializers.Serializer[Any]):
    """Parameters of a search, refused with a message per field when wrong."""

    q = serializers.CharField(required=False, allow_blank=True, max_length=300, default="")
    kind = serializers.ChoiceField(choices=["dataset", "table", "variable"], default="dataset")
    sort = serializers.ChoiceField(choices=["relevance", "title", "updated"], default="relevance")
    page = serializers.IntegerField(min_value=1, max_value=500, default=1)
    route = serializers.MultipleChoiceField(choices=Dataset.AskRoute.choices, required=False)
    nature = serializers.MultipleChoiceField(choices=Dataset.Kind.choices, required=False)
    identifier = serializers.MultipleChoiceField(
        choices=Variable.Identifier.choices, required=False
    )
    type = serializers.MultipleChoiceField(choices=Variable.DataType.choices, required=False)
    holder = serializers.ListField(child=serializers.SlugField(), required=False, max_length=50)
    dataset = serializers.ListField(child=serializers.SlugField(), required=False, max_length=50)
    theme = serializers.ListField(
        child=serializers.CharField(min_length=1, max_length=80), required=False, max_length=50
    )
    category = serializers.ListField(
        child=serializers.CharField(min_length=1, max_length=80), required=False, max_length=50
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """A filter that this kind of result does not have is refused, not left out."""
        elsewhere = {
            name: [_("Ce filtre ne s’applique pas à ce type de résultat (kind).")]
            for name, kinds in FACETS.items()
            if values.get(name) and values["kind"] not in kinds
        }
        if elsewhere:
            raise serializers.ValidationError(elsewhere)
        return values
