#include "jobmanager/not_leading.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace weir::jobmanager {
namespace {

constexpr char kMark[] = "weir/not-leading";

}  // namespace

absl::Status NotLeading(const std::string& leader) {
  absl::Status status = absl::UnavailableError(
      leader.empty() ? "this JobManager does not lead, and it knows of no other one that does; try again"
                     : absl::StrCat("this JobManager does not lead; the one at ", leader, " does"));
  status.SetPayload(kMark, absl::Cord(leader));
  return status;
}

bool IsNotLeading(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

}  // namespace weir::jobmanager
