#include "common/security/audit.h"

#include "absl/strings/str_cat.h"
#include "common/base/log/audit.h"

namespace weir::security {

void Audit(const Principal& who, std::string_view peer, std::string_view verb, const std::string& job,
           const absl::Status& result) {
  constexpr size_t kMaxName = 200;  // a peer's text
  log::Audit(absl::StrCat("audit: ", std::string(verb), " ",
                          result.ok() ? "done" : absl::StatusCodeToString(result.code())),
             {{"job", job.substr(0, kMaxName)},
              {"category", "audit"},
              {"who", who.name},
              {"role", ToString(who.role)},
              {"peer", std::string(peer)},
              {"verb", std::string(verb)},
              {"result", absl::StatusCodeToString(result.code())}});
}

}  // namespace weir::security
