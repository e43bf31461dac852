#include "common/net/listening.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"

namespace weir::net {
namespace {

constexpr int kBacklog = 1024;

/// The socket, or -1 with errno.
int Bind(const addrinfo& at, int port) {
  const int fd = socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at.ai_protocol);
  if (fd < 0) return -1;
  const int yes = 1;
  // Never SO_REUSEPORT: a second daemon would share the port, and calls would go to either.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_storage address{};
  std::memcpy(&address, at.ai_addr, at.ai_addrlen);
  if (at.ai_family == AF_INET) {
    reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(static_cast<uint16_t>(port));
  } else if (at.ai_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = htons(static_cast<uint16_t>(port));
  }
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), at.ai_addrlen) == 0 && listen(fd, kBacklog) == 0)
    return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

}  // namespace

absl::StatusOr<Listening> Listening::On(const std::string& address, const std::string& key) {
  const auto endpoint = Endpoint::Parse(address);
  if (!endpoint)
    return absl::InvalidArgumentError(absl::StrCat(key, ": `", address, "` is not HOST:PORT"));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint->host.c_str(), std::to_string(endpoint->port).c_str(), &hints, &found) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(key, ": ", address, ": the host is not known"));
  }
  Listening made;
  int error = 0;
  made.port_ = endpoint->port;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int fd = Bind(*one, made.port_);
    if (fd >= 0) {
      made.fds_.push_back(fd);
      made.port_ = PortOf(fd);
    } else if (error == 0 || errno == EADDRINUSE) {
      error = errno;
    }
  }
  freeaddrinfo(found);
  if (error == EADDRINUSE) {
    return absl::AlreadyExistsError(absl::StrCat(key, ": ", address, " is taken by another process"));
  }
  // An address of a name that this machine does not have is none to listen on.
  if (made.fds_.empty()) {
    return absl::UnavailableError(
        absl::StrCat(key, ": cannot listen on ", address, ": ", std::strerror(error)));
  }
  made.address_ = Endpoint{endpoint->host, made.port_}.ToString();
  return made;
}

Listening::~Listening() { Close(); }

Listening::Listening(Listening&& other) noexcept { *this = std::move(other); }

Listening& Listening::operator=(Listening&& other) noexcept {
  std::swap(fds_, other.fds_);
  std::swap(address_, other.address_);
  std::swap(port_, other.port_);
  return *this;
}

void Listening::Close() {
  for (const int fd : fds_) close(fd);
  fds_.clear();
}

std::string PeerOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char text[INET6_ADDRSTRLEN] = "";
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(in.sin_port));
  }
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
    inet_ntop(AF_INET, in6.sin6_addr.s6_addr + 12, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(in6.sin6_port));
  }
  inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
  return absl::StrCat("ipv6:[", text, "]:", ntohs(in6.sin6_port));
}

}  // namespace weir::net
