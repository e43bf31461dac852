#include "common/base/loss.h"

#include <optional>

#include "absl/strings/cord.h"

namespace weir {
namespace {

constexpr char kUrl[] = "weir/loss";
constexpr char kRecords[] = "records";
constexpr char kOutcome[] = "outcome";

}  // namespace

absl::Status WithLoss(absl::Status status, Loss loss) {
  switch (loss) {
    case Loss::kNone: status.ErasePayload(kUrl); break;
    case Loss::kRecords: status.SetPayload(kUrl, absl::Cord(kRecords)); break;
    case Loss::kOutcome: status.SetPayload(kUrl, absl::Cord(kOutcome)); break;
  }
  return status;
}

Loss LossOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kUrl);
  if (!payload) return Loss::kNone;
  return *payload == kRecords ? Loss::kRecords : *payload == kOutcome ? Loss::kOutcome : Loss::kNone;
}

}  // namespace weir
