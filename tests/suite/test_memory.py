from gradsuite import memory

MIB = 2**20


def test_the_peak_is_of_what_was_allocated_since_the_reset():
    memory.reset_peak()
    before = memory.peak()
    block = bytearray(64 * MIB)
    assert memory.peak() >= before + 60 * MIB
    del block
    if memory.STATUS.exists() and resets():
        memory.reset_peak()
        assert memory.peak() < before + 60 * MIB


def resets():
    """Whether this system lets a process reset its peak."""
    try:
        memory.CLEAR_REFS.write_text(memory.RESET_PEAK)
    except OSError:
        return False
    return True


def test_without_proc_the_peak_is_of_the_whole_process(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "no" / "such")
    memory.reset_peak()
    peak = memory.peak()
    assert 10 * MIB < peak < 2**40
