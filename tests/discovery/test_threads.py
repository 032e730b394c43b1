import threading

import pytest

from weft.discovery.threads import in_thread


async def test_work_is_done_elsewhere_and_its_end_comes_here():
    assert await in_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_work_that_hangs_holds_up_no_other():
    gate = threading.Event()
    hanging = [in_thread(gate.wait) for _ in range(50)]
    assert await in_thread(lambda: 1) == 1
    assert not any(each.done() for each in hanging)
    hanging[0].cancel()
    gate.set()
    assert all([await each for each in hanging[1:]])
