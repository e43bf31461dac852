#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/security/token_table.h"

namespace weir::security {

/// Decides who may call. Without a token file everybody may do everything, as `anonymous`.
///
/// Thread:  thread-safe.
/// Shape:   the token file is looked at again at most once a second; a version that is wrong is
///          logged, and the one before stays in force.
/// Errors:  Open: as TokenTable::Load. Admit: kUnauthenticated = no token, or nobody's;
///          kPermissionDenied = a token of another role. Both are counted and logged.
class Access {
 public:
  /// `path` empty: open to all.
  static absl::StatusOr<std::shared_ptr<Access>> Open(const std::string& path);
  static std::shared_ptr<Access> ForAll();

  /// `authorization`: what the peer sent as such, `Bearer TOKEN`. `what`: for the log, `cancel`.
  absl::StatusOr<Principal> Admit(std::string_view authorization, Role needed,
                                  std::string_view what, std::string_view peer);
  bool asks() const { return !path_.empty(); }
  /// The token that this daemon shows as a TaskManager; empty: there is none.
  std::string Own(Role role);

  /// Called with the peer of every call that was admitted. Before the first Admit.
  void OnAdmitted(std::function<void(std::string_view peer)> seen) { seen_ = std::move(seen); }

 private:
  explicit Access(std::string path) : path_(std::move(path)) {}
  std::shared_ptr<const TokenTable> Table();

  const std::string path_;
  std::function<void(std::string_view peer)> seen_;
  std::mutex mutex_;
  std::shared_ptr<const TokenTable> table_;
  std::string version_;  // of the file that table_ was read from, or of a wrong one after it
  std::chrono::steady_clock::time_point look_again_;
};

/// Size and time of change of a file, empty when it is not there: to tell one version from another.
std::string VersionOf(const std::string& path);

}  // namespace weir::security
