"""What pyHanko says of the signatures in a PDF, under the root that it is given alone."""

import json
import os
import sys

from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext


def certificate_in(path):
    with open(path, "rb") as file:
        return x509.Certificate.load(pem.unarmor(file.read())[2])


def judge(signature, trusting):
    judged = validate_pdf_signature(signature, trusting)
    return {
        "intact": judged.intact,
        "valid": judged.valid,
        "trusted": judged.trusted,
        "coverage": judged.coverage.name,
        "changes": judged.modification_level.name,
        "kind": str(signature.sig_object["/SubFilter"]),
        "signer": judged.signing_cert.subject.native["serial_number"],
    }


def main():
    root = certificate_in(os.environ["TRUSTED_ROOT"])
    trusting = ValidationContext(trust_roots=[root], allow_fetching=False)
    try:
        with open(sys.argv[1], "rb") as file:
            signatures = PdfFileReader(file).embedded_signatures
            judged = [judge(each, trusting) for each in signatures]
            told = {"ok": {"signatures": judged}}
    except Exception as error:  # whatever it is, the test shows it
        told = {"error": repr(error)}
    print(json.dumps(told), flush=True)


main()
