"""Faults of what goes through the channel: whatever a backend closes, reads, or writes, wherever it finds to write."""

import gc
import json
import os
import sys
import time

from gradsuite.worker import frames
from gradsuite.worker.channel import Channel

from tests.faults.table import fault

NO_ANSWER = "what came through the worker's pipe is no answer"
DESCRIPTORS = range(3, 4096)


def write(*texts):
    """Write to all that is open."""
    for descriptor in DESCRIPTORS:
        for text in texts:
            try:
                os.write(descriptor, text)
            except OSError:
                break
    return []


def forge(message, *, number=0, secret=None, length=None, cut=None):
    """Write a frame as only the worker could, whose parts may be wrong, or its beginning."""
    gc.unfreeze()  # what a worker keeps for good is not looked through otherwise
    (channel,) = (one for one in gc.get_objects() if isinstance(one, Channel))
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    secret, number = secret or channel.incoming.secret, channel.incoming.number + number
    header = frames.HEADER.pack(secret, number, len(text) if length is None else length)
    os.write(channel.replies, (header + text)[:cut])
    return []


@fault("error", NO_ANSWER)
def writes_bytes():
    return write(b"\xff\x00 not an answer")


@fault("error", NO_ANSWER)
def writes_one_byte():
    return write(b"!")


@fault("error", NO_ANSWER)
def writes_a_line_of_json():
    return write(b'{"status": "ok", "done": true, "measurements": [], "changed": []}\n')


@fault("error", NO_ANSWER)
def writes_a_list():
    return write(b"[]\n")


@fault("error", NO_ANSWER)
def writes_and_sleeps():
    write(b"garbage" * 10)
    time.sleep(3600)


@fault("error", NO_ANSWER)
def writes_much():
    return write(*[b"\n" * 4096] * 100)


@fault("error", NO_ANSWER)
def forges_with_another_secret():
    return forge({"status": "ok"}, secret=b"x" * frames.SECRET)


@fault("error", "an answer came through the worker's pipe that nobody had asked for")
def forges_the_next_answer():
    return forge({"status": "ok", "done": True, "measurements": [], "changed": []}, number=1)


@fault("error", "an answer came through the worker's pipe that nobody had asked for")
def forges_the_last_answer():
    return forge({"status": "ok", "done": True, "measurements": [], "changed": []}, number=-1)


@fault("error", "what came through the worker's pipe is no answer, but '[1, 2]'")
def forges_a_list():
    return forge([1, 2])


@fault("error", "what came through the worker's pipe is no JSON")
def forges_no_json():
    return forge(b"{")


@fault("error", "what came through the worker's pipe is no JSON")
def forges_depth():
    return forge(b"[" * 100_000)


@fault("error", "an answer of 4,294,967,295 bytes is announced")
def forges_a_length():
    return forge(b"", length=2**32 - 1)


@fault("error", "answered 'start' with rubbish: its status is None")
def forges_no_status():
    return forge({})


@fault("error", "answered 'start' with rubbish: it has no 'done'")
def forges_too_little():
    return forge({"status": "ok"})


@fault("error", "answered 'start' with rubbish: it has an unknown field 'more'")
def forges_too_much():
    return forge({"status": "ok", "done": True, "measurements": [], "changed": [], "more": 1})


@fault("error", "'done' is true or false, not 'no'")
def forges_a_text_for_a_truth():
    return forge({"status": "ok", "done": "no", "measurements": [], "changed": []})


@fault("error", "a measurement is a list of metric, value, unit")
def forges_a_short_row():
    return forge({"status": "ok", "done": False, "measurements": [["m", 1.0]], "changed": []})


@fault("error", "the index of 'm' is no whole number")
def forges_an_index():
    return forge(
        {"status": "ok", "done": False, "measurements": [["m", 1.0, "", 2**64, None, None, ""]], "changed": []}
    )


@fault("error", "the worker ended with exit status 5")
def ends_in_the_middle_of_an_answer():
    forge({"status": "ok"}, cut=20)
    os._exit(5)


@fault("error", "the worker ended with exit status 1")
def closes_all():
    os.closerange(DESCRIPTORS.start, DESCRIPTORS.stop)
    return []


@fault("error", "the worker closed the pipe to the host")
def closes_all_and_sleeps():
    os.closerange(DESCRIPTORS.start, DESCRIPTORS.stop)
    time.sleep(3600)


@fault("ok", "which has changed the standard streams")
def closes_the_standard_ones():
    os.closerange(0, 3)
    return []


@fault("ok")
def reads():
    assert sys.stdin.read() == ""
    assert os.read(0, 1) == b""
    return []


@fault("ok")
def prints():
    print("[]")
    os.write(1, b'{"status": "ok"}\n')
    os.system("echo by a shell")
    return []


@fault("ok")
def prints_megabytes():
    sys.stdout.write("x" * 2**23)
    return []


@fault("ok", "which has changed the standard streams")
def replaces_the_streams():
    sys.stdin = sys.stdout = sys.stderr = None
    return []


@fault("ok", "which has changed the standard streams")
def closes_the_streams():
    sys.stdout.close()
    sys.stderr.close()
    return []
