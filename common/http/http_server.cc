#include "common/http/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"
#include "common/base/status_macros.h"
#include "common/http/connection.h"
#include "common/net/listening.h"
#include "common/security/refusals.h"
#include "common/security/tls_server_context.h"

namespace weir::http {
namespace {

using Clock = Connection::Clock;

constexpr size_t kMaxConnections = 256;
constexpr int kAcceptsAtOnce = 64;

}  // namespace

struct HttpServer::Impl {
  struct Path {
    Handler handler;
    Who who;
  };
  std::map<std::string, Path> paths;
  std::shared_ptr<security::Access> access;
  net::Listening listening;
  std::unique_ptr<security::TlsServerContext> tls;
  std::vector<std::unique_ptr<Connection>> connections;  // oldest first
  Clock::time_point accept_again{};
  int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<bool> stopping{false};
  std::thread thread;

  ~Impl() { close(wake); }

  std::string Answer(const Request& request, std::string_view peer) {
    const bool head = request.method == "HEAD";
    if (request.method != "GET" && !head) return FormatResponse(405, "text/plain", "GET or HEAD\n");
    const auto path = paths.find(request.path);
    if (path == paths.end()) return FormatResponse(404, "text/plain", "no such path\n", !head);
    if (path->second.who == Who::kReader && access != nullptr) {
      const auto who =
          access->Admit(request.authorization, security::Role::kReadOnly, "GET " + request.path, peer);
      if (!who.ok()) {
        return FormatResponse(absl::IsPermissionDenied(who.status()) ? 403 : 401, "text/plain",
                              absl::StrCat(who.status().message(), "\n"), !head);
      }
    }
    const Response response = path->second.handler();
    return FormatResponse(response.code, response.content_type, response.body, !head);
  }

  void Accept(int listener) {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
          accept_again = Clock::now() + std::chrono::milliseconds(100);
        if (errno == ECONNABORTED || errno == EINTR) continue;
        return;
      }
      if (connections.size() >= kMaxConnections) Displace();
      connections.push_back(
          std::make_unique<Connection>(fd, tls != nullptr ? tls->Current() : nullptr, Clock::now()));
    }
  }

  /// The oldest that has not asked yet, else the oldest.
  void Displace() {
    auto it = std::find_if(connections.begin(), connections.end(),
                           [](const auto& connection) { return !connection->answers(); });
    if (it == connections.end()) it = connections.begin();
    security::Refuse(security::Refusal::kTooManyConnections, "the oldest of too many connections to an HTTP port",
                     (*it)->peer());
    connections.erase(it);
  }

  void Main() {
    const Connection::Answer answer = [this](const Request& request, std::string_view peer) {
      return Answer(request, peer);
    };
    std::vector<pollfd> polled;
    while (!stopping) {
      Clock::time_point now = Clock::now();
      auto until = now + std::chrono::seconds(60);
      polled.clear();
      polled.push_back({wake, POLLIN, 0});
      const bool accepts = now >= accept_again;
      if (!accepts) until = accept_again;
      for (const int fd : listening.fds()) polled.push_back({fd, static_cast<short>(accepts ? POLLIN : 0), 0});
      const size_t first = polled.size();
      for (const auto& connection : connections) {
        polled.push_back({connection->fd(), connection->events(), 0});
        until = std::min(until, connection->deadline());
      }
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
      if (poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(0, wait))) < 0 && errno != EINTR)
        break;
      now = Clock::now();
      size_t kept = 0;
      for (size_t i = 0; i < connections.size(); ++i) {
        bool goes_on = polled[first + i].revents == 0 || connections[i]->Step(answer, now);
        if (goes_on && connections[i]->deadline() <= now) {
          if (!connections[i]->answers()) {
            security::Refuse(security::Refusal::kSilent, "a connection to an HTTP port that did not ask in time",
                             connections[i]->peer());
          }
          goes_on = false;
        }
        if (!goes_on) {
          connections[i].reset();
        } else {
          if (kept != i) connections[kept] = std::move(connections[i]);
          ++kept;
        }
      }
      connections.resize(kept);
      for (size_t i = 1; i < first; ++i) {
        if ((polled[i].revents & POLLIN) != 0) Accept(polled[i].fd);
      }
    }
    connections.clear();
  }
};

HttpServer::HttpServer() : impl_(std::make_unique<Impl>()) {}
HttpServer::~HttpServer() { Stop(); }

void HttpServer::Get(const std::string& path, Handler handler, Who who) {
  impl_->paths[path] = {std::move(handler), who};
}

absl::StatusOr<std::string> HttpServer::Start(const Options& options) {
  const auto endpoint = Endpoint::Parse(options.listen);
  if (!endpoint) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_listen: `", options.listen, "` is not HOST:PORT"));
  }
  const bool guarded = options.tls.serves() && options.access != nullptr && options.access->asks();
  if (!endpoint->IsLoopback() && !options.insecure && !guarded) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_listen: ", options.listen,
                     " is not a loopback address; without TLS and tokens this needs --insecure"));
  }
  if (options.tls.serves()) {
    ASSIGN_OR_RETURN(impl_->tls, security::TlsServerContext::Open(options.tls));
  }
  impl_->access = options.access;
  ASSIGN_OR_RETURN(impl_->listening, net::Listening::On(options.listen, "http_listen"));
  impl_->thread = std::thread([impl = impl_.get()] { impl->Main(); });
  return impl_->listening.address();
}

void HttpServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(impl_->wake, &one, sizeof(one));
  impl_->thread.join();
  impl_->listening.Close();
}

}  // namespace weir::http
