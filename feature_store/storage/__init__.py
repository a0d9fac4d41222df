"""Objects in Google Cloud Storage, by generation: the little that images and bundles need of it.

`address` (gs://bucket/name), `objects` (read, write under a precondition, list, delete), `files`
(small files that are in a folder or in a bucket: whoever uses them need not know which). Google's
library is imported when a bucket is first asked, so that whoever uses none need not install it.
"""

from feature_store.storage.address import SCHEME, Address, is_object_name, parse_address
from feature_store.storage.files import Files, open_files
from feature_store.storage.objects import Bucket, Stored, Timing, crc32c_of

__all__ = [
    "SCHEME",
    "Address",
    "Bucket",
    "Files",
    "Stored",
    "Timing",
    "crc32c_of",
    "is_object_name",
    "open_files",
    "parse_address",
]
