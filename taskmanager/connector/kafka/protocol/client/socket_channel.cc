#include "taskmanager/connector/kafka/protocol/client/socket_channel.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

std::string TextOf(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof(buffer));
}

class SocketChannel final : public Channel {
 public:
  SocketChannel(int fd, const Clock* clock) : fd_(fd), clock_(clock) {}
  ~SocketChannel() override { close(fd_); }
  SocketChannel(const SocketChannel&) = delete;
  SocketChannel& operator=(const SocketChannel&) = delete;

  absl::Status Connect(const sockaddr* address, socklen_t size, SteadyMicros deadline) {
    if (connect(fd_, address, size) == 0) return absl::OkStatus();
    if (errno != EINPROGRESS) return absl::UnavailableError(TextOf(errno));
    RETURN_IF_ERROR(Await(POLLOUT, deadline));
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    return error == 0 ? absl::OkStatus() : absl::UnavailableError(TextOf(error));
  }

  absl::Status Write(std::string_view bytes, SteadyMicros deadline) override {
    while (!bytes.empty()) {
      const ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count >= 0) {
        bytes.remove_prefix(static_cast<size_t>(count));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        RETURN_IF_ERROR(Await(POLLOUT, deadline));
      } else if (errno != EINTR) {
        return absl::UnavailableError("the connection is lost: " + TextOf(errno));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(char* to, size_t room, SteadyMicros deadline) override {
    while (true) {
      const ssize_t count = recv(fd_, to, room, 0);
      if (count > 0) return static_cast<size_t>(count);
      if (count == 0) return absl::UnavailableError("the broker has closed the connection");
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        RETURN_IF_ERROR(Await(POLLIN, deadline));
      } else if (errno != EINTR) {
        return absl::UnavailableError("the connection is lost: " + TextOf(errno));
      }
    }
  }

  int fd() const override { return fd_; }

 private:
  absl::Status Await(short events, SteadyMicros deadline) const {
    while (true) {
      const SteadyMicros left = deadline - clock_->Steady();
      if (left <= 0) return absl::DeadlineExceededError("no answer in time");
      pollfd poll_one{fd_, events, 0};
      const int ready = poll(&poll_one, 1, static_cast<int>(std::min<SteadyMicros>((left + 999) / 1000, 60'000)));
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return absl::UnavailableError("poll: " + TextOf(errno));
    }
  }

  const int fd_;
  const Clock* const clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Channel>> ConnectSocket(const Endpoint& endpoint, const Clock* clock,
                                                       SteadyMicros deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (code != 0) {
    return absl::UnavailableError(absl::StrCat("the host name ", endpoint.host, " is not known: ", gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> free_at_end(found, freeaddrinfo);
  absl::Status last = absl::UnavailableError("no address");
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) {
      last = absl::UnavailableError("socket: " + TextOf(errno));
      continue;
    }
    auto channel = std::make_unique<SocketChannel>(fd, clock);
    // An address that swallows what is sent must not take the time of the others.
    const SteadyMicros now = clock->Steady();
    last = channel->Connect(at->ai_addr, at->ai_addrlen, at->ai_next == nullptr ? deadline : now + (deadline - now) / 2);
    if (!last.ok()) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return channel;
  }
  return last;
}

}  // namespace weir::taskmanager::kafka::protocol
