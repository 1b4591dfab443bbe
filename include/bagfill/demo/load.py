"""Archives sample objects, which only a provider's own client can do: no store of ours changes what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.ministack import MiniStack
from bagfill.storage.location import Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def archive(
    server: MiniStack, location: Location, bags: Iterable[SampleBag], *, done: Callable[[str], None] = lambda _: None
) -> int:
    """Move the objects that shall be archived to their storage class, as a lifecycle rule would.

    Args:
        server: holds them.
        location: gives bucket and keys.
        bags: name the class of each object.
        done: is told each key.

    Returns:
        how many objects were moved.
    """
    client = _client(server)
    classes = {
        location.version_prefix(bag.id) + item.path: item.storage_class
        for bag in bags
        for item in bag.objects
        if item.storage_class
    }

    def move(key: str) -> str:
        source = {"Bucket": location.bucket, "Key": key}
        # The type of the argument lists the classes; ours come from the samples.
        client.copy_object(Bucket=location.bucket, Key=key, CopySource=source, StorageClass=classes[key])  # type: ignore[arg-type]
        return key

    with ThreadPoolExecutor(4) as pool:
        for key in pool.map(move, classes):
            done(key)
    return len(classes)


def _client(server: MiniStack) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
