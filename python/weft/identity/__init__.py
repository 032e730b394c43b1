"""Who is who: the built-in CA, SVIDs, join tokens.

The one abstraction is the proof: a caller shows a token, an SVID or the local socket, and gets a certificate for
exactly what it proved (`signer.py`, read it first). Keys are made where they are used; the CA sees public keys only.
"""

from weft.identity.authority import Authority
from weft.identity.errors import IdentityError
from weft.identity.signer import Proof, Signed, Signer
from weft.identity.spiffe import CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE, SpiffeId

__all__ = [
    "CONTROLLER_ACCOUNT",
    "CONTROLLER_NAMESPACE",
    "Authority",
    "IdentityError",
    "Proof",
    "Signed",
    "Signer",
    "SpiffeId",
]
