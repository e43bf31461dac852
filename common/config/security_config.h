#pragma once

#include <string>
#include <vector>

namespace weir::config {

/// PEM files of one side of a TLS connection. The files are read again when they change.
struct TlsConfig {
  std::string cert;  // our certificate, with those between it and the CA
  std::string key;
  std::string ca;  // who may have signed the peer's certificate; empty: the system's CAs
  bool require_client_cert = false;  // servers: a peer without a certificate by `ca` is refused

  /// Whether a server speaks TLS.
  bool serves() const { return !cert.empty(); }
  /// Whether a client speaks TLS.
  bool connects() const { return !cert.empty() || !ca.empty(); }
};

/// What both daemons let in and give out.
struct SecurityConfig {
  TlsConfig tls;
  std::string token_file;                  // empty: nobody is asked who they are
  std::string secrets_dir;                 // of `${secret:name}`; empty: there are none
  std::vector<std::string> allowed_paths;  // roots of files that jobs name
  bool any_path = false;                   // the roots are not looked at

  /// Whether an address that other machines reach may be bound.
  bool guarded() const { return tls.serves() && !token_file.empty(); }
};

}  // namespace weir::config
