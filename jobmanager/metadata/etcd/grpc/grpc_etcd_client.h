#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "jobmanager/metadata/etcd/etcd_client.h"

namespace weir::jobmanager::etcd {

struct GrpcClientOptions {
  /// HOST:PORT, http://HOST:PORT or https://HOST:PORT of the members, at least one.
  std::vector<std::string> endpoints;
  int64_t call_timeout_ms = 1000;  // at one member
  // PEM files, for https; empty: the system's roots, no certificate of ours.
  std::string ca_file, cert_file, key_file;
};

/// A client of etcd over its gRPC API, version 3.
///
/// Thread:  thread-safe. A call is tried at each member once, beginning with the one that answered
///          last; every transaction that is given to it must stand being done twice.
/// Errors:  of making: kInvalidArgument: not endpoints; kNotFound: a file of TLS cannot be read.
absl::StatusOr<std::shared_ptr<Client>> MakeGrpcClient(const GrpcClientOptions& options);

}  // namespace weir::jobmanager::etcd
