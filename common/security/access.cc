#include "common/security/access.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "common/security/refusals.h"

namespace weir::security {
namespace {

constexpr std::string_view kBearer = "Bearer ";

bool IsGoodFor(Role has, Role needed) {
  return has == needed || (has == Role::kAdmin && needed == Role::kReadOnly);
}

}  // namespace

std::string VersionOf(const std::string& path) {
  struct stat info {};
  if (path.empty() || stat(path.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_ino, "/", info.st_size, "/", info.st_mtim.tv_sec, ".",
                      info.st_mtim.tv_nsec);
}

std::shared_ptr<Access> Access::ForAll() { return std::shared_ptr<Access>(new Access("")); }

absl::StatusOr<std::shared_ptr<Access>> Access::Open(const std::string& path) {
  if (path.empty()) return ForAll();
  std::shared_ptr<Access> access(new Access(path));
  access->version_ = VersionOf(path);
  ASSIGN_OR_RETURN(TokenTable table, TokenTable::Load(path));
  access->table_ = std::make_shared<const TokenTable>(std::move(table));
  return access;
}

std::shared_ptr<const TokenTable> Access::Table() {
  std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now < look_again_) return table_;
  look_again_ = now + std::chrono::seconds(1);
  const std::string version = VersionOf(path_);
  if (version == version_) return table_;
  version_ = version;
  absl::StatusOr<TokenTable> table = TokenTable::Load(path_);
  if (table.ok()) {
    table_ = std::make_shared<const TokenTable>(*std::move(table));
    log::Info(absl::StrCat("the token file has changed: ", table_->size(), " tokens"), {{"file", path_}});
  } else {
    log::Error(absl::StrCat("the token file has changed and is wrong; the tokens before stay: ",
                            table.status().message()));
  }
  return table_;
}

absl::StatusOr<Principal> Access::Admit(std::string_view authorization, Role needed,
                                        std::string_view what, std::string_view peer) {
  const std::string call(what);
  if (path_.empty()) {
    if (seen_) seen_(peer);
    return Principal{"anonymous", needed};
  }
  if (!authorization.starts_with(kBearer)) {
    Refuse(Refusal::kNoCredential, call + " without a token", peer);
    return absl::UnauthenticatedError(absl::StrCat(
        call, " needs a token, and none was sent (--token-file or WEIR_TOKEN_FILE; "
              "daemons: auth.token_file)"));
  }
  const std::shared_ptr<const TokenTable> table = Table();
  const Principal* principal = table->Find(authorization.substr(kBearer.size()));
  if (principal == nullptr) {
    Refuse(Refusal::kNoCredential, call + " with a token that is not known", peer);
    return absl::UnauthenticatedError(absl::StrCat(call, ": the token is not known here"));
  }
  if (!IsGoodFor(principal->role, needed)) {
    const std::string why =
        absl::StrCat(call, " needs a token of role ", ToString(needed), "; `", principal->name,
                     "` has role ", ToString(principal->role));
    Refuse(Refusal::kForbidden, why, peer);
    return absl::PermissionDeniedError(why);
  }
  if (seen_) seen_(peer);
  return *principal;
}

std::string Access::Own(Role role) { return path_.empty() ? "" : Table()->Own(role); }

}  // namespace weir::security
