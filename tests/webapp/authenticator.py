"""A passkey authenticator in software, which answers as a browser would send it.

It makes ES256 keys (WebAuthn level 2, sections 6.5 and 7) and can be told to lie.
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One passkey of one person."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    sign_count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def made(self, options: dict[str, Any]) -> str:
        """The answer to options of a registration."""
        client_data = self._client_data("webauthn.create", options["challenge"])
        numbers = self.key.public_key().public_numbers()
        public_key = cbor2.dumps(
            {
                1: 2,
                3: -7,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        attested = (
            self._authenticator_data(self.flags | ATTESTED)
            + bytes(16)
            + struct.pack(">H", len(self.credential_id))
            + self.credential_id
            + public_key
        )
        attestation = {"fmt": "none", "attStmt": {}, "authData": attested}
        return self._answer(
            clientDataJSON=_text(client_data),
            attestationObject=_text(cbor2.dumps(attestation)),
        )

    def used(self, options: dict[str, Any]) -> str:
        """The answer to options of a login."""
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._authenticator_data(self.flags)
        signature = self.key.sign(
            data + sha256(client_data).digest(), ec.ECDSA(SHA256())
        )
        return self._answer(
            clientDataJSON=_text(client_data),
            authenticatorData=_text(data),
            signature=_text(signature),
            userHandle=None,
        )

    def _authenticator_data(self, flags: int) -> bytes:
        self.sign_count += 1
        digest = sha256(self.rp_id.encode()).digest()
        return digest + struct.pack(">BI", flags, self.sign_count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        facts = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(facts).encode()

    def _answer(self, **response: object) -> str:
        return json.dumps(
            {
                "id": _text(self.credential_id),
                "rawId": _text(self.credential_id),
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
