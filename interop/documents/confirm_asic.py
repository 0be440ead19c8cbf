"""Has libdigidocpp add to the signature in an ASiC-E container when it was made (a time stamp) and that
its certificate held then (an OCSP answer), unless that is there already, and judge the whole when it
opens the container again.

Says on standard output, as a JSON object, what it finds.
"""

import sys

import digidoc
import pydigidoc
from relying_party import say

CONFIRMED = "time-stamp"


def confirm(file):
    container = pydigidoc.Container.open(file)
    (signature,) = container.signatures()
    if signature.profile().endswith(CONFIRMED):
        return
    signer = pydigidoc.ExternalSigner(signature.signing_certificate())
    signer.set_profile(CONFIRMED)
    signature.extend_signature_profile(signer)
    container.save()


def judge(file):
    # Its signatures live no longer than the container.
    container = pydigidoc.Container.open(file)
    (signature,) = container.signatures()
    signature.validate()
    return {
        "profile": signature.profile(),
        "signer": signature.signed_by(),
        "signed": signature.trusted_signing_time(),
        "good": signature.ocspproduced_at(),
    }


def main():
    file, library = sys.argv[1:]
    try:
        digidoc.initialize(library)
        confirm(file)
        say({"ok": judge(file)})
    except Exception as error:  # whatever it is, the test shows it
        say({"error": str(error)})


main()
