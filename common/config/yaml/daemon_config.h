#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/keys.h"
#include "common/config/security_config.h"
#include "common/config/yaml/environment.h"

namespace weir::config {

/// Who leads when there are several JobManagers, and where their memory lies.
struct HighAvailabilityConfig {
  bool etcd = false;  // else the folder state_dir
  std::vector<std::string> endpoints;
  std::string prefix;
  std::string address;  // HOST:PORT under which others reach this JobManager
  int64_t lease_seconds = 0;
  std::string ca, cert, key;  // PEM files, for https endpoints
};

/// Settings of `weir jobmanager`; the values are the defaults (job-spec.md, section 3).
struct JobManagerConfig {
  std::string listen;       // HOST:PORT
  std::string http_listen;  // HOST:PORT; empty: off
  std::string state_dir;
  std::string checkpoint_storage;  // file:///…
  HighAvailabilityConfig high_availability;
  int64_t heartbeat_interval_ms = 0;
  int64_t heartbeat_timeout_ms = 0;
  SecurityConfig security;
};

/// Settings of `weir taskmanager`.
struct TaskManagerConfig {
  std::string name;  // empty: HOST:PORT, known when it listens
  std::vector<std::string> jobmanagers;
  std::string listen;
  std::string advertise;    // host
  std::string http_listen;  // empty: off
  int32_t slots = 0;
  int64_t memory_bytes = 0;
  std::string state_dir;
  SecurityConfig security;
};

/// Where settings come from; what is further down wins.
struct ConfigSources {
  std::string path;                    // of the YAML file; empty: none
  Environment environment;             // WEIR__SECTION__KEY
  std::vector<std::string> overrides;  // `section.key=value` of --set; later ones win
  bool insecure = false;               // --insecure: any address may be bound without TLS and tokens
};

/// Reads, checks and completes a daemon's settings.
///
/// Errors:  kInvalidArgument; the message holds every mistake as Render writes it (in several
/// lines), those of the
///          environment and of --set with the variable and the option in place of FILE:LINE:COLUMN.
absl::StatusOr<JobManagerConfig> LoadJobManagerConfig(const ConfigSources& sources);
absl::StatusOr<TaskManagerConfig> LoadTaskManagerConfig(const ConfigSources& sources);

/// The keys, for documentation: those with dots are inside a section.
const std::vector<KeySpec>& JobManagerKeys();
const std::vector<KeySpec>& TaskManagerKeys();

/// Splits `HOST:PORT` (`[::1]:80` too). False when it is not one.
bool SplitHostPort(std::string_view address, std::string* host, int* port);
/// 127.x.y.z, ::1, localhost.
bool IsLoopback(std::string_view host);

}  // namespace weir::config
