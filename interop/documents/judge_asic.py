"""What signxml says of the signature in an ASiC-E container, under the authorities that it is given
alone: chain, signature, and the digest of every file in it."""

import json
import os
import sys
import zipfile

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy
from lxml import etree
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

SIGNATURE = "META-INF/signatures0.xml"


def for_signatures(_policy, _certificate, usage):
    if not usage.content_commitment:
        raise ValueError("the certificate is not for signatures")


def judge(container):
    names = container.namelist()
    files = [name for name in names if name != "mimetype" and not name.startswith("META-INF/")]
    leaf = ExtensionPolicy.permit_all().require_present(
        x509.KeyUsage, Criticality.CRITICAL, for_signatures
    )
    covered = []

    def resolve(name):
        covered.append(name)
        return container.read(name)

    XAdESVerifier().verify(
        etree.fromstring(container.read(SIGNATURE)),
        ca_pem_file=os.environ["TRUSTED_AUTHORITIES"],
        uri_resolver=resolve,
        ee_policy=leaf,
        # The files, and the properties of the signature.
        expect_config=XAdESSignatureConfiguration(expect_references=len(files) + 1),
    )
    return {
        "type": container.read("mimetype").decode(),
        "first": names[0],
        "files": files,
        "covered": covered,
    }


def main():
    try:
        with zipfile.ZipFile(sys.argv[1]) as container:
            told = {"ok": judge(container)}
    except Exception as error:  # whatever it is, the test shows it
        told = {"error": repr(error)}
    print(json.dumps(told), flush=True)


main()
