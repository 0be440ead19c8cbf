"""What a country has beside its signers: a list of trusted services (ETSI TS 119 612), signed, and a
time-stamp authority (RFC 3161). Serves both until it is ended.

The list names the authority in TRUSTED_ISSUING as one that issues qualified certificates, and the
time-stamp authority that is made here, in the folder given. Says on standard output, a JSON object on
a line, where both are, by whose certificate the list is signed, and the authority's name.
"""

import base64
import datetime
import http.server
import json
import os
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods

TSL = "http://uri.etsi.org/02231/v2#"
TRUSTED_LIST = "http://uri.etsi.org/TrstSvc/TrustedList"
SERVICES = "http://uri.etsi.org/TrstSvc/Svctype"

TIME_STAMPS = """
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.3
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
crypto_device = builtin
"""


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)


def certified(folder, name, *extensions):
    """A key with a certificate of its own, PEM files in the folder."""
    added = [part for extension in extensions for part in ("-addext", extension)]
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
        *("-subj", f"/C=EE/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
        *added,
    )


def certificate(file):
    with open(file, "rb") as pem:
        return x509.load_pem_x509_certificate(pem.read())


def encoded(of):
    return base64.b64encode(of.public_bytes(serialization.Encoding.DER)).decode()


def named(parent, tag, name):
    element = etree.SubElement(parent, f"{{{TSL}}}{tag}")
    text = etree.SubElement(element, f"{{{TSL}}}Name")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    text.text = name
    return element


def child(parent, tag, text=None):
    element = etree.SubElement(parent, f"{{{TSL}}}{tag}")
    element.text = text
    return element


def service(services, kind, name, identity, since):
    information = child(child(services, "TSPService"), "ServiceInformation")
    child(information, "ServiceTypeIdentifier", f"{SERVICES}/{kind}")
    named(information, "ServiceName", name)
    digital = child(child(information, "ServiceDigitalIdentity"), "DigitalId")
    child(digital, "X509Certificate", encoded(identity))
    child(information, "ServiceStatus", f"{TRUSTED_LIST}/Svcstatus/granted")
    child(information, "StatusStartingTime", since)


def trust_list(issuing, time_stamps):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    at = lambda days: (now + datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = etree.Element(f"{{{TSL}}}TrustServiceStatusList", nsmap={None: TSL}, Id="list")
    scheme = child(root, "SchemeInformation")
    child(scheme, "TSLVersionIdentifier", "5")
    child(scheme, "TSLSequenceNumber", "1")
    child(scheme, "TSLType", f"{TRUSTED_LIST}/TSLType/EUgeneric")
    named(scheme, "SchemeOperatorName", "A test")
    child(scheme, "SchemeTerritory", "EE")
    child(scheme, "ListIssueDateTime", at(0))
    child(child(scheme, "NextUpdate"), "dateTime", at(30))
    provider = child(child(root, "TrustServiceProviderList"), "TrustServiceProvider")
    named(child(provider, "TSPInformation"), "TSPName", "A test")
    services = child(provider, "TSPServices")
    service(services, "CA/QC", "Signers", issuing, at(-30))
    service(services, "TSA/QTST", "Time stamps", time_stamps, at(-30))
    return root


def signed(root, folder):
    signer = XMLSigner(
        method=methods.enveloped,
        signature_algorithm="rsa-sha256",
        digest_algorithm="sha256",
        c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
    )
    with open(os.path.join(folder, "operator.key")) as key:
        key = key.read()
    with open(os.path.join(folder, "operator.pem")) as pem:
        pem = pem.read()
    return etree.tostring(signer.sign(root, key=key, cert=pem))


def serving(folder, listed):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer("application/vnd.etsi.tsl+xml", listed)

        def do_POST(self):
            with open(os.path.join(folder, "query"), "wb") as query:
                query.write(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(
                folder,
                *("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query"),
                *("-signer", "time-stamps.pem", "-inkey", "time-stamps.key", "-out", "reply"),
            )
            with open(os.path.join(folder, "reply"), "rb") as reply:
                self.answer("application/timestamp-reply", reply.read())

        def answer(self, kind, content):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    return http.server.HTTPServer(("127.0.0.1", 0), Handler)


def main():
    (folder,) = sys.argv[1:]
    certified(folder, "operator")
    certified(
        folder,
        "time-stamps",
        "extendedKeyUsage=critical,timeStamping",
        "keyUsage=critical,digitalSignature",
        "basicConstraints=critical,CA:FALSE",
    )
    for name, content in [("tsa.cnf", TIME_STAMPS), ("serial", "01\n")]:
        with open(os.path.join(folder, name), "w") as file:
            file.write(content)
    issuing = certificate(os.environ["TRUSTED_ISSUING"])
    time_stamps = certificate(os.path.join(folder, "time-stamps.pem"))
    server = serving(folder, signed(trust_list(issuing, time_stamps), folder))
    address = f"http://127.0.0.1:{server.server_port}"
    (name,) = issuing.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    told = {
        "list": f"{address}/list.xml",
        "timeStamps": f"{address}/time-stamps",
        "signer": encoded(certificate(os.path.join(folder, "operator.pem"))),
        "issuer": name.value,
    }
    print(json.dumps({"ok": told}), flush=True)
    server.serve_forever()


main()
