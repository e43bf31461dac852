#include "common/http/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"

namespace weir::http {

struct HttpServer::Impl {
  httplib::Server server;
  std::thread thread;
};

HttpServer::HttpServer() : impl_(std::make_unique<Impl>()) {
  httplib::Server& server = impl_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  // A connection per request: an idle kept-alive one would hold up Stop for as long as its timeout.
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(std::chrono::seconds(2));
  server.set_write_timeout(std::chrono::seconds(2));
  server.set_payload_max_length(8 * 1024);
  // The default sets SO_REUSEPORT, by which a second daemon would silently share the port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Get(const std::string& path, Handler handler) {
  impl_->server.Get(
      path, [handler = std::move(handler)](const httplib::Request&, httplib::Response& out) {
        Response response = handler();
        out.status = response.code;
        out.set_content(std::move(response.body), response.content_type.c_str());
      });
}

absl::StatusOr<std::string> HttpServer::Start(const std::string& address, bool insecure) {
  auto endpoint = Endpoint::Parse(address);
  if (!endpoint) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_listen: `", address, "` is not HOST:PORT"));
  }
  if (!endpoint->IsLoopback() && !insecure) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_listen: ", address,
                     " is not a loopback address; HTTP has no TLS, so this needs --insecure"));
  }
  errno = 0;
  bool bound = false;
  if (endpoint->port == 0) {
    const int port = impl_->server.bind_to_any_port(endpoint->host);
    bound = port > 0;
    endpoint->port = bound ? port : 0;
  } else {
    bound = impl_->server.bind_to_port(endpoint->host, endpoint->port);
  }
  if (!bound) {
    const int error = errno;
    if (error == EADDRINUSE) {
      return absl::AlreadyExistsError(
          absl::StrCat("http_listen: ", address, " is taken by another process"));
    }
    return absl::UnavailableError(
        absl::StrCat("http_listen: cannot listen on ", address, ": ",
                     error != 0 ? std::strerror(error) : "the host is not known"));
  }
  impl_->thread = std::thread([impl = impl_.get()] { impl->server.listen_after_bind(); });
  // A stop before the loop runs would be lost.
  while (!impl_->server.is_running()) std::this_thread::yield();
  return endpoint->ToString();
}

void HttpServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server.stop();
  impl_->thread.join();
}

}  // namespace weir::http
