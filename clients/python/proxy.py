"""A TCP proxy between a client and the hub that counts requests and can break connections.

It forwards bytes as they are, so that a client notices nothing but what a test makes it notice.
"""

import socket
import threading

BUFFER_BYTES = 64 * 1024


class Request:
    """One request that went through: its method, path, headers and the bytes of its body."""

    def __init__(self, method, path, headers):
        self.method = method
        self.path = path
        self.headers = headers
        self.body_bytes = 0

    def __repr__(self):
        return f"{self.method} {self.path} ({self.body_bytes} bytes)"


class RequestReader:
    """Finds the requests in what a client sends over one connection."""

    def __init__(self, found):
        self.found = found
        self.buffer = b""
        self.step = self.read_head
        self.left = 0

    def feed(self, data):
        self.buffer += data
        while self.step():
            pass

    def read_head(self):
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self.buffer = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        self.request = Request(method, path, headers)
        self.found.append(self.request)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self.step = self.read_chunk_size
        else:
            self.left = int(headers.get("content-length", 0))
            self.step = self.read_body
        return True

    def take(self):
        taken = min(self.left, len(self.buffer))
        self.buffer = self.buffer[taken:]
        self.left -= taken
        return taken

    def read_body(self):
        self.request.body_bytes += self.take()
        if self.left:
            return False
        self.step = self.read_head
        return True

    def read_chunk_size(self):
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        self.chunk_bytes = int(line.split(b";")[0], 16)
        self.left = self.chunk_bytes
        self.step = self.read_chunk
        return True

    def read_chunk(self):
        self.request.body_bytes += self.take()
        if self.left or len(self.buffer) < 2:
            return False
        self.buffer = self.buffer[2:]
        self.step = self.read_chunk_size if self.chunk_bytes else self.read_head
        return True


class Proxy:
    """Listens on a free port while its `with` block runs."""

    def __init__(self, host, port, cut_after_bytes=None, cuts=0):
        """Breaks a connection once it carried `cut_after_bytes` to the client, `cuts` times in all."""
        self.upstream = (host, port)
        self.cut_after_bytes = cut_after_bytes
        self.cuts_left = cuts
        self.requests = []
        self.sent_bytes = 0
        self.received_bytes = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.upstream)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self.to_client, args=(client, server), daemon=True).start()

    def to_server(self, client, server):
        reader = RequestReader(self.requests)
        try:
            while data := client.recv(BUFFER_BYTES):
                with self.lock:
                    self.sent_bytes += len(data)
                    reader.feed(data)
                server.sendall(data)
        except OSError:
            pass
        shut(server, socket.SHUT_WR)

    def to_client(self, client, server):
        carried = 0
        try:
            while data := server.recv(BUFFER_BYTES):
                client.sendall(data)
                carried += len(data)
                with self.lock:
                    self.received_bytes += len(data)
                    cut = self.cuts_left > 0 and carried > self.cut_after_bytes
                    self.cuts_left -= cut
                if cut:
                    shut(client, socket.SHUT_RDWR)
                    shut(server, socket.SHUT_RDWR)
                    return
        except OSError:
            pass
        shut(client, socket.SHUT_WR)

    def body_bytes(self, method, part):
        """Returns the bytes of all request bodies of a method whose path holds a part."""
        return sum(r.body_bytes for r in self.requests if r.method == method and part in r.path)


def shut(end, how):
    try:
        end.shutdown(how)
    except OSError:
        pass
