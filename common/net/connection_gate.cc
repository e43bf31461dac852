#include "common/net/connection_gate.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/security/refusals.h"

namespace weir::net {
namespace {

using security::Refusal;
using security::Refuse;

constexpr std::string_view kHttp2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr int kTlsHead = 3;  // type of record, version
constexpr int kAcceptsAtOnce = 64;

bool BeginsTls(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

bool IsSocket(int fd, ino_t socket) {
  struct stat info {};
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_ino == socket;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionGate>> ConnectionGate::Open(const std::string& listen,
                                                                     const Options& options) {
  ASSIGN_OR_RETURN(Listening listening, Listening::On(listen, "listen"));
  return std::unique_ptr<ConnectionGate>(new ConnectionGate(std::move(listening), options));
}

ConnectionGate::ConnectionGate(Listening listening, const Options& options)
    : listening_(std::move(listening)), options_(options) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

ConnectionGate::~ConnectionGate() {
  Stop();
  close(wake_);
}

void ConnectionGate::Serve(std::function<void(int fd)> admit) {
  admit_ = std::move(admit);
  thread_ = std::thread([this] { Main(); });
}

void ConnectionGate::Stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
    thread_.join();
  }
  for (const Silent& silent : silent_) close(silent.fd);
  silent_.clear();
  listening_.Close();
}

void ConnectionGate::Main() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    const bool accepts = now >= accept_again_;
    polled.clear();
    polled.push_back({wake_, POLLIN, 0});
    for (const int fd : listening_.fds())
      polled.push_back({fd, static_cast<short>(accepts ? POLLIN : 0), 0});
    const size_t first_silent = polled.size();
    for (const Silent& silent : silent_) polled.push_back({silent.fd, POLLIN | POLLRDHUP, 0});
    auto until = Clock::time_point::max();
    if (!silent_.empty()) until = silent_.front().deadline;
    if (!accepts) until = std::min(until, accept_again_);
    int timeout = -1;
    if (until != Clock::time_point::max()) {
      timeout = static_cast<int>(
          std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until - now).count()));
    }
    if (poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) break;
    if (stopping_) break;

    const Clock::time_point heard = Clock::now();
    size_t kept = 0;
    for (size_t i = 0; i < silent_.size(); ++i) {
      const Silent silent = silent_[i];
      const short events = polled[first_silent + i].revents;
      bool gone = false;
      if (events != 0) gone = Hear(silent, (events & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
      if (!gone && silent.deadline <= heard) {
        Refuse(Refusal::kSilent, "a connection that said nothing for too long", PeerOf(silent.fd));
        close(silent.fd);
        gone = true;
      }
      if (!gone) silent_[kept++] = silent;
    }
    silent_.resize(kept);
    for (size_t i = 1; i < first_silent; ++i) {
      if ((polled[i].revents & POLLIN) != 0) Accept(polled[i].fd);
    }
  }
}

void ConnectionGate::Accept(int listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        Refuse(Refusal::kTooManyConnections, std::string("no room for a connection: ") + std::strerror(errno),
               address());
        accept_again_ = Clock::now() + std::chrono::milliseconds(100);
        return;
      }
      continue;  // this one broke before it was taken
    }
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    // Ready when there is enough to tell what it speaks.
    const int enough = options_.tls ? kTlsHead : static_cast<int>(kHttp2.size());
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof(enough));
    if (silent_.size() >= options_.max_silent) {
      Refuse(Refusal::kSilent, "the oldest of too many connections that say nothing",
             PeerOf(silent_.front().fd));
      close(silent_.front().fd);
      silent_.erase(silent_.begin());
    }
    silent_.push_back({fd, Clock::now() + options_.patience});
  }
}

bool ConnectionGate::Hear(const Silent& silent, bool over) {
  char buffer[kHttp2.size()];
  const ssize_t n = recv(silent.fd, buffer, sizeof(buffer), MSG_PEEK);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {  // gone before it said anything: somebody looked whether the port is open
    close(silent.fd);
    return true;
  }
  const std::string_view bytes(buffer, static_cast<size_t>(n));
  const bool http2 = kHttp2.starts_with(bytes);
  if (options_.tls ? BeginsTls(bytes) : http2) {
    if (!options_.tls && bytes.size() < kHttp2.size() && !over) return false;
    if (options_.tls || bytes.size() == kHttp2.size()) {
      Admit(silent.fd);
      return true;
    }
  }
  const std::string peer = PeerOf(silent.fd);
  if (options_.tls && (http2 || bytes.starts_with("GET ") || bytes.starts_with("POST "))) {
    Refuse(Refusal::kPlainText, "plain text to " + address() + ", which speaks TLS", peer);
  } else if (BeginsTls(bytes)) {
    Refuse(Refusal::kTlsToPlainPort, "TLS to " + address() + ", which speaks plain text", peer);
  } else {
    Refuse(Refusal::kOtherProtocol, "bytes to " + address() + " that are not HTTP/2", peer);
  }
  close(silent.fd);
  return true;
}

void ConnectionGate::Admit(int fd) {
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
  struct stat info {};
  fstat(fd, &info);
  std::string peer = PeerOf(fd);
  {
    std::lock_guard lock(mutex_);
    if (const auto old = admitted_.find(peer); old != admitted_.end()) Forget(old);
    if (admitted_.size() >= options_.max_connections && !MakeRoom()) {
      Refuse(Refusal::kTooManyConnections, "a connection more than " + address() + " takes", peer);
      close(fd);
      return;
    }
    untrusted_.push_back(peer);
    admitted_[peer] = {fd, info.st_ino, std::prev(untrusted_.end()), false};
  }
  admit_(fd);
}

bool ConnectionGate::MakeRoom() {
  const Clock::time_point now = Clock::now();
  if (now >= sweep_again_) {
    sweep_again_ = now + std::chrono::milliseconds(100);
    for (auto it = admitted_.begin(); it != admitted_.end();) {
      const auto next = std::next(it);
      if (!IsSocket(it->second.fd, it->second.socket)) Forget(it);
      it = next;
    }
  }
  if (admitted_.size() < options_.max_connections) return true;
  if (untrusted_.empty()) return false;
  const auto oldest = admitted_.find(untrusted_.front());
  // A copy of the descriptor cannot become another connection's between the look and the shutdown.
  const int copy = dup(oldest->second.fd);
  if (copy >= 0) {
    if (IsSocket(copy, oldest->second.socket)) {
      Refuse(Refusal::kTooManyConnections, "the oldest of too many connections without a call",
             oldest->first);
      shutdown(copy, SHUT_RDWR);
    }
    close(copy);
  }
  Forget(oldest);
  return true;
}

void ConnectionGate::Forget(std::unordered_map<std::string, Admitted>::iterator it) {
  if (!it->second.trusted) untrusted_.erase(it->second.order);
  admitted_.erase(it);
}

void ConnectionGate::Trust(std::string_view peer) {
  std::string name(peer);
  if (name.starts_with("ipv6:"))  // gRPC writes a URI
    name = absl::StrReplaceAll(name, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  std::lock_guard lock(mutex_);
  const auto it = admitted_.find(name);
  if (it == admitted_.end() || it->second.trusted) return;
  untrusted_.erase(it->second.order);
  it->second.trusted = true;
}

}  // namespace weir::net
