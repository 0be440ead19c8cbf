"""Makes an ASiC-E container by libdigidocpp; the signature in it comes from the relying-party API, and
nobody has confirmed yet when it was made.

Says on standard output, a JSON object a line, first the verification code, then that it is done.
"""

import sys

import digidoc
import pydigidoc
from relying_party import RelyingParty, say


def sign(relying_party, document_number, file, output):
    container = pydigidoc.Container.create(output)
    container.add_data_file(file, "text/plain")
    signer = pydigidoc.ExternalSigner(relying_party.certificate(document_number))
    signer.set_profile("BES")
    signature = container.prepare_signature(signer)
    digest = signature.data_to_sign()
    signature.set_signature_value(
        relying_party.sign(document_number, digest, "Sign the container?")
    )
    container.save()


def main():
    document_number, file, output, library = sys.argv[1:]
    try:
        digidoc.initialize(library)
        sign(RelyingParty.of_environment(), document_number, file, output)
        say({"ok": {}})
    except Exception as error:  # whatever it is, the test shows it
        say({"error": repr(error)})


main()
