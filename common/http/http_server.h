#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::http {

/// What a handler answers.
struct Response {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// The small HTTP server of both daemons: GET only.
///
/// Thread:  Start, Stop and the destructor from one thread; handlers run on the server's own two
/// threads at once and must
///          be thread-safe.
/// Shape:   paths are exact, `/metrics`; HEAD works as GET; any other path is 404.
/// Bound:   two worker threads, 16 waiting connections, a request of at most 8 KiB.
/// Errors:  Start: kInvalidArgument = the address is not HOST:PORT or does not resolve, or is not
/// loopback and
///          `insecure` is false; kAlreadyExists = the port is taken (named); kUnavailable = it
///          cannot be bound.
class HttpServer {
 public:
  using Handler = std::function<Response()>;

  HttpServer();
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before Start.
  void Get(const std::string& path, Handler handler);
  /// Binds and serves. Port 0: any free one. Returns HOST:PORT as bound.
  absl::StatusOr<std::string> Start(const std::string& address, bool insecure = false);
  /// Answers what is under way, then closes. Idempotent.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::http
