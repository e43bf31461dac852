#include "common/security/refusals.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"

namespace weir::security {
namespace {

constexpr int64_t kLinesAtOnce = 10;

struct Count {
  std::atomic<int64_t> total{0};
  std::atomic<int64_t> paid_until{0};
  std::atomic<int64_t> left_out{0};
};

Count& CountOf(Refusal reason) {
  static auto* const counts = new std::array<Count, kRefusals>();
  return (*counts)[static_cast<size_t>(reason)];
}

}  // namespace

const char* ToString(Refusal reason) {
  switch (reason) {
    case Refusal::kPlainText: return "plain_text";
    case Refusal::kTlsToPlainPort: return "tls_to_plain_port";
    case Refusal::kOtherProtocol: return "other_protocol";
    case Refusal::kTlsHandshake: return "tls_handshake";
    case Refusal::kSilent: return "silent";
    case Refusal::kTooManyConnections: return "too_many_connections";
    case Refusal::kNoCredential: return "no_credential";
    case Refusal::kForbidden: return "forbidden";
    case Refusal::kMalformed: return "malformed";
    case Refusal::kOutsideRoots: return "outside_roots";
  }
  return "?";
}

void Refuse(Refusal reason, std::string_view what, std::string_view peer) {
  Count& count = CountOf(reason);
  count.total.fetch_add(1, std::memory_order_relaxed);
  const int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now().time_since_epoch())
                          .count();
  // A line costs a second; ten may be taken in advance.
  int64_t paid_until = count.paid_until.load();
  const int64_t then = std::max(paid_until, now) + 1000;
  if (then > now + kLinesAtOnce * 1000 || !count.paid_until.compare_exchange_strong(paid_until, then)) {
    count.left_out.fetch_add(1);
    return;
  }
  const int64_t left_out = count.left_out.exchange(0);
  log::Warning(absl::StrCat("refused: ", absl::string_view(what.data(), what.size()),
                            left_out > 0 ? absl::StrCat(" (and ", left_out, " more)") : ""),
               {{"category", "refused"}, {"reason", ToString(reason)}, {"peer", std::string(peer)}});
}

int64_t Refused(Refusal reason) { return CountOf(reason).total.load(std::memory_order_relaxed); }

std::shared_ptr<void> ExportRefusals(metrics::Registry* registry) {
  std::vector<std::pair<Refusal, std::shared_ptr<metrics::Counter>>> counters;
  for (int i = 0; i < kRefusals; ++i) {
    const auto reason = static_cast<Refusal>(i);
    counters.emplace_back(
        reason, registry->GetCounter("weir_refused_total", "Peers and calls turned away.",
                                     {{"reason", ToString(reason)}}));
  }
  return registry->OnCollect([counters = std::move(counters)] {
    for (const auto& [reason, counter] : counters) counter->Set(Refused(reason));
  });
}

}  // namespace weir::security
