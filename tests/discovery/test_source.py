from weft.discovery.source import Failed


def test_a_failure_says_why_and_perhaps_when_to_ask_again():
    assert (str(Failed("SERVFAIL")), Failed("SERVFAIL").again_s, Failed("x", 7).again_s) == ("SERVFAIL", None, 7)
