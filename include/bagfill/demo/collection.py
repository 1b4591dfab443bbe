"""The sample collection: what real collections hold and scripts trip over, and three bags not to be registered."""

from __future__ import annotations

import unicodedata

from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.demo.bag_maker import BagMaker, FetchedFile, SampleBag
from bagfill.demo.content import noise, text
from bagfill.ingests.reasons import Reason

LARGE_FILE_BYTES = 100 * 1000 * 1000


def sample_collection(
    bucket: str, prefix: str = "", *, large_file_bytes: int = LARGE_FILE_BYTES
) -> tuple[SampleBag, ...]:
    """Every sample bag version, ascending by bag and version.

    Args:
        bucket: of the primary location (``fetch.txt`` names it).
        prefix: of the primary location: empty, or ending in ``/``.
        large_file_bytes: size of the large file; tests make it small.
    """
    maker = BagMaker(bucket, prefix)
    bags = (
        *_versions(maker),
        *_identifiers(maker),
        *_contents(maker, large_file_bytes),
        *_archived(maker),
        *_bad(maker),
    )
    return tuple(sorted(bags, key=lambda bag: bag.id))


def find_bag(bags: tuple[SampleBag, ...], bag_version: BagVersionId) -> SampleBag | None:
    """The sample with this name, if it is one."""
    return next((bag for bag in bags if bag.id == bag_version), None)


def _versions(maker: BagMaker) -> tuple[SampleBag, ...]:
    mets, page, second, cover = text("<mets/>\n"), noise(300_000, 1), noise(250_000, 2), noise(64_000, 3)
    revised = text("<mets revised='true'/>\n")
    return (
        maker.make(
            "digitised/b12345672",
            1,
            "first of three versions",
            {"b12345672.xml": mets, "images/0001.jp2": page, "images/0002.jp2": second},
        ),
        maker.make(
            "digitised/b12345672",
            2,
            "fetch.txt: two files lie in v1",
            {"b12345672.xml": revised},
            fetched={
                "images/0001.jp2": FetchedFile("v1/data/images/0001.jp2", page),
                "images/0002.jp2": FetchedFile("v1/data/images/0002.jp2", second),
            },
        ),
        maker.make(
            "digitised/b12345672",
            3,
            "fetch.txt: files lie in v1 and v2, one under another name",
            {"images/cover.jp2": cover},
            fetched={
                "b12345672.xml": FetchedFile("v2/data/b12345672.xml", revised),
                "images/0001.jp2": FetchedFile("v1/data/images/0001.jp2", page),
                "images/0003.jp2": FetchedFile("v1/data/images/0002.jp2", second),
            },
        ),
    )


def _identifiers(maker: BagMaker) -> tuple[SampleBag, ...]:
    return (
        maker.make("born-digital/PP/MIA/1", 1, "slashes in the identifier", {"letter.txt": text("Dear all\n")}),
        maker.make(
            "born-digital/PP MIA 2", 1, "spaces in the identifier", {"minutes of 3 May.txt": text("Present: 4\n")}
        ),
        maker.make("born-digital/SA.GEO.7", 1, "dots in the identifier", {"map.v2.tif": noise(120_000, 4)}),
    )


def _contents(maker: BagMaker, large_file_bytes: int) -> tuple[SampleBag, ...]:
    decomposed = unicodedata.normalize("NFD", "Épreuve corrigée.txt")
    return (
        maker.make(
            "digitised/b20000022",
            1,
            f"a file of {large_file_bytes / 1_000_000:.0f} MB",
            {"film.mxf": noise(large_file_bytes, 5), "film.xml": text("<film/>\n")},
        ),
        maker.make(
            "born-digital/names",
            1,
            "Unicode, per cent and plus in names",
            {
                "100% wool + 5%.txt": text("per cent and plus\n"),
                "a%20b+c%2Fd.txt": text("looks encoded, is not\n"),
                "日本語/資料.txt": text("shiryō\n"),
                decomposed: text("decomposed accents\n"),
                "emoji 📦 & 'quotes' #1?.txt": text("punctuation\n"),
            },
        ),
        maker.make(
            "born-digital/names",
            2,
            "an empty file, deep folders",
            {"empty.txt": text(""), "a/b/c/d/e/deep.txt": text("deep\n")},
        ),
        maker.make(
            "born-digital/old-tools",
            1,
            "tag files with CRLF",
            {"a.txt": text("a\r\n"), "b.txt": text("b\r\n")},
            line_end="\r\n",
        ),
        maker.make("born-digital/old-tools", 2, "digests in upper case", {"a.bin": noise(5_000, 6)}, upper_case=True),
        maker.make(
            "born-digital/old-tools",
            3,
            "SHA-256, SHA-512 and MD5",
            {"page.jp2": noise(200_000, 7)},
            algorithms=(Algorithm.MD5, Algorithm.SHA256, Algorithm.SHA512),
        ),
    )


def _archived(maker: BagMaker) -> tuple[SampleBag, ...]:
    return (
        maker.make(
            "digitised/b30000016",
            1,
            "two of four files in GLACIER",
            {
                "master-1.tif": noise(900_000, 8),
                "master-2.tif": noise(800_000, 9),
                "access-1.jpg": noise(40_000, 10),
                "access-2.jpg": noise(30_000, 11),
            },
            archived={"master-1.tif": "GLACIER", "master-2.tif": "GLACIER"},
        ),
        maker.make(
            "digitised/b30000028",
            1,
            "everything in DEEP_ARCHIVE",
            {"tape-1.wav": noise(1_500_000, 12), "tape-2.wav": noise(700_000, 13)},
            archive_class="DEEP_ARCHIVE",
        ),
    )


def _bad(maker: BagMaker) -> tuple[SampleBag, ...]:
    return (
        maker.make(
            "born-digital/bit-rot",
            1,
            "a payload file is corrupt at the source",
            {"good.bin": noise(20_000, 14), "rotten.bin": noise(20_000, 15)},
            swapped={"rotten.bin": noise(20_000, 16)},
            expected=Reason.SOURCE_CORRUPT,
        ),
        maker.make(
            "born-digital/SATSY/1821/4",
            1,
            "a file name that ends with a dot, which Azure drops",
            {"Notes etc.": text("an old name\n"), "plain.txt": text("plain\n")},
            expected=Reason.NAME_REFUSED,
        ),
        maker.make(
            "digitised/b40000019",
            1,
            "other bytes already lie at the destination",
            {"page.jp2": noise(10_000, 17), "page.xml": text("<page/>\n")},
            expected=Reason.OTHER_BYTES_AT_DESTINATION,
            planted={"data/page.jp2": noise(10_000, 18)},
        ),
    )
