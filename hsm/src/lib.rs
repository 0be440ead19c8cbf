//! PKCS#11: the keys of the service on a token.
