"""Mails in containers, built byte by byte: S/MIME as programs write it."""

import base64
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from trustme import CA

INNER = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"The offer is attached.\r\n--b\r\n"
    b'Content-Type: text/csv\r\nContent-Disposition: attachment; filename="offer.csv"\r\n\r\na,b\r\n--b--\r\n'
)
"""A text and a file, as signed."""

OID = {
    "data": bytes.fromhex("06092a864886f70d010701"),
    "signed": bytes.fromhex("06092a864886f70d010702"),
    "enveloped": bytes.fromhex("06092a864886f70d010703"),
    "digested": bytes.fromhex("06092a864886f70d010705"),
    "encrypted": bytes.fromhex("06092a864886f70d010706"),
    "auth-enveloped": bytes.fromhex("060b2a864886f70d0109100117"),
}
VERSION, NO_ALGORITHMS = b"\x02\x01\x01", b"\x31\x00"


def der(tag: int, *content: bytes) -> bytes:
    """An element with its length."""
    inside = b"".join(content)
    size = len(inside)
    if size < 0x80:
        return bytes([tag, size]) + inside
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 + len(length)]) + length + inside


def ber(tag: int, *content: bytes) -> bytes:
    """An element that only its end ends."""
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


def in_pieces(content: bytes, size: int) -> bytes:
    """An octet string as programs write it that do not know its length yet."""
    return ber(0x24, *(der(0x04, content[at : at + size]) for at in range(0, len(content), size)))


def content_info(kind: str, *content: bytes) -> bytes:
    return der(0x30, OID[kind], der(0xA0, der(0x30, *content)))


def signed_data(octets: bytes) -> bytes:
    """What is signed by nobody, around an octet string."""
    return content_info("signed", VERSION, NO_ALGORITHMS, der(0x30, OID["data"], der(0xA0, octets)), NO_ALGORITHMS)


def streamed_data(content: bytes, size: int = 1000) -> bytes:
    """The same with every length left open."""
    algorithms = ber(0x31, ber(0x30, bytes.fromhex("0609608648016503040201")))
    octets = ber(0xA0, in_pieces(content, size))
    inside = ber(0x30, VERSION, algorithms, ber(0x30, OID["data"], octets), ber(0x31))
    return ber(0x30, OID["signed"], ber(0xA0, inside))


@cache
def really_signed(content: bytes) -> bytes:
    """Signed by a key and its certificate, as DER."""
    issued = CA().issue_cert("bea@example.org")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signer = builder.add_signer(certificate, key, hashes.SHA256())
    return signer.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def part(content_type: str, content: bytes) -> bytes:
    """A part, or what follows a mail's own fields."""
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + base64.encodebytes(
        content
    ).replace(b"\n", b"\r\n")


def mail(*parts: bytes) -> bytes:
    """A mail of one part, or of several in a multipart/mixed."""
    head = b"From: Bea <bea@example.org>\r\nTo: ada@agents.example\r\nSubject: Offer\r\n"
    if len(parts) == 1:
        return head + parts[0]
    body = b"".join(b"--outer\r\n" + each + b"\r\n" for each in parts)
    return head + b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" + body + b"--outer--\r\n"


def smime(content: bytes) -> bytes:
    """The part of an S/MIME mail."""
    return part('application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"', content)
