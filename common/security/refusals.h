#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "common/metrics/metrics.h"

namespace weir::security {

/// Why somebody was turned away.
enum class Refusal : uint8_t {
  kPlainText,           // to a port that speaks TLS
  kTlsToPlainPort,      // TLS to a port that does not
  kOtherProtocol,       // first bytes that are not of what the port speaks
  kTlsHandshake,        // no certificate, or one that is not trusted
  kSilent,              // connected and did not speak
  kTooManyConnections,
  kNoCredential,        // no token, or one that nobody has
  kForbidden,           // a token that is not good for this
  kMalformed,           // bytes that are no message
  kOutsideRoots,        // a job's path outside of allowed_paths
};
inline constexpr int kRefusals = 10;
const char* ToString(Refusal reason);

/// Counts it, and logs it as a warning: for each reason ten lines at once, then one a second, which
/// says how many were left out. Thread: thread-safe.
void Refuse(Refusal reason, std::string_view what, std::string_view peer);

int64_t Refused(Refusal reason);

/// Shows the counts as weir_refused_total{reason}, as long as the handle lives.
std::shared_ptr<void> ExportRefusals(metrics::Registry* registry);

}  // namespace weir::security
