"""libdigidocpp, which Estonia's own programs are made of, in a folder of its own: there it keeps the
list of trusted services that TRUST_LIST tells of (a JSON object, as trust_list.py says it)."""

import base64
import json
import os
import shutil

import pydigidoc


def initialize(folder):
    trusted = json.loads(os.environ["TRUST_LIST"])
    shutil.copytree(os.path.join(os.path.dirname(pydigidoc.__file__), "schema"), folder)
    configuration = pydigidoc.DigiDocConf(folder)
    configuration.set_tslurl(trusted["list"])
    configuration.set_tslcert(base64.b64decode(trusted["signer"]))
    configuration.set_tsurl(trusted["timeStamps"])
    # What stands in the certificates is a name that nobody has.
    responders = pydigidoc.StringMap()
    responders[trusted["issuer"]] = os.environ["OCSP_URL"]
    configuration.set_ocspurls(responders)
    # The library is its owner from here on.
    configuration.thisown = False
    pydigidoc.Conf.init(configuration)
    pydigidoc.initialize_lib("interop", folder)
