#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::security {

/// What a token is good for. Each role is apart from the others, but that an admin may also read.
enum class Role : uint8_t { kReadOnly, kAdmin, kTaskManager };
const char* ToString(Role role);

/// Somebody who showed a token.
struct Principal {
  std::string name;
  Role role = Role::kReadOnly;
};

/// The contents of a token file: a line `ROLE NAME TOKEN` for each token, `#` begins a comment.
/// ROLE is read_only, admin or taskmanager; TOKEN is the token itself or `sha256:` and the 64
/// hexadecimal digits of its hash.
///
/// Thread:  a value. Only hashes are kept, but for the token that a TaskManager shows itself.
/// Errors:  kInvalidArgument with the line, never with the token.
class TokenTable {
 public:
  static constexpr size_t kMinTokenBytes = 16;

  static absl::StatusOr<TokenTable> Parse(std::string_view text, const std::string& path);
  static absl::StatusOr<TokenTable> Load(const std::string& path);

  /// Whose token it is; null: nobody's. Takes the same time for every token of a length.
  const Principal* Find(std::string_view token) const;
  /// The first token of that role that is not a hash; empty when there is none.
  std::string Own(Role role) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Principal principal;
    std::string hash;   // 32 bytes
    std::string token;  // of taskmanager only
  };
  std::vector<Entry> entries_;
};

/// The token of a client: the last word of the first line that is no comment, so that a file with
/// nothing but the token serves as well as a line of a token file.
absl::StatusOr<std::string> LoadClientToken(const std::string& path);

}  // namespace weir::security
