"""The emulator's certificate authority, its server certificate and what clients need to trust them.

A new authority is made at every start and its private key never leaves the server's memory, so a
bundle left behind by an earlier run is worth nothing to anyone.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105  (the JVM's own default; the store holds no secret)
NAMES = ("localhost", "127.0.0.1", "::1", "*.localhost", "*.s3.localhost")


def server_context(ca_bundle: Path, truststore: Path) -> ssl.SSLContext:
    """Make a certificate authority and return the TLS context of a server that it certifies.

    Writes the public side for clients: ``ca_bundle`` (PEM: this authority and the public roots, so
    that one file serves for every connection of a process) and ``truststore`` (PKCS #12 for JVMs,
    password ``changeit``, this authority only).
    """
    authority = trustme.CA(organization_name="meshtest emulator")
    pem = authority.cert_pem.bytes()
    ca_bundle.write_bytes(pem + Path(certifi.where()).read_bytes())
    truststore.write_bytes(_java_truststore(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert(*NAMES).configure_cert(context)
    return context


def _java_truststore(pem: bytes) -> bytes:
    certificate = x509.load_pem_x509_certificate(pem)
    entry = PKCS12Certificate(certificate, b"meshtest-emulator")
    return serialize_java_truststore([entry], BestAvailableEncryption(TRUSTSTORE_PASSWORD.encode()))
