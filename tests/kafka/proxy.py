"""A TCP proxy before a broker that knows Kafka's framing: it can lose the answer to one kind of request, refuse or freeze
connections, and count what passes."""
import collections
import socket
import struct
import threading

import wire
from cluster import free_port


class Proxy:
    """Use as a context manager; target may be set later, before the first client comes."""

    def __init__(self, target=None):
        self.target = target
        self.port = free_port()
        self.requests = collections.Counter()
        self.lost = 0
        self._lose = {}  # api key -> how many answers
        self._hidden = []
        self._thaw = threading.Event()
        self._thaw.set()
        self._refuse = False
        self._mutex = threading.Lock()
        self._connections = set()
        self._server = None

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.close()
        self._thaw.set()
        self.cut()

    def lose_answers(self, api_key, count=1):
        """The next answers to such requests are not passed on, and their connections are closed."""
        with self._mutex:
            self._lose[api_key] = self._lose.get(api_key, 0) + count

    def hide(self, api_key):
        """The broker seems to be one that does not know this request."""
        self._hidden.append(api_key)

    def cut(self):
        """Closes all connections."""
        with self._mutex:
            connections, self._connections = self._connections, set()
        for connection in connections:
            _close(connection)

    def refuse(self, yes=True):
        """Closes all connections and every new one at once, until refuse(False)."""
        self._refuse = yes
        if yes:
            self.cut()

    def freeze(self, yes=True):
        """Nothing passes any more, nobody is told."""
        (self._thaw.clear if yes else self._thaw.set)()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self._refuse:
                _close(client)
                continue
            try:
                host, port = self.target.rsplit(":", 1)
                server = socket.create_connection((host, int(port)), timeout=10)
            except OSError:
                _close(client)
                continue
            for end in (client, server):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._mutex:
                self._connections |= {client, server}
            keys = {}  # correlation id -> api key, version
            threading.Thread(target=self._requests, args=(client, server, keys), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client, keys), daemon=True).start()

    def _requests(self, client, server, keys):
        def look(frame):
            key = wire.api_key(frame)
            keys[wire.correlation_id(frame)] = (key, wire.api_version(frame))
            with self._mutex:
                self.requests[key] += 1
            return frame
        self._pump(client, server, look)

    def _answers(self, server, client, keys):
        def look(frame):
            key, version = keys.pop(struct.unpack_from(">i", frame)[0], (None, 0))
            with self._mutex:
                if self._lose.get(key, 0) > 0:
                    self._lose[key] -= 1
                    self.lost += 1
                    return None
            if key == wire.API_VERSIONS:
                for hidden in self._hidden:
                    frame = wire.hide_api(frame, version, hidden)
            return frame
        self._pump(server, client, look)

    def _pump(self, source, target, look):
        try:
            while True:
                frame = wire.read_frame(source)
                frame = look(frame) if frame is not None else None
                if frame is None:
                    break
                self._thaw.wait()
                target.sendall(struct.pack(">i", len(frame)) + frame)
        except (OSError, struct.error):
            pass
        _close(source)
        _close(target)
        with self._mutex:
            self._connections -= {source, target}


def _close(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
