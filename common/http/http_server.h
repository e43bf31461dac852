#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/security_config.h"
#include "common/security/access.h"

namespace weir::http {

/// What a handler answers.
struct Response {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// The small HTTP server of both daemons: GET and HEAD of a few exact paths; any other path is 404.
///
/// Thread:  Start, Stop and the destructor from one thread; handlers run on the server's own, one at
///          a time, and must not block.
/// Shape:   one request per connection. With TLS the port speaks nothing else.
/// Bound:   256 connections, the oldest goes for a new one; a request of at most 8 KiB; 5 s from the
///          connection to the whole request, and 10 s to take the answer.
/// Errors:  Start: kInvalidArgument = the address is not HOST:PORT or does not resolve, is not
///          loopback without TLS and tokens or `insecure`, or the files of TLS are wrong;
///          kAlreadyExists = the port is taken (named); kUnavailable = it cannot be bound.
class HttpServer {
 public:
  using Handler = std::function<Response()>;
  enum class Who { kAnybody, kReader };  // kReader: with a token, where tokens are asked for
  struct Options {
    std::string listen;
    bool insecure = false;
    config::TlsConfig tls;
    std::shared_ptr<security::Access> access;  // null: everybody
  };

  HttpServer();
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before Start.
  void Get(const std::string& path, Handler handler, Who who = Who::kAnybody);
  /// Binds and serves. Port 0: any free one. Returns HOST:PORT as bound.
  absl::StatusOr<std::string> Start(const Options& options);
  absl::StatusOr<std::string> Start(const std::string& address, bool insecure = false) {
    return Start(Options{address, insecure, {}, nullptr});
  }
  /// Closes all at once. Idempotent.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::http
