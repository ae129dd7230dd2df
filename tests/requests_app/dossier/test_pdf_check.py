"""A PDF that is kept opens, and holds nothing but pages to read."""

import io
import random
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import typst
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from pikepdf import Array, Dictionary, Name

from requests_app.dossier import pdf_check, uploads
from tests.support import pdfs


def examined(content: bytes) -> str:
    return pdf_check.examine(io.BytesIO(content))


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n", b"\0" * 20, b"-" * 1000])
def test_what_precedes_the_marker_does_not_count(before: bytes) -> None:
    content = before + pdfs.made(pdfs.harmless)
    assert examined(content) == pdf_check.FINE
    assert uploads.content_type(SimpleUploadedFile("a.pdf", content)) == uploads.PDF


def test_a_marker_after_the_first_kibibyte_is_no_marker() -> None:
    late = SimpleUploadedFile("a.pdf", b"\0" * 1024 + pdfs.made())
    assert uploads.content_type(late) != uploads.PDF
    assert uploads.content_type(SimpleUploadedFile("a.pdf", b"MZ" + pdfs.made())) != uploads.PDF


@pytest.mark.parametrize(
    "change",
    [pdfs.with_attachment, pdfs.with_attachment_of_an_annotation],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_inside_is_found(change: Callable[[pikepdf.Pdf], None], packed: bool) -> None:
    mode = pikepdf.ObjectStreamMode
    content = pdfs.made(change, object_stream_mode=mode.generate if packed else mode.disable)
    assert examined(content) == pdf_check.EMBEDDED


@pytest.mark.parametrize(
    "change",
    [
        pdfs.on_opening,
        pdfs.hidden_name,
        pdfs.in_names,
        pdfs.launching,
        pdfs.in_a_field,
        pdfs.of_a_page,
        pdfs.after_another_action,
        pdfs.xfa,
        pdfs.rich_media,
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("packed", [True, False])
def test_what_would_run_is_found_wherever_it_is(
    change: Callable[[pikepdf.Pdf], None], packed: bool
) -> None:
    mode = pikepdf.ObjectStreamMode
    content = pdfs.made(change, object_stream_mode=mode.generate if packed else mode.disable)
    assert examined(content) == pdf_check.ACTIVE


def test_what_does_not_open_is_refused() -> None:
    whole = pdfs.made()
    for broken in (b"%PDF-1.7\nhello", b"%PDF-1.4 not even a pdf", whole[:200], b"%PDF-"):
        assert examined(broken) in {pdf_check.UNREADABLE, pdf_check.NO_PAGE}
    plain = pdfs.made(object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert examined(plain[:-60]) in {pdf_check.TRUNCATED, pdf_check.UNREADABLE}


def test_encryption_and_no_page_are_told() -> None:
    for user in ("secret", ""):
        lock = pikepdf.Encryption(owner="o", user=user)
        assert examined(pdfs.made(encryption=lock)) == pdf_check.ENCRYPTED

    def emptied(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[0]

    assert examined(pdfs.made(emptied)) == pdf_check.NO_PAGE


def test_more_than_can_be_looked_at_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in ("[" + "[]" * 200 + "]", "[" + "0 " * 200 + "]", f"<<{keys(200)}>>"):
        held = pdfs.packed(data.encode())
        assert examined(held) == pdf_check.FINE
        with monkeypatch.context() as patch:
            patch.setattr(pdf_check, "MAX_NODES", 100)
            assert examined(held) == pdf_check.TOO_COMPLEX


def keys(number: int) -> str:
    return "".join(f"/k{n} 0" for n in range(number))


# Where, and what is there: all that opens by itself, follows, or leads out of the file.
ACTS = {
    "opening another file": ("Root", "<</OpenAction<</S/GoToR/F(a.pdf)/D[0/Fit]>>>>"),
    "opening by a name": ("Root", "<</OpenAction<</S/Named/N/Print>>>>"),
    "opening on a menu": ("Root", "<</OpenAction<</S/Named/N/NextPage>>>>"),
    "opening a link": ("Root", "<</OpenAction<</S/URI/URI(https://a.fr)>>>>"),
    "opening with unknown": ("Root", "<</OpenAction<</S/Future>>>>"),
    "opening with nothing": ("Root", "<</OpenAction<</D[0/Fit]>>>>"),
    "opening in a list": ("Root", "<</OpenAction[<</S/Named/N/Print>>]>>"),
    "opening elsewhere": ("Root", "<</OpenAction<</S/GoTo/D[0/Fit]/F(a.pdf)>>>>"),
    "then a link": ("Root", "<</OpenAction<</S/GoTo/D(a)/Next<</S/URI/URI(https://a.fr)>>>>>>"),
    "then a layer": (
        "Root",
        "<</OpenAction<</S/GoTo/D(a)/Next[<</S/GoTo/D(b)>><</S/SetOCGState>>]>>>>",
    ),
    "then, later": (
        "Annot",
        "<</A<</S/GoTo/D(a)/Next<</S/GoTo/D(b)/Next<</S/ResetForm>>>>>>>>",
    ),
    "then, in a list of lists": ("Annot", "<</A<</S/URI/URI(https://a.fr)/Next[[<<>>]]>>>>"),
    "then, untyped": ("Annot", "<</A<</S/GoTo/D(a)/Next<</N/Print>>>>>>"),
    "a trigger of a type unknown": ("Annot", "<</AA<</E<</S/Future>>>>>>"),
    "another file": ("Annot", "<</A<</S/GoToR/F(a.pdf)/D[0/Fit]>>>>"),
    "a file within": ("Annot", "<</A<</S/GoToE/D[0/Fit]/T<</R/C/N(a)>>>>>>"),
    "a program": ("Annot", "<</A<</S/Launch/F(a.exe)>>>>"),
    "a thread elsewhere": ("Annot", "<</A<</S/Thread/D 0/F(a.pdf)>>>>"),
    "an action unknown": ("Annot", "<</A<</S/Future>>>>"),
    "an action unknown, by its type": ("Root", "<</Data<</Type/Action/S/Future>>>>"),
    "printing": ("Annot", "<</A<</S/Named/N/Print>>>>"),
    "saving": ("Annot", "<</A<</S/Named/N/SaveAs>>>>"),
    "a script in a link": ("Annot", "<</A<</S/URI/URI(javascript:app.alert\\(1\\))>>>>"),
    "a script in a link, in capitals": ("Annot", "<</A<</S/URI/URI( JaVaScRiPt:1)>>>>"),
    "a file in a link": ("Annot", "<</A<</S/URI/URI(file:///etc/passwd)>>>>"),
    "a share in a link": ("Annot", "<</A<</S/URI/URI(\\\\\\\\serveur\\\\a)>>>>"),
    "a relative link": ("Annot", "<</A<</S/URI/URI(a.html)>>>>"),
    "data in a link": ("Annot", "<</PA<</S/URI/URI(data:text/html,a)>>>>"),
    "a link that is a name": ("Annot", "<</A<</S/URI/URI/https:>>>>"),
    "where links begin": ("Root", "<</URI<</Base(file:///c:/)>>>>"),
    "a file of the web": ("Annot", "<</Data<</Type/Filespec/FS/URL/F(https://a.fr/a)>>>>"),
    "other ways to present": ("Root", "<</Names<</AlternatePresentations<</Names[]>>>>>>"),
    "a script under a name in Latin-1": ("Root", "<</L#e9<</L#e9gende<</S/JavaScript/JS 1>>>>>>"),
    "an action in Latin-1": ("Annot", "<</A<</S/L#e9gende>>>>"),
    "bytes elsewhere": ("Stream", "<</F(a.pdf)>>"),
    "bytes of a file": ("Stream", "<</F<</Type/Filespec/F(a.pdf)>>>>"),
    "bytes of a file, in a list": ("Stream", "<</F[(a.pdf)]>>"),
    "pages of another file": ("Stream", "<</Ref<</F(a.pdf)/Page 0>>>>"),
    "a better picture elsewhere": ("Stream", "<</OPI<</1.3<</F(a.tif)>>>>>>"),
    "a program for printers": ("Stream", "<</Subtype/PS>>"),
}
# The same places as plain writers fill them.
PASSES = {
    "LibreOffice": ("Root", "<</OpenAction[0/XYZ null null 0]/Lang(fr-FR)>>"),
    "hyperref": ("Root", "<</OpenAction<</S/GoTo/D[0/Fit]>>/PageMode/UseOutlines>>"),
    "hyperref, by name": ("Root", "<</OpenAction<</S/GoTo/D(Doc-Start)>>/URI<<>>>>"),
    "no opening": ("Root", "<</AA<<>>>>"),
    "two pages one after the other": (
        "Root",
        "<</OpenAction<</S/GoTo/D(a)/Next[<</S/GoTo/D(b)/Next<</S/GoTo/D(c)>>>>]>>>>",
    ),
    "where links begin": ("Root", "<</URI<</Base(https://a.fr/)>>>>"),
    "outline": ("Root", "<</Outlines<</First<</Title(a)/A<</S/GoTo/D(a)>>/Next<</Title(b)>>>>>>>>"),
    "link": ("Annot", "<</A<</Type/Action/S/URI/URI(https://a.fr/?q=\\351)>>>>"),
    "link in capitals": ("Annot", "<</A<</S/URI/URI(HTTP://A.FR)>>>>"),
    "link in UTF-16": ("Annot", "<</A<</S/URI/URI<FEFF0068007400740070003A002F002F0061>>>>>"),
    "mail": ("Annot", "<</A<</S/URI/URI(mailto:a@a.fr)/IsMap false>>>>"),
    "slides": ("Annot", "<</A<</S/Named/N/NextPage>>/PA<</S/Named/N/GoBack>>>>"),
    "layers": ("Annot", "<</A<</S/SetOCGState/State[]>>/F 4>>"),
    "thread": ("Annot", "<</A<</S/Thread/D 0>>>>"),
    "Word": (
        "Root",
        "<</StructTreeRoot<</Type/StructTreeRoot/K[<</Type/StructElem/S/Sect/A<</O/Layout>>"
        "/K[<</S/Link/A[<</O/List>>]>><</S/Part>>]>>]>>/MarkInfo<</Marked true>>>>",
    ),
    "styles named in Latin-1": (
        "Root",
        "<</StructTreeRoot<</RoleMap<</L#e9gende/P/Titre/H1>>/K<</S/L#e9gende/P 1>>>>>>",
    ),
    "page labels": ("Root", "<</PageLabels<</Nums[0<</S/r>>4<</S/D/P(A-)>>]>>>>"),
    "slides that fade": ("Root", "<</Data<</Trans<</S/Fade>>>>>>"),
    "short names": ("Stream", "<</F/Fl>>"),
    "short names, in a list": ("Stream", "<</F[/A85/Fl]>>"),
    "group": ("Stream", "<</Subtype/Form/Group<</S/Transparency>>>>"),
}


def holding(where: str, source: str, *, apart: bool) -> bytes:
    """A file with this in it, each dictionary in it an object of its own or not."""

    def change(pdf: pikepdf.Pdf) -> None:
        given: Any = pikepdf.Object.parse(source.encode())
        holder: Any = pikepdf.Stream(pdf, b"") if where == "Stream" else pdf.Root
        if where == "Annot":
            holder = Dictionary(Subtype=Name.Link, Rect=[0, 0, 9, 9])
            pdf.pages[0].Annots = Array([holder])
            holder = pdf.pages[0].Annots[0]
        if where == "Stream":
            pdf.Root.Data = holder
        for key, value in given.items():
            holder[key] = split(pdf, value) if apart else value

    return pdfs.made(change)


def split(pdf: pikepdf.Pdf, value: Any) -> Any:
    if isinstance(value, Dictionary):
        for key in list(value.keys()):
            value[key] = split(pdf, value[key])
        return pdf.make_indirect(value)
    if isinstance(value, Array):
        return Array([split(pdf, one) for one in value])
    return value


@pytest.mark.parametrize("apart", [False, True])
def test_nothing_acts_by_itself_or_leads_out(apart: bool) -> None:
    said = {name: examined(holding(*given, apart=apart)) for name, given in ACTS.items()}
    assert {name for name, one in said.items() if one != pdf_check.ACTIVE} == set()


@pytest.mark.parametrize("apart", [False, True])
def test_what_plain_writers_put_in_a_file_passes(apart: bool) -> None:
    said = {name: examined(holding(*given, apart=apart)) for name, given in PASSES.items()}
    assert {name for name, one in said.items() if one != pdf_check.FINE} == set()


def test_a_tagged_document_of_another_program_passes() -> None:
    text = b'#set document(title: "T")\n#set heading(numbering: "1")\n#outline()\n= Un\n'
    text += b'Voir @b et #link("https://a.fr").\n= Deux <b>'
    made = typst.compile(text, pdf_standards="ua-1")
    assert examined(made) == pdf_check.FINE


def test_what_the_library_could_not_read_is_not_taken_for_harmless() -> None:
    """It goes on with nothing in its place; another reader may read it, and do it."""
    for source, said in (
        (b"<</A<</S/JavaScript/JS(x)>>", pdf_check.UNREADABLE),
        (b"<</A<</S/JavaScript/D(a)/S/GoTo>>>>", pdf_check.UNREADABLE),
        (b"<</S/GoTo/D(a) 7/Title(b)>>", pdf_check.UNREADABLE),
        (b"[" * 600 + b"<</S/JavaScript/JS(x)>>" + b"]" * 600, pdf_check.TOO_COMPLEX),
    ):
        assert examined(pdfs.packed(source)) == said, source[:60]


def test_what_is_too_large_unpacked_is_not_taken_for_harmless() -> None:
    script = pdfs.packed(b"<</S/JavaScript/JS(x)>>", blanks=17 * 2**20)
    before = pdf_check._bound_the_library()
    try:
        for large in (script, pdfs.bomb()):
            assert examined(large) == pdf_check.TOO_COMPLEX
    finally:
        pikepdf.settings.set_qpdf_limits(**before)


def test_the_file_is_opened_by_a_process_of_its_own_with_bounds(tmp_path: Path) -> None:
    """Of which one is for numbers: 8 KB held 700 MiB for 12 s."""
    numbers = pdfs.packed(b"[" + b"0 " * 4_000_000 + b"]")
    assert len(numbers) < 9_000
    with tempfile.TemporaryFile() as file:
        for content, said in (
            (pdfs.made(pdfs.on_opening), pdf_check.ACTIVE),
            (numbers, pdf_check.TOO_COMPLEX),
        ):
            file.seek(0)
            file.truncate()
            file.write(content)
            assert pdf_check.problem(file, tmp_path) == said
            assert file.tell() == 0


def test_the_process_bounds_itself_before_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: dict[int, int] = {}

    class Stdin:
        @property
        def buffer(self) -> io.BytesIO:
            assert bounds == {
                resource.RLIMIT_AS: 384 * 2**20,
                resource.RLIMIT_CPU: 5,
                resource.RLIMIT_CORE: 0,
                signal.SIGALRM: 30,
            }
            assert pikepdf.settings.get_qpdf_limits()["flate_max_memory"] == 16 * 2**20
            return io.BytesIO(pdfs.page())

    monkeypatch.setattr(resource, "setrlimit", lambda what, most: bounds.update({what: most[1]}))
    monkeypatch.setattr(signal, "alarm", lambda most: bounds.update({signal.SIGALRM: most}))
    monkeypatch.setattr("sys.stdin", Stdin())
    before = pikepdf.settings.get_qpdf_limits()
    try:
        pdf_check._main()
    finally:
        pikepdf.settings.set_qpdf_limits(**before)
    assert len(bounds) == 4


def test_a_large_scan_passes_within_the_bounds(tmp_path: Path) -> None:
    def scanned(pdf: pikepdf.Pdf) -> None:
        for _ in range(25):
            image = pdf.make_stream(random.randbytes(2**20 - 3000), Subtype=Name.Image)
            image.Filter = Name.DCTDecode
            pdf.add_blank_page().obj.Resources = Dictionary(XObject=Dictionary(I=image))

    upload = TemporaryUploadedFile("a.pdf", "application/pdf", 0, None)  # given as a file
    upload.write(pdfs.made(scanned))
    assert pdf_check.problem(upload, tmp_path) == pdf_check.FINE  # type: ignore[arg-type]
    assert upload.read(5) == b"%PDF-"


def test_two_files_are_looked_at_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told so, and a place comes back when its file has been looked at."""
    monkeypatch.setattr(pdf_check, "WAIT_SECONDS", 0)
    seen: list[str] = []

    def within(**given: Any) -> str:
        """As the process that looks, while others ask."""
        (place,) = given["pass_fds"]
        assert Path(f"/proc/self/fd/{place}").readlink().parent == tmp_path  # the child's too
        seen.append(pdf_check.problem(io.BytesIO(pdfs.page()), tmp_path))
        return "fine"

    def run(*_command: object, **given: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], 0, within(**given).encode())

    monkeypatch.setattr(pdf_check.subprocess, "run", run)
    for _ in range(2):
        assert pdf_check.problem(io.BytesIO(pdfs.page()), tmp_path) == pdf_check.FINE
    assert seen == [pdf_check.BUSY, pdf_check.FINE] * 2


def test_every_refusal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = set()
    for problem in pdf_check.PROBLEMS:
        monkeypatch.setattr(pdf_check, "problem", lambda file, locks, said=problem: said)
        with pytest.raises(uploads.UploadRefused) as refusal:
            uploads.store(None, SimpleUploadedFile("a.pdf", pdfs.page()), by=None)  # type: ignore[arg-type]
        assert any(
            word in str(refusal.value)
            for word in ("nregistrez", "éposez", "hoisissez", "opiez", "réessayez dans une minute")
        )
        sentences.add(str(refusal.value))
    assert len(sentences) == len(pdf_check.PROBLEMS)
