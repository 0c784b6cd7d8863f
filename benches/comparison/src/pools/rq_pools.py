"""Drives workers of RQ, and measures them: as the comparison's own program does, by the same lines."""

import os
import sys
import time

import redis
import rq

WAY, WORKERS, (KIND, VALUE), SIZE = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(":", 1), int(sys.argv[4])
SERVER = os.environ["COMPARISON_SERVER"]
# As in `pools`: how many jobs there are when a worker is killed, how long a result is waited for, and how long jobs take.
AFTERWARDS, PATIENCE, LONG, SHORT = 9, 4.0, 1.0, 0.05
# As in `pools`, too.
UNDER_WAY = 64


def work(number, kind, value, payload):
    """Does a job, in a worker."""
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


def fork_worker(name):
    """Starts a worker in a process of its own, which ends with this one."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    # What it logs and what jobs print is not for the comparison.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.modules["rq_pools"] = sys.modules["__main__"]
    kind = rq.SimpleWorker if WAY == "rq-simple" else rq.Worker
    queue = rq.Queue(name, connection=redis.Redis.from_url(SERVER))
    worker = kind([queue], connection=queue.connection, name=f"{name}-{os.getpid()}-{parent}")
    worker.work(logging_level="CRITICAL")
    os._exit(0)


class Pool:
    """So many workers, and a queue to them."""

    def __init__(self):
        name = f"rq-{os.getpid()}"
        self.workers = [fork_worker(name) for _ in range(WORKERS)]
        self.queue = rq.Queue(name, connection=redis.Redis.from_url(SERVER))

    def submit(self, number):
        value = VALUE if KIND == "mark" else int(VALUE)
        arguments = (number, KIND, value, b"\1" * SIZE)
        return self.queue.enqueue_call("rq_pools.work", arguments, retry=rq.Retry(max=3))

    @staticmethod
    def wait(job, timeout):
        """Waits for the result of a job, in whole seconds as RQ does."""
        result = job.latest_result(timeout=max(1, int(timeout)))
        if result is None:
            return None
        # A try that failed is followed by another one.
        end = time.monotonic() + timeout
        while result.type in (result.Type.FAILED, result.Type.RETRIED) and time.monotonic() < end:
            time.sleep(0.01)
            result = job.latest_result()
        return result

    def run(self, count):
        """Has so many jobs done, and returns the sum of their results."""
        jobs, total = [], 0
        for number in range(count):
            if len(jobs) == UNDER_WAY:
                total += self.value(jobs.pop(0))
            jobs.append(self.submit(number))
        return total + sum(map(self.value, jobs))

    def value(self, job):
        return self.wait(job, 60).return_value

    def end(self):
        for worker in self.workers:
            os.kill(worker, 9)
            os.waitpid(worker, 0)


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
    for job in [pool.submit(number) for number in numbers]:
        result = pool.wait(job, max(0.0, deadline - time.monotonic()))
        if result is None:
            print("nothing", flush=True)
        elif result.type == result.Type.SUCCESSFUL:
            print("done", flush=True)
        else:
            print("failed", result.type.name, flush=True)


def main():
    pool = Pool()
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
