"""Just enough of HTTP/2 to send a server what no gRPC client would: wrong bytes, wrong messages, too much of them."""
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """A literal without indexing; every length below 127."""
    name, value = name.encode(), value.encode()
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def request_headers(path, authority):
    return b"".join(header(n, v) for n, v in (
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers")))


def send(address, data, seconds=10):
    """Sends bytes; returns all that comes back until the server closes or is silent for that long."""
    host, port = address.split(":")
    got = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                got += part
                if finished(got):
                    break
        except OSError:  # reset or silent: both are answers
            pass
    return got


def call(address, path, message, declared_bytes=None):
    """A unary call with a message that need not be one; `declared_bytes` lies about its length."""
    body = b"\x00" + struct.pack(">I", len(message) if declared_bytes is None else declared_bytes) + message
    frames = [body[i:i + 16000] for i in range(0, len(body), 16000)] or [b""]
    data = [PREFACE, frame(SETTINGS, 0, 0, b""), frame(HEADERS, END_HEADERS, 1, request_headers(path, address))]
    for index, part in enumerate(frames):
        data.append(frame(DATA, END_STREAM if index == len(frames) - 1 else 0, 1, part))
    return send(address, b"".join(data))


def finished(data):
    """True after a frame that ends stream 1 or the connection."""
    at = 0
    while len(data) >= at + 9:
        size = int.from_bytes(data[at:at + 3], "big")
        kind, flags, stream = struct.unpack(">BBI", data[at + 3:at + 9])
        if kind in (GOAWAY, RST_STREAM) or kind in (HEADERS, DATA) and flags & END_STREAM and stream == 1:
            return len(data) >= at + 9 + size
        at += 9 + size
    return False
