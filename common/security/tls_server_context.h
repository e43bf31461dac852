#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/security_config.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace weir::security {

/// Checks the files of a side of TLS once, at its start: readable, certificate and key of one pair,
/// not expired. gRPC says of all of these only that handshakes fail.
/// Errors: kInvalidArgument with the key of the configuration and the file.
absl::Status CheckTlsFiles(const config::TlsConfig& tls);

/// OpenSSL's context of a server, made again when the files have changed (looked at once a second).
/// Thread:  confined.
/// Errors:  a later version that is wrong is logged, and the one before stays.
class TlsServerContext {
 public:
  static absl::StatusOr<std::unique_ptr<TlsServerContext>> Open(const config::TlsConfig& tls);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  /// For the next connection; valid until the next call. (A connection keeps a context of its own.)
  SSL_CTX* Current();

 private:
  explicit TlsServerContext(config::TlsConfig tls) : tls_(std::move(tls)) {}
  std::string Versions() const;

  const config::TlsConfig tls_;
  SSL_CTX* context_ = nullptr;
  std::string versions_;
  std::chrono::steady_clock::time_point look_again_;
};

/// What OpenSSL's queue of errors of this thread holds, and empties it.
std::string TlsErrors();

}  // namespace weir::security
