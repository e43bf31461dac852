#include "taskmanager/connector/kafka/rdkafka/login_relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/clock/system_clock.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/channel.h"
#include "taskmanager/connector/kafka/protocol/client/dial.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr SteadyMicros kConnectMicros = 10'000'000;
constexpr SteadyMicros kStuckMicros = 60'000'000;
constexpr int kWithGoodScram = 0x02020000;
constexpr size_t kChunkBytes = 64 << 10;

/// For threads that may outlive everything else.
const Clock* ProcessClock() {
  static const Clock* const clock = new SystemClock;
  return clock;
}

Endpoint AddressOf(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  Endpoint endpoint;
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    endpoint.port = ntohs(v6->sin6_port);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    endpoint.port = ntohs(v4->sin_port);
  }
  endpoint.host = text.data();
  return endpoint;
}

bool Resolves(const Endpoint& name, const Endpoint& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.host.c_str(), std::to_string(name.port).c_str(), &hints, &found) != 0)
    return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> free_at_end(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (AddressOf(at->ai_addr) == address) return true;
  }
  return false;
}

/// One connection's bytes, both ways.
class Carrier {
 public:
  Carrier(int local, std::unique_ptr<protocol::Channel> remote)
      : local_(local), remote_(std::move(remote)) {}
  ~Carrier() { close(local_); }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  void Run() {
    while (FromRemote()) {
      std::array<pollfd, 2> ends{{{local_, POLLIN, 0}, {remote_->fd(), POLLIN, 0}}};
      if (poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) return;
      if (ends[0].revents != 0 && !FromLocal()) return;
    }
  }

 private:
  static SteadyMicros Deadline() { return ProcessClock()->Steady() + kStuckMicros; }

  bool FromLocal() {
    const ssize_t count = recv(local_, chunk_.data(), chunk_.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (count == 0) return false;
    return remote_->Write(std::string_view(chunk_.data(), static_cast<size_t>(count)), Deadline())
        .ok();
  }

  /// All that is there.
  bool FromRemote() {
    while (true) {
      const auto count = remote_->Read(chunk_.data(), chunk_.size(), 0);
      if (!count.ok()) return count.status().code() == absl::StatusCode::kDeadlineExceeded;
      std::string_view left(chunk_.data(), *count);
      while (!left.empty()) {
        const ssize_t sent =
            send(local_, left.data(), left.size(), MSG_NOSIGNAL);  // waits for room
        if (sent < 0 && errno != EINTR) return false;
        if (sent > 0) left.remove_prefix(static_cast<size_t>(sent));
      }
    }
  }

  const int local_;
  const std::unique_ptr<protocol::Channel> remote_;
  std::array<char, kChunkBytes> chunk_{};
};

}  // namespace

class LoginRelay::Dialing {
 public:
  explicit Dialing(const ConnectionOptions& options)
      : dial(protocol::MakeChannelDialer(options, ProcessClock())) {}
  const protocol::ChannelDialer dial;
};

LoginRelay::LoginRelay(const ConnectionOptions& options)
    : dialing_(std::make_unique<Dialing>(options)) {
  for (const std::string& broker : options.brokers) {
    if (std::optional<Endpoint> endpoint = Endpoint::Parse(broker))
      brokers_.push_back(*std::move(endpoint));
  }
}

LoginRelay::~LoginRelay() = default;

bool LoginRelay::IsNeeded(const ConnectionOptions& options) {
  using Sasl = ConnectionOptions::Sasl;
  const bool scram = options.sasl == Sasl::kScramSha256 || options.sasl == Sasl::kScramSha512;
  return scram && rd_kafka_version() < kWithGoodScram;
}

Endpoint LoginRelay::NameOf(const Endpoint& address, const std::string& broker) {
  // A certificate is made out to a name. Coordinators come without one: then that of the broker
  // with this address.
  const std::optional<Endpoint> named = Endpoint::Parse(broker.substr(0, broker.find('/')));
  std::lock_guard<std::mutex> lock(mutex_);
  if (named && named->port == address.port) return names_[address.ToString()] = *named;
  if (const auto known = names_.find(address.ToString()); known != names_.end())
    return known->second;
  for (const Endpoint& candidate : brokers_) {
    if (candidate.port == address.port && Resolves(candidate, address)) return candidate;
  }
  return address;
}

absl::Status LoginRelay::Connect(int fd, const sockaddr* address, const std::string& broker) {
  const Endpoint name = NameOf(AddressOf(address), broker);
  ASSIGN_OR_RETURN(std::unique_ptr<protocol::Channel> channel,
                   dialing_->dial(name, ProcessClock()->Steady() + kConnectMicros));
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return absl::ResourceExhaustedError("socketpair: no more file descriptors");
  }
  const bool given = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && dup3(ends[0], fd, O_CLOEXEC) == fd;
  close(ends[0]);
  auto carrier = std::make_unique<Carrier>(ends[1], std::move(channel));
  if (!given) return absl::ResourceExhaustedError("dup3: no more file descriptors");
  std::thread([carrier = std::move(carrier)] { carrier->Run(); }).detach();
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka
