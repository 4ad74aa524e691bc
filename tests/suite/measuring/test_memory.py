from mmap import PAGESIZE, mmap

from gradsuite.measuring import memory

MIB = 2**20


def test_the_peak_is_of_what_was_allocated_since_the_reset():
    memory.reset_peak()
    before = memory.peak()
    # Pages of its own, each touched: what malloc returns may be memory that was freed and is still resident.
    with mmap(-1, 64 * MIB) as block:
        block[::PAGESIZE] = b"1" * (64 * MIB // PAGESIZE)
        assert memory.peak() >= before + 60 * MIB
    if memory.STATUS.exists() and resets():
        memory.reset_peak()
        assert memory.peak() < before + 60 * MIB


def test_growth_is_of_what_a_call_takes_itself():
    def take(size):
        with mmap(-1, size * MIB) as block:
            block[::PAGESIZE] = b"1" * (size * MIB // PAGESIZE)
        return size

    found, taken = memory.growth(lambda: take(64))
    assert found == 64
    assert taken >= 60 * MIB
    if memory.STATUS.exists() and resets():
        assert memory.growth(lambda: take(1))[1] < 60 * MIB


def test_what_is_needed_is_told_of_the_second_call():
    sizes = iter([64, 2, 2])

    def take():
        with mmap(-1, (size := next(sizes)) * MIB) as block:
            block[::PAGESIZE] = b"1" * (size * MIB // PAGESIZE)

    needed = memory.needed(take)
    assert next(sizes) == 2  # called twice
    assert (needed is None) is not resets()
    assert needed is None or 0 <= needed < 60 * MIB


def test_what_is_needed_is_unknown_where_the_peak_cannot_be_reset(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "no" / "such")
    assert memory.needed(lambda: None) is None


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
