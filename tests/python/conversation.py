"""One side of the conversations in `examples/`, by Python's sysv_ipc.

usage: conversation.py {memory|queue} {premise|conclusion} KEY ITERATIONS
"""

import hashlib
import sys
import time

import sysv_ipc


def answer_to(text):
    return hashlib.md5(text).hexdigest().encode()


class Memory:
    """A text at the beginning of a segment, ended by a NUL; the caller holds the semaphore."""

    def __init__(self, key, create):
        flags = sysv_ipc.IPC_CREX if create else 0
        self.create = create
        self.semaphore = sysv_ipc.Semaphore(key, flags)
        self.memory = sysv_ipc.SharedMemory(key, flags)
        self.turn_is_ours = create

    def say(self, text):
        self.memory.write(text + b"\0")

    def hear(self, said):
        if self.turn_is_ours:
            self.semaphore.release()
        self.turn_is_ours = True
        self.semaphore.acquire(20)
        while True:
            text = self.memory.read().split(b"\0")[0]
            if text != said:
                return text
            self.semaphore.release()
            self.semaphore.acquire(20)

    def end(self):
        self.semaphore.release()
        if self.create:
            self.memory.detach()
            self.memory.remove()
            self.semaphore.remove()


class Queue:
    """Everything has type 1 and goes over one queue; what is ours is put back."""

    def __init__(self, key, create):
        self.create = create
        self.queue = sysv_ipc.MessageQueue(key, sysv_ipc.IPC_CREX if create else 0)

    def say(self, text):
        self.queue.send(text)

    def hear(self, said):
        while True:
            text, _type = self.queue.receive()
            if text != said:
                return text
            self.queue.send(text)

    def end(self):
        if self.create:
            self.queue.remove()


def main(medium, role, key, iterations):
    premise = role == "premise"
    other = {"memory": Memory, "queue": Queue}[medium](int(key), premise)
    said = None
    if premise:
        said = str(time.time()).encode()
        other.say(said)
        print("ready", flush=True)
    for iteration in range(int(iterations)):
        heard = other.hear(said)
        if said is not None and heard != answer_to(said):
            sys.exit(f"corruption after {iteration} iterations")
        said = answer_to(heard)
        other.say(said)
    other.end()


main(*sys.argv[1:])
