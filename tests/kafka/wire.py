"""The few requests of Kafka's protocol that confluent-kafka has no call for, and the framing that the proxy needs."""
import socket
import struct

API_VERSIONS = 18
END_TXN, INIT_PRODUCER_ID, LIST_TRANSACTIONS, DESCRIBE_TRANSACTIONS, PRODUCE, FETCH = 26, 22, 66, 65, 0, 1


def read_exactly(connection, size):
    """None at the end of the stream."""
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(1 << 20, size - len(data)))
        if not part:
            return None
        data += part
    return bytes(data)


def read_frame(connection):
    head = read_exactly(connection, 4)
    return None if head is None else read_exactly(connection, struct.unpack(">i", head)[0])


def hide_api(answer, version, key):
    """An answer to ApiVersions that names another, unknown request instead of this one."""
    data = bytearray(answer)
    at, size = 6, 6
    if version >= 3:
        while data[at] & 0x80:  # the compact array's length
            at += 1
        at, size = at + 1, 7
    else:
        at += 4
    while at + size <= len(data):
        if struct.unpack_from(">h", data, at)[0] == key:
            struct.pack_into(">h", data, at, 10_000 + key)
            break
        at += size
    return bytes(data)


def api_key(request):
    return struct.unpack_from(">h", request)[0]


def api_version(request):
    return struct.unpack_from(">h", request, 2)[0]


def correlation_id(request):
    return struct.unpack_from(">i", request, 4)[0]


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def compact_string(self):
        size = self.uvarint() - 1
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def tags(self):
        for _ in range(self.uvarint()):
            self.uvarint()
            size = self.uvarint()
            self.at += size


def _call(address, key, version, body):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = struct.pack(">hhi", key, version, 1) + struct.pack(">h", 4) + b"test" + b"\0"
        connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        answer = read_frame(connection)
    if answer is None:
        raise ConnectionError("%s closed the connection at a request %d" % (address, key))
    reader = _Reader(answer)
    reader.take(">i")
    reader.tags()
    return reader


def list_transactions(address, states=("Ongoing", "PrepareCommit", "PrepareAbort"), prefix=""):
    """{transactional id: state} on a cluster of one broker."""
    body = bytes([len(states) + 1]) + b"".join(bytes([len(s) + 1]) + s.encode() for s in states) + b"\x01\x00"
    reader = _call(address, LIST_TRANSACTIONS, 0, body)
    reader.take(">i")
    error = reader.take(">h")
    if error:
        raise ConnectionError("ListTransactions: error %d" % error)
    for _ in range(reader.uvarint() - 1):
        reader.compact_string()
    found = {}
    for _ in range(reader.uvarint() - 1):
        name = reader.compact_string()
        reader.take(">q")
        state = reader.compact_string()
        reader.tags()
        if name.startswith(prefix):
            found[name] = state
    return found
