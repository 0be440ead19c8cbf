"""Signs a PDF as a relying party does: pyHanko makes document and signature container, the
signature itself comes from the relying-party API of version 3.

Says on standard output, a JSON object a line, first the verification code, then what came of it.
pyHanko then judges its own work under the root that it is given.
"""

import asyncio
import hashlib
import os
import sys

from asn1crypto import pem, x509
from asn1crypto.algos import SignedDigestAlgorithm
from pyhanko.pdf_utils import generic, writer
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore
from relying_party import RelyingParty, say


class RemoteSigner(signers.Signer):
    """A signer whose key nobody here has."""

    def __init__(self, relying_party, document_number, authorities):
        self.relying_party = relying_party
        self.document_number = document_number
        certificates = SimpleCertificateStore()
        certificates.register_multiple(authorities)
        super().__init__(
            signing_cert=x509.Certificate.load(relying_party.certificate(document_number)),
            cert_registry=certificates,
            signature_mechanism=SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
        )

    async def async_sign_raw(self, data, digest_algorithm, dry_run=False):
        if dry_run:
            return bytes(512)
        digest = hashlib.new(digest_algorithm, data).digest()
        return self.relying_party.sign(self.document_number, digest, "Sign the PDF?")


def blank_document():
    """One page with a line of text, for there to be something that is signed."""
    document = writer.PdfFileWriter()
    font = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Font"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/Type1"),
            generic.pdf_name("/BaseFont"): generic.pdf_name("/Helvetica"),
        }
    )
    content = RawContent(
        b"BT /F1 18 Tf 60 700 Td (An agreement) Tj ET", box=BoxConstraints(width=595, height=842)
    )
    page = writer.PageObject(
        contents=document.add_object(generic.StreamObject(stream_data=content.render())),
        media_box=(0, 0, 595, 842),
        resources=generic.DictionaryObject(
            {
                generic.pdf_name("/Font"): generic.DictionaryObject(
                    {generic.pdf_name("/F1"): document.add_object(font)}
                )
            }
        ),
    )
    document.insert_page(page)
    return document


async def sign(relying_party, document_number, root, issuing, output):
    document = blank_document()
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    signer = RemoteSigner(relying_party, document_number, [issuing, root])
    with open(output, "w+b") as file:
        await signers.async_sign_pdf(document, metadata, signer=signer, output=file)
    with open(output, "rb") as file:
        embedded = PdfFileReader(file).embedded_signatures[0]
        trusting = ValidationContext(
            trust_roots=[root], other_certs=[issuing], allow_fetching=False
        )
        judged = await async_validate_pdf_signature(embedded, trusting)
        return {
            "intact": judged.intact,
            "valid": judged.valid,
            "trusted": judged.trusted,
            "coverage": judged.coverage.name,
            "signer": judged.signing_cert.subject.native["serial_number"],
        }


def certificate_in(path):
    with open(path, "rb") as file:
        return x509.Certificate.load(pem.unarmor(file.read())[2])


def main():
    document_number, output = sys.argv[1:]
    relying_party = RelyingParty.of_environment()
    root = certificate_in(os.environ["TRUSTED_ROOT"])
    issuing = certificate_in(os.environ["TRUSTED_ISSUING"])
    try:
        say({"ok": asyncio.run(sign(relying_party, document_number, root, issuing, output))})
    except Exception as error:  # whatever it is, the test shows it
        say({"error": repr(error)})


main()
