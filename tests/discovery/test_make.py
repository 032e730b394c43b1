from weft.discovery.dns import Dns
from weft.discovery.files import File
from weft.discovery.make import maker
from weft.resources.source import Source


async def test_each_kind_is_made():
    make = maker()
    assert isinstance(make(Source.model_validate({"dns": "db.example.com"}), False), Dns)
    assert isinstance(make(Source.model_validate({"file": "/etc/weft/db.yaml"}), True), File)
