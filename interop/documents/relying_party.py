"""The relying-party API of version 3, as far as signing a document takes it."""

import base64
import json
import os
import urllib.request


class RelyingParty:
    def __init__(self, base, uuid, name):
        self.base = base
        self.body = {"relyingPartyUUID": uuid, "relyingPartyName": name}

    @classmethod
    def of_environment(cls):
        names = ["BASE_URL", "RELYING_PARTY_UUID", "RELYING_PARTY_NAME"]
        return cls(*(os.environ[name] for name in names))

    def ask(self, path, body=None):
        data = json.dumps({**self.body, **body}).encode() if body is not None else None
        request = urllib.request.Request(
            self.base + path, data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=70) as answer:
            return json.load(answer)

    def certificate(self, document_number):
        answer = self.ask(f"/signature/certificate/{document_number}", {})
        return base64.b64decode(answer["cert"]["value"])

    def sign(self, document_number, digest, text):
        """Says the verification code, and returns the signature over a SHA-256 digest."""
        interactions = [{"type": "confirmationMessage", "displayText200": text}]
        opened = self.ask(
            f"/signature/notification/document/{document_number}",
            {
                "signatureProtocol": "RAW_DIGEST_SIGNATURE",
                "signatureProtocolParameters": {
                    "digest": base64.b64encode(digest).decode(),
                    "signatureAlgorithm": "sha256WithRSAEncryption",
                },
                "interactions": base64.b64encode(json.dumps(interactions).encode()).decode(),
            },
        )
        say({"verificationCode": opened["vc"]["value"]})
        status = self.ask(f"/session/{opened['sessionID']}?timeoutMs=60000")
        if status["state"] != "COMPLETE" or status["result"]["endResult"] != "OK":
            raise RuntimeError(f"not signed: {status}")
        return base64.b64decode(status["signature"]["value"])


def say(told):
    print(json.dumps(told), flush=True)
