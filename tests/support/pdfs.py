"""PDFs for tests: the smallest that opens, and some that no desk should keep."""

import io
import struct
import zlib
from collections.abc import Callable

import pikepdf
from pikepdf import Array, Dictionary, Name, String


_PAGE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n"
)


def page(words: str = "") -> bytes:
    """One empty page; `words` make it another file."""
    return _PAGE + f"%{words}\n%%EOF\n".encode()


def made(change: Callable[[pikepdf.Pdf], object] = lambda pdf: None, **how: object) -> bytes:
    """One page as a library writes it (objects in compressed streams), changed by a function."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    change(pdf)
    out = io.BytesIO()
    how.setdefault("object_stream_mode", pikepdf.ObjectStreamMode.generate)
    pdf.save(out, **how)  # type: ignore[arg-type]
    return out.getvalue()


def script(kind: str = "/JavaScript") -> Dictionary:
    return Dictionary(S=Name(kind), JS=String("app.alert(1)"))


def with_attachment(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["virus.exe"] = b"MZ"


def with_attachment_of_an_annotation(pdf: pikepdf.Pdf) -> None:
    file = pdf.make_stream(b"MZ")
    spec = Dictionary(Type=Name.Filespec, F=String("a.exe"), EF=Dictionary(F=file))
    note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, FS=spec, Rect=[0, 0, 1, 1])
    pdf.pages[0].Annots = Array([pdf.make_indirect(note)])


def on_opening(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = script()


def hidden_name(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name("/J#61vaScript"), JS=pdf.make_stream(b"app.alert(1)"))


def in_names(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=[String("a"), script()]))


def launching(pdf: pikepdf.Pdf) -> None:
    action = Dictionary(S=Name.Launch, F=String("cmd.exe"))
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=action)
    pdf.pages[0].Annots = Array([link])


def in_a_field(pdf: pikepdf.Pdf) -> None:
    field = Dictionary(FT=Name.Tx, T=String("t"), AA=Dictionary(K=script()))
    pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(field)]))


def of_a_page(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.URI, URI=String("https://example.org")))


def after_another_action(pdf: pikepdf.Pdf) -> None:
    going = Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit]), Next=Array([script()]))
    pdf.Root.Outlines = Dictionary(First=pdf.make_indirect(Dictionary(A=going)))


def xfa(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xdp/>"))


def rich_media(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].Annots = Array([Dictionary(Subtype=Name.RichMedia, Rect=[0, 0, 1, 1])])


def harmless(pdf: pikepdf.Pdf) -> None:
    """What plain writers put in a PDF, near what is refused."""
    pdf.Root.OpenAction = Array([pdf.pages[0].obj, Name.Fit])
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([])))
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=[0, 0, 9, 9],
        A=Dictionary(S=Name.URI, URI=String("https://example.org")),
    )
    pdf.pages[0].Annots = Array([link])
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 1, 1])
    group = Dictionary(S=Name.Transparency, Type=Name.Group)
    pdf.pages[0].obj.Group = group
    pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(AA=font), XObject=Dictionary(JS=form))


def bomb() -> bytes:
    """More blanks than a computer should unpack before an object that every reader must read."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"
    return packed(page, blanks=2**26, as_page=True)


def packed(source: bytes, *, blanks: int = 0, as_page: bool = False) -> bytes:
    """One page, and an object in a compressed stream after so many blanks: it is the page, or
    something that the catalogue holds."""
    packer = zlib.compressobj(9)
    block = b" " * 2**20
    body = packer.compress(b"6 0 ") + b"".join(packer.compress(block) for _ in range(blanks >> 20))
    body += packer.compress(source) + packer.flush()
    file, starts = b"%PDF-1.5\n", []
    for number, content in enumerate(
        (
            b"<</Type/Catalog/Pages 2 0 R/Data 6 0 R>>",
            b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (6 if as_page else 3),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
            b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%s\nendstream "
            % (len(body), body),
        ),
        start=1,
    ):
        starts.append(len(file))
        file += b"%d 0 obj%sendobj\n" % (number, content)
    where = [(0, 0, 65535), *((1, start, 0) for start in [*starts, len(file)]), (2, 4, 0)]
    table = b"".join(struct.pack(">BIH", *one) for one in where)
    end = b"5 0 obj<</Type/XRef/Size 7/W[1 4 2]/Root 1 0 R/Length %d>>stream\n" % len(table)
    return file + end + table + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % len(file)
