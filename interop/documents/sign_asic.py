"""Makes an ASiC-E container by libdigidocpp, which Estonia's own programs are made of; the signature in
it comes from the relying-party API.

Says on standard output, a JSON object a line, first the verification code, then what libdigidocpp
itself says of the container when it opens it again.
"""

import os
import sys

import pydigidoc
from relying_party import RelyingParty, say

# In the place of the lists of what Europe trusts, to which nobody here belongs. Nothing listens there:
# libdigidocpp tries ten times, a second apart, and goes on without.
NO_LIST = "http://127.0.0.1:9/list.xml"


def initialize():
    schemas = os.path.join(os.path.dirname(pydigidoc.__file__), "schema")
    configuration = pydigidoc.DigiDocConf(schemas)
    configuration.set_tslurl(NO_LIST)
    # The library is its owner from here on.
    configuration.thisown = False
    pydigidoc.Conf.init(configuration)
    pydigidoc.initialize("interop")


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


def complaints(output):
    """What it finds wrong, a line each."""
    found = []
    # Its signatures live no longer than the container.
    container = pydigidoc.Container.open(output)
    for signature in container.signatures():
        try:
            signature.validate()
        except RuntimeError as error:
            found.extend(str(error).splitlines())
    return found


def main():
    document_number, file, output = sys.argv[1:]
    try:
        initialize()
        sign(RelyingParty.of_environment(), document_number, file, output)
        say({"ok": {"complaints": complaints(output)}})
    except Exception as error:  # whatever it is, the test shows it
        say({"error": repr(error)})


main()
