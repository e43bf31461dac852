#include "common/security/path_roots.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/security/refusals.h"

namespace weir::security {
namespace {

struct Free {
  void operator()(char* text) const { std::free(text); }
};

/// Where a path leads to: its longest existing part without links, and the rest as it stands.
absl::StatusOr<std::string> Resolve(const std::string& path) {
  if (path.find('\0') != std::string::npos) return absl::InvalidArgumentError("a byte 0 in it");
  std::string existing = path.empty() || path.front() != '/' ? "./" + path : path;
  std::string rest;
  while (true) {
    const std::unique_ptr<char, Free> real(realpath(existing.c_str(), nullptr));
    if (real != nullptr) {
      std::string found(real.get());
      if (rest.empty()) return found;
      return found == "/" ? rest : found + rest;
    }
    if (errno != ENOENT) return absl::InvalidArgumentError(std::strerror(errno));
    while (existing.size() > 1 && existing.back() == '/') existing.pop_back();
    const size_t slash = existing.rfind('/');
    if (slash == std::string::npos) return absl::InvalidArgumentError("no such path");
    const std::string name = existing.substr(slash + 1);
    if (name == "..") return absl::InvalidArgumentError("`..` behind a folder that does not exist");
    // A link that leads to nothing would be followed by whoever makes the file.
    char target[PATH_MAX];
    if (readlink(existing.c_str(), target, sizeof(target)) >= 0)
      return absl::InvalidArgumentError("a symbolic link that leads to nothing");
    if (name != ".") rest = "/" + name + rest;
    existing.resize(slash == 0 ? 1 : slash);
  }
}

bool IsBelow(std::string_view path, std::string_view root) {
  if (root == "/") return true;
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

PathRoots PathRoots::Any() {
  PathRoots roots;
  roots.any_ = true;
  return roots;
}

PathRoots::PathRoots(std::vector<std::string> roots) : roots_(std::move(roots)) {}

PathRoots PathRoots::With(std::string root) const {
  PathRoots more = *this;
  more.roots_.push_back(std::move(root));
  return more;
}

absl::Status PathRoots::Check(const std::string& path) const {
  if (any_) return absl::OkStatus();
  const absl::StatusOr<std::string> real = Resolve(path);
  if (real.ok()) {
    for (const std::string& root : roots_) {
      // Each time: a root may be made, or be mounted, after the start.
      const absl::StatusOr<std::string> real_root = Resolve(root);
      if (real_root.ok() && IsBelow(*real, *real_root)) return absl::OkStatus();
    }
  }
  const std::string why = absl::StrCat(
      "`", path, "` is outside of what jobs may use on this daemon (allowed_paths: ",
      roots_.empty() ? "none" : absl::StrJoin(roots_, ", "), ")",
      real.ok() ? "" : absl::StrCat(": ", real.status().message()));
  Refuse(Refusal::kOutsideRoots, why, "a job");
  return absl::InvalidArgumentError(why);
}

absl::Status PathRoots::CheckPattern(const std::string& pattern) const {
  const size_t wild = pattern.find_first_of("*?[");
  if (any_ || wild == std::string::npos) return Check(pattern);
  if (absl::StrCat("/", pattern, "/").find("/../", wild) != std::string::npos)
    return Check(pattern);  // as a plain path: `..` behind what does not exist is refused
  const size_t slash = pattern.rfind('/', wild);
  return Check(slash == std::string::npos ? "." : slash == 0 ? "/" : pattern.substr(0, slash));
}

}  // namespace weir::security
