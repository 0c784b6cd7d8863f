"""Drives a pool of Python's own, and measures it: as the comparison's own program does, by the same lines."""

import concurrent.futures
import multiprocessing
import os
import sys
import time

WAY, WORKERS, (KIND, VALUE), SIZE = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(":", 1), int(sys.argv[4])
# As in `pools`: how many jobs there are when a worker is killed, how long a result is waited for, and how long jobs take.
AFTERWARDS, PATIENCE, LONG, SHORT = 9, 4.0, 1.0, 0.05


def work(job):
    """Does a job, in a worker."""
    number, kind, value, payload = job
    if kind == "spin":
        end = time.perf_counter_ns() + value * 1000
        while time.perf_counter_ns() < end:
            pass
    elif kind == "sleep":
        time.sleep(value / 1e6)
    else:
        with open(os.path.join(value, str(number)), "a", encoding="utf-8") as marks:
            marks.write(f"{os.getpid()}\n")
        time.sleep(LONG if number == 0 else SHORT)
    return number + len(payload)


def jobs(numbers):
    """Makes jobs, each with bytes of its own."""
    payload = bytearray(b"\1" * SIZE)
    value = VALUE if KIND == "mark" else int(VALUE)
    return ((number, KIND, value, bytes(payload)) for number in numbers)


def chunk(count):
    """As many as `Pool.map` puts together: four chunks for each worker. Without chunks, one."""
    return -(-count // (4 * WORKERS)) if WAY.endswith("-chunks") else 1


class Executor:
    """`concurrent.futures.ProcessPoolExecutor`."""

    def __init__(self):
        self.pool = concurrent.futures.ProcessPoolExecutor(max_workers=WORKERS)

    def run(self, count):
        return sum(self.pool.map(work, jobs(range(count)), chunksize=chunk(count)))

    def submit(self, job):
        return self.pool.submit(work, job).result

    def end(self):
        self.pool.shutdown()


class Pool:
    """`multiprocessing.Pool`."""

    def __init__(self):
        self.pool = multiprocessing.Pool(WORKERS)

    def run(self, count):
        return sum(self.pool.imap_unordered(work, jobs(range(count)), chunksize=chunk(count)))

    def submit(self, job):
        return self.pool.apply_async(work, (job,)).get

    def end(self):
        self.pool.close()
        self.pool.join()


def measure(pool):
    """Does as many jobs as each line asks for."""
    pool.run(WORKERS)
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        begun = time.perf_counter_ns()
        came = pool.run(count)
        took = time.perf_counter_ns() - begun
        assert came == count * (count - 1) // 2 + count * SIZE, "a result is wrong"
        print(took, flush=True)


def outcomes(pool, numbers):
    """Submits jobs, and says of each what came of it."""
    deadline = time.monotonic() + PATIENCE
    submitted = []
    for job in jobs(numbers):
        try:
            submitted.append(pool.submit(job))
        except Exception as error:  # pylint: disable=broad-except
            submitted.append(error)
    for result in submitted:
        try:
            if isinstance(result, Exception):
                raise result
            result(timeout=max(0.0, deadline - time.monotonic()))
            print("done", flush=True)
        except (concurrent.futures.TimeoutError, multiprocessing.TimeoutError):
            print("nothing", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print("failed", type(error).__name__, flush=True)


def main():
    pool = Executor() if WAY.startswith("executor") else Pool()
    if KIND == "mark":
        outcomes(pool, range(AFTERWARDS))
        outcomes(pool, range(AFTERWARDS, AFTERWARDS + 1))
        # The workers are counted now.
        sys.stdin.readline()
    else:
        measure(pool)
    pool.end()


if __name__ == "__main__":
    main()
