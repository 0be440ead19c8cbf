"""What no schema says, put into the bodies that schemathesis draws as valid ones, so that they get past
the door: who asks, whom, and what is shown. Everything else in them is schemathesis's.

Each call is noted in the file CALLS, a line each: the operation and the status of the answer.
"""

import base64
import os
import re

import schemathesis

VALID = {
    "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
    "relyingPartyName": "DEMO",
    # [{"type":"confirmationMessage","displayText200":"Login?"}]
    "interactions": "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZ2luPyJ9XQ==",
    "allowedInteractionsOrder": [{"type": "displayTextAndPIN", "displayText60": "Login?"}],
    # What a relying party may not do here.
    "certificateLevel": "QUALIFIED",
    "capabilities": [],
}
ACCOUNT = "PNOEE-40504040001-DEM0-Q"
PERSON = "PNOEE-40504040001"


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    valid = {name: VALID.get(name, value) for name, value in body.items()}
    if "hash" in valid:
        valid["hash"] = octets(valid.get("hashType"))
    parameters = valid.get("signatureProtocolParameters")
    if isinstance(parameters, dict):
        valid["signatureProtocolParameters"] = with_octets(parameters)
    if isinstance(valid.get("requestProperties"), dict):
        valid["requestProperties"] = {**valid["requestProperties"], "shareMdClientIpAddress": False}
    return valid


def with_octets(parameters):
    """What is to be signed: as long as the algorithm's hash."""
    inner = parameters.get("signatureAlgorithmParameters")
    algorithm = parameters.get("signatureAlgorithm")
    if algorithm == "rsassa-pss" and isinstance(inner, dict):
        algorithm = inner.get("hashAlgorithm")
    names = {"digest", "rpChallenge"} & parameters.keys()
    return {**parameters, **{name: octets(algorithm) for name in names}}


def octets(algorithm):
    bits = re.search("256|384|512", str(algorithm))
    return base64.b64encode(os.urandom(int(bits[0]) // 8 if bits else 32)).decode()


@schemathesis.hook
def map_path_parameters(context, parameters):
    if not isinstance(parameters, dict) or "session" in context.operation.path:
        return parameters
    whom = ACCOUNT if "etsi" not in context.operation.path else PERSON
    return {**parameters, "id": whom}


@schemathesis.hook
def after_call(context, case, response):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(f"{case.operation.label} {response.status_code}\n")
